import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';

const COMMAND = path.resolve(import.meta.dirname, '../../scripts/drawbridge.mjs');
/** Runs a command on a terminal of its own (util-linux; the one of other systems takes other arguments). */
const SCRIPT = '/usr/bin/script';

export const hasTerminal = process.platform === 'linux' && existsSync(SCRIPT);

export type AtTerminal = {
  env: NodeJS.ProcessEnv;
  /** What is typed at each question, in this order. */
  answers: readonly [question: string, typed: string][];
  /** Told of the process, to end it where a test fails. */
  onChild?: (child: ChildProcess) => void;
};

/** Runs the built command as somebody at a terminal does; resolves with its exit code and all that stood there. */
export async function atTerminal(args: readonly string[], { env, answers, onChild }: AtTerminal): Promise<{ code: number; shown: string }> {
  const command = [process.execPath, COMMAND, ...args].map((word) => `'${word}'`).join(' ');
  const terminal = spawn(SCRIPT, ['-qec', command, '/dev/null'], { env: { ...env, TERM: 'dumb' }, stdio: ['pipe', 'pipe', 'inherit'] });
  onChild?.(terminal);
  const left = [...answers];
  let shown = '';
  terminal.stdout.setEncoding('utf8').on('data', (text: string) => {
    shown += text;
    const [next] = left;
    if (next === undefined || !shown.includes(next[0])) return;
    left.shift();
    terminal.stdin.write(next[1]);
  });
  const [code] = (await once(terminal, 'exit')) as [number];
  return { code, shown };
}
