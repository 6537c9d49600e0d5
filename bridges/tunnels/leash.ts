import { spawn } from 'node:child_process';

/**
 * A program of its own, small on purpose: runs one command in a process group of its own and ends the whole group
 * when its stdin closes. The engine holds the other end; however the engine ends, its end closes. Says on stdout, in
 * JSON lines, which process it started and how that ended.
 */

const KILL_AFTER_MS = 1_500;
const windows = process.platform === 'win32';
const [command = '', ...args] = process.argv.slice(2);

// The engine may be gone: then nobody reads this.
process.stdout.on('error', () => {});
const say = (fact: object): void => void process.stdout.write(`${JSON.stringify(fact)}\n`);

const child = spawn(command, args, { detached: !windows, stdio: ['ignore', 'ignore', 2], windowsHide: true });
if (child.pid !== undefined) say({ pid: child.pid });
child.once('error', (error) => {
  say({ failed: 'code' in error ? error.code : error.message });
  process.exitCode = 127;
  process.stdin.destroy();
});
child.once('exit', (code, signal) => {
  // What the command started and left behind goes with it.
  signalGroup('SIGKILL');
  say({ code, signal });
  process.exitCode = code ?? 1;
  process.stdin.destroy();
});

function signalGroup(signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(windows ? child.pid : -child.pid, signal);
  } catch {
    // Already gone.
  }
}

let ending = false;
function end(): void {
  if (ending || child.exitCode !== null || child.signalCode !== null) return;
  ending = true;
  signalGroup('SIGTERM');
  setTimeout(() => signalGroup('SIGKILL'), KILL_AFTER_MS).unref();
}
process.stdin.resume();
for (const event of ['end', 'close', 'error']) process.stdin.once(event, end);
// A terminal's Ctrl+C reaches every process of its group; this one ends in order, not at once.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, end);
