import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

/** What a short-lived child process said. `code` is null where it was killed or could not be started. */
export type ChildResult = { code: number | null; stdout: string; stderr: string };

/** The one way child processes are run. Never through a shell; the environment is given, not inherited. */
export type ChildRunner = (
  command: string,
  args: readonly string[],
  options: { timeoutMs: number; env?: Readonly<Record<string, string>> },
) => Promise<ChildResult>;

/** Runs children for real, with only the variables programs need to find each other and the user's folders. Never rejects. */
export const runChild: ChildRunner = (command, args, options) =>
  new Promise<ChildResult>((resolve) => {
    execFile(
      command,
      [...args],
      {
        timeout: options.timeoutMs,
        // One that does not listen to being asked would be waited for without end.
        killSignal: 'SIGKILL',
        maxBuffer: 1024 * 1024,
        windowsHide: true,
        env: { ...plainEnvironment(), ...options.env },
      },
      (error, stdout, stderr) => resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : null, stdout, stderr }),
    );
    // Node throws some of what keeps a program from being started, as it does for a `.cmd` on Windows.
  }).catch((error: unknown) => ({ code: null, stdout: '', stderr: String(error) }));

/** How a long-lived child ended. `failed` is why it could not even be started. */
export type ChildEnd = { code: number | null; signal: NodeJS.Signals | null; failed: string | null };

/** A child that lives on. It is told to end by its stdin closing, which also happens when this process dies. */
export type LongChild = {
  pid: number | undefined;
  ended: Promise<ChildEnd>;
  /** Closes the child's stdin. */
  release(): void;
  kill(): void;
};

/** The one way children that live on are started. Never through a shell; the environment is given, not inherited. */
export type ChildStarter = (
  command: string,
  args: readonly string[],
  options: { env: Readonly<Record<string, string>>; onOut: (line: string) => void; onErr: (line: string) => void },
) => LongChild;

/** Starts such children for real. */
export const startChild: ChildStarter = (command, args, options) => {
  // Where the system has no file to spare a child comes without pipes, and says why only after this.
  const child: ChildProcess = spawn(command, args, {
    env: { ...plainEnvironment(), ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
    windowsHide: true,
  });
  child.stdin?.on('error', () => {});
  if (child.stdout) createInterface({ input: child.stdout }).on('line', options.onOut);
  if (child.stderr) createInterface({ input: child.stderr }).on('line', options.onErr);
  const ended = new Promise<ChildEnd>((resolve) => {
    child.once('error', (error) => resolve({ code: null, signal: null, failed: error.message }));
    // Not on `exit`: what the child last said would come after it. One that was killed says nothing more, though what
    // it started may hold its output open.
    child.once('exit', (code, signal) => {
      if (signal !== null) resolve({ code, signal, failed: null });
    });
    child.once('close', (code, signal) => resolve({ code, signal, failed: null }));
  });
  return { pid: child.pid, ended, release: () => void child.stdin?.end(), kill: () => void child.kill('SIGKILL') };
};

const PASSED_ON = [
  'PATH',
  'HOME',
  'USER',
  'LANG',
  'SystemRoot',
  'USERPROFILE',
  'DISPLAY',
  'WAYLAND_DISPLAY',
  'XDG_RUNTIME_DIR',
  'DBUS_SESSION_BUS_ADDRESS',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'NODE_EXTRA_CA_CERTS',
];

/** What programs need to find each other, the user’s folders and whom to trust, and nothing else. */
export function plainEnvironment(): Record<string, string> {
  const out: Record<string, string> = {};
  for (const name of PASSED_ON) {
    const value = process.env[name];
    if (value !== undefined) out[name] = value;
  }
  return out;
}
