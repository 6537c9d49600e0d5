import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline/promises';
import { readSecret } from './secret.ts';
import { productVersion } from '../version.ts';
import { runCli } from './index.ts';

/** The `drawbridge` command, built: everything about this process that the command takes as a parameter. */
const command = process.argv.slice(2).find((word) => !word.startsWith('-')) ?? '';
const interrupted = new AbortController();
if (['tail', 'signin', 'export'].includes(command)) process.once('SIGINT', () => interrupted.abort());
// An engine serves on, and stops in order, when nobody reads any more what it says: its terminal may have been closed.
const serves = command === 'start';
const onUnwritten = (error: NodeJS.ErrnoException): void => {
  if (serves) return;
  // `drawbridge calls | head` closes our end early; that is no failure.
  const closed = error.code === 'EPIPE';
  if (!closed) console.error(`drawbridge: What was asked for could not be written: ${error.message}.`);
  process.exit(closed ? 0 : 1);
};
process.stderr.on('error', () => {});
process.stdout.on('error', onUnwritten);

process.exitCode = await runCli({
  argv: process.argv.slice(2),
  version: productVersion(),
  input: process.stdin,
  launcher: [process.execPath, path.resolve(import.meta.dirname, '../scripts/drawbridge.mjs')],
  windowFolder: path.join(import.meta.dirname, 'renderer'),
  signal: interrupted.signal,
  output: {
    out: (text) => console.log(text),
    err: (text) => console.error(text),
    interactive: process.stdin.isTTY && process.stdout.isTTY,
    async confirm(question) {
      const terminal = createInterface({ input: process.stdin, output: process.stdout });
      // Ctrl+C and Ctrl+D close it unanswered, which is no yes.
      const left = once(terminal, 'close').then(() => '');
      const answer = await Promise.race([terminal.question(`${question} [y/N] `).catch(() => ''), left]);
      terminal.close();
      return /^y(?:es)?$/i.test(answer.trim());
    },
    secret: (question) => readSecret(question, process.stdin, process.stderr),
  },
});
// A pipe takes what was written in its own time; only then is it safe to leave.
process.stdout.write('', () => {
  if (process.stdout.errored !== null) onUnwritten(process.stdout.errored);
  process.exit();
});
