import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** A client as the npm registry has it, pinned: what these tests prove, they prove of this version. */
export type Package = { name: string; version: string; bin: string; installScript: boolean };

export const PACKAGES = {
  codex: { name: '@openai/codex', version: '0.169.0', bin: 'codex', installScript: false },
  claudeCode: { name: '@anthropic-ai/claude-code', version: '2.1.329', bin: 'claude', installScript: true },
  copilot: { name: '@github/copilot', version: '1.0.102', bin: 'copilot', installScript: false },
} as const satisfies Record<string, Package>;

const CACHE = path.resolve(import.meta.dirname, '../../node_modules/.cache/drawbridge-clients');

/** The folder a client stands in; outside git, and a new one for each version. */
export function folderOf(client: Package): string {
  return path.join(CACHE, `${path.basename(client.name)}-${client.version}`);
}

/** The folder of the command a person would type. */
export function binFolderOf(client: Package): string {
  return path.join(folderOf(client), 'node_modules', '.bin');
}

/** The command itself. Throws where the client is not installed. */
export function commandOf(client: Package): string {
  const command = path.join(binFolderOf(client), client.bin);
  if (existsSync(stampOf(client)) && existsSync(command)) return command;
  throw new Error(`${client.name} ${client.version} is not installed. "npm run test:clients" installs it.`);
}

/** Written last: an install that was interrupted has none, and is made anew. */
function stampOf(client: Package): string {
  return path.join(folderOf(client), '.installed');
}

async function install(client: Package): Promise<void> {
  if (existsSync(stampOf(client))) return;
  const started = Date.now();
  const progress = setInterval(() => say(`still installing ${client.name} (${Math.round((Date.now() - started) / 1000)} s)`), 10_000);
  say(`installing ${client.name} ${client.version} (once)`);
  const folder = folderOf(client);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  // A package of its own, so that npm neither looks at nor touches the checkout's.
  const manifest = {
    private: true,
    dependencies: { [client.name]: client.version },
    ...(client.installScript ? { allowScripts: { [client.name]: true } } : {}),
  };
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify(manifest));
  const args = ['install', '--prefix', folder, '--no-save', '--no-audit', '--no-fund', '--no-package-lock', '--loglevel=error'];
  const npm = spawn('npm', [...args, `--ignore-scripts=${client.installScript ? 'false' : 'true'}`], {
    cwd: folder,
    stdio: ['ignore', process.stderr, process.stderr],
  });
  try {
    const [code] = await once(npm, 'exit');
    if (code !== 0) throw new Error(`npm install of ${client.name} ${client.version} ended with code ${String(code)}`);
  } finally {
    clearInterval(progress);
  }
  writeFileSync(stampOf(client), '');
}

const say = (text: string): void => void process.stderr.write(`drawbridge: ${text}\n`);

if (import.meta.main) {
  for (const client of Object.values(PACKAGES)) await install(client);
}
