import { execFile } from 'node:child_process';

/** What a short-lived child process said. `code` is null where it was killed or could not be started. */
export type ChildResult = { code: number | null; stdout: string; stderr: string };

/** The one way child processes are run. Never through a shell; the environment is given, not inherited. */
export type ChildRunner = (
  command: string,
  args: readonly string[],
  options: { timeoutMs: number; env?: Readonly<Record<string, string>> },
) => Promise<ChildResult>;

/** Runs children for real, with only the variables programs need to find each other and the user's folders. */
export const runChild: ChildRunner = (command, args, options) =>
  new Promise((resolve) => {
    execFile(
      command,
      [...args],
      { timeout: options.timeoutMs, maxBuffer: 1024 * 1024, windowsHide: true, env: { ...plainEnvironment(), ...options.env } },
      (error, stdout, stderr) => resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : null, stdout, stderr }),
    );
  });

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
];

function plainEnvironment(): Record<string, string> {
  const out: Record<string, string> = {};
  for (const name of PASSED_ON) {
    const value = process.env[name];
    if (value !== undefined) out[name] = value;
  }
  return out;
}
