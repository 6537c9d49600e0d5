import { runCli } from '../../bridges/hosts/cli/index.ts';

export type Said = { code: number; out: string; err: string };

/** Runs the `drawbridge` command in this process, on the engine of a state folder. `secrets`: what is typed unseen, one for each question. */
export async function runCommand(home: string, argv: readonly string[], secrets: readonly string[] = []): Promise<Said> {
  const said = { out: '', err: '' };
  const typed = [...secrets];
  const before = process.env['DRAWBRIDGE_HOME'];
  process.env['DRAWBRIDGE_HOME'] = home;
  try {
    const code = await runCli({
      argv,
      version: '0.0.0-test',
      windowFolder: '',
      signal: new AbortController().signal,
      output: {
        out: (text) => void (said.out += `${text}\n`),
        err: (text) => void (said.err += `${text}\n`),
        interactive: false,
        confirm: async () => false,
        secret: async () => typed.shift() ?? '',
      },
    });
    return { code, ...said };
  } finally {
    if (before === undefined) delete process.env['DRAWBRIDGE_HOME'];
    else process.env['DRAWBRIDGE_HOME'] = before;
  }
}
