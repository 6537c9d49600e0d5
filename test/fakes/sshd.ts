import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { sshd as program } from '../support/programs.ts';

export type Sshd = {
  port: number;
  /** The account that may log in: whoever runs the tests. */
  user: string;
  pid(): number;
  /** The public host key, as a known_hosts line for a name. */
  knownHosts(host: string): string;
  /** Puts other lines into authorized_keys. */
  authorize(lines: string): void;
  /** Another host key from the next start on. */
  changeHostKey(): void;
  start(): Promise<void>;
  /** Ends the listening process and every session, the hard way. */
  kill(): Promise<void>;
  /** Process ids of the sessions. */
  sessions(): number[];
  log(): string;
  stop(): Promise<void>;
};

/** A real sshd on a loopback port, with keys and settings of its own below `folder`. */
export async function startSshd(
  folder: string,
  options: { authorizedKeys: string; config?: string; port?: number; command?: readonly string[]; address?: string },
): Promise<Sshd> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const at = (name: string): string => path.join(folder, name);
  const port = options.port ?? (await freePort());
  let keyNumber = 0;
  const makeHostKey = (): void => {
    keyNumber += 1;
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', at(`host${keyNumber}`)]);
  };
  makeHostKey();
  writeFileSync(at('authorized_keys'), options.authorizedKeys, { mode: 0o600 });
  const user = os.userInfo().username;
  let child: ChildProcess | undefined;
  let said = '';

  const start = async (): Promise<void> => {
    writeFileSync(
      at('sshd_config'),
      `Port ${port}
ListenAddress ${options.address ?? '127.0.0.1'}
HostKey ${at(`host${keyNumber}`)}
PidFile none
UsePAM no
StrictModes no
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
AuthorizedKeysFile ${at('authorized_keys')}
LogLevel VERBOSE
${options.config ?? ''}`,
    );
    if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true });
    const [command, ...args] = [...(options.command ?? []), program ?? 'sshd', '-D', '-e', '-f', at('sshd_config')];
    if (command === undefined) throw new Error('no command');
    const started = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    child = started;
    await new Promise<void>((resolve, reject) => {
      started.stderr.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        if (/Server listening on/.test(chunk.toString())) resolve();
      });
      started.once('exit', (code) => reject(new Error(`sshd ended (${code}): ${said}`)));
    });
  };
  await start();

  const running = (): ChildProcess => {
    if (child === undefined) throw new Error('sshd is not running');
    return child;
  };
  const kill = async (): Promise<void> => {
    const old = child;
    child = undefined;
    if (old?.pid === undefined || old.exitCode !== null) return;
    const all = [old.pid, ...descendants(old.pid)];
    const gone = once(old, 'exit');
    for (const pid of all) killHard(pid);
    await gone;
  };
  return {
    port,
    user,
    pid: () => running().pid ?? 0,
    knownHosts: (host) =>
      `${host} ${readFileSync(at(`host${keyNumber}.pub`), 'utf8')
        .split(' ')
        .slice(0, 2)
        .join(' ')}\n`,
    authorize: (lines) => writeFileSync(at('authorized_keys'), lines, { mode: 0o600 }),
    changeHostKey: makeHostKey,
    start,
    kill,
    sessions: () => descendants(running().pid ?? 0),
    log: () => said,
    stop: kill,
  };
}

/** Writes an executable script. */
export function writeScript(file: string, text: string): void {
  writeFileSync(file, text);
  chmodSync(file, 0o755);
}

export function killHard(pid: number, signal: NodeJS.Signals = 'SIGKILL'): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Already gone.
  }
}

/** Process ids below a process. */
export function descendants(pid: number): number[] {
  let children: number[];
  try {
    children = execFileSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' })
      .split('\n')
      .map(Number)
      .filter((one) => one > 0);
  } catch {
    return [];
  }
  return children.flatMap((child) => [child, ...descendants(child)]);
}

/**
 * A port nobody listens on. Not one the system would hand out for outgoing connections: another test could get it
 * between this and its use.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(12_000, 32_000);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
