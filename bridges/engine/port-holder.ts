import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import net from 'node:net';
import type { ChildRunner } from './child.ts';

/** Who holds a port, as far as this user may know. */
export type PortHolder = { pid: number; command: string };

/** Finds the process that listens on a loopback port. Undefined where it can't be known (another user's process). */
export async function findPortHolder(port: number, platform: NodeJS.Platform, run: ChildRunner): Promise<PortHolder | undefined> {
  if (platform === 'linux') return onLinux(port);
  if (platform === 'win32') return onWindows(port, run);
  return withLsof(port, run);
}

/** The first port after `port` that nobody holds; undefined where twenty in a row are taken. */
export async function nextFreePort(port: number): Promise<number | undefined> {
  for (let candidate = port + 1; candidate <= Math.min(port + 20, 65_535); candidate++) {
    if (await isFree(candidate)) return candidate;
  }
  return undefined;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = net.createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ host: '127.0.0.1', port, exclusive: true }, () => probe.close(() => resolve(true)));
  });
}

/** /proc/net/tcp names the socket's inode, /proc/<pid>/fd who holds it (man proc_pid_net, proc_pid_fd). */
function onLinux(port: number): PortHolder | undefined {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const inodes = new Set<string>();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of readText(table).split('\n').slice(1)) {
      const fields = line.trim().split(/\s+/);
      if (fields[1]?.endsWith(`:${hex}`) === true && fields[3] === LISTEN) inodes.add(`socket:[${fields[9]}]`);
    }
  }
  if (inodes.size === 0) return undefined;
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    if (!handles(entry).some((target) => inodes.has(target))) continue;
    return { pid: Number(entry), command: readText(`/proc/${entry}/comm`).trim() };
  }
  return undefined;
}
const LISTEN = '0A';

function handles(pid: string): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`);
      } catch {
        return '';
      }
    });
  } catch {
    return [];
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

async function withLsof(port: number, run: ChildRunner): Promise<PortHolder | undefined> {
  const { stdout } = await run('lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fpc'], { timeoutMs: 3_000 });
  const pid = /^p(\d+)$/m.exec(stdout)?.[1];
  const command = /^c(.+)$/m.exec(stdout)?.[1];
  return pid === undefined ? undefined : { pid: Number(pid), command: command ?? 'unknown' };
}

async function onWindows(port: number, run: ChildRunner): Promise<PortHolder | undefined> {
  const { stdout } = await run('netstat.exe', ['-ano', '-p', 'TCP'], { timeoutMs: 3_000 });
  const line = stdout.split(/\r?\n/).find((row) => new RegExp(`:${port}\\s+\\S+\\s+LISTENING`).test(row));
  const pid = line?.trim().split(/\s+/).at(-1);
  if (pid === undefined) return undefined;
  const tasks = await run('tasklist.exe', ['/FI', `PID eq ${pid}`, '/FO', 'CSV', '/NH'], { timeoutMs: 3_000 });
  return { pid: Number(pid), command: /^"([^"]+)"/.exec(tasks.stdout)?.[1] ?? 'unknown' };
}
