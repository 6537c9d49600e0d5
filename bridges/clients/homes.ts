import path from 'node:path';

/** Folders where clients keep their own records of their sessions, as the clients themselves find them. Pure. */
export function clientHomes(env: Readonly<Record<string, string | undefined>>, homedir: string): { claude: string; copilot: string } {
  return {
    claude: env['CLAUDE_CONFIG_DIR'] || path.join(homedir, '.claude'),
    copilot: env['COPILOT_HOME'] || path.join(homedir, '.copilot'),
  };
}
