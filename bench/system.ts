import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import os from 'node:os';

/** What the machine tells of processes: CPU and memory, from /proc where there is one. NaN stands for "not told". */

const TICKS_PER_SECOND = 100;

/** A process and all its descendants. */
export function processTree(pid: number): number[] {
  const found = [pid];
  for (const thread of listed(`/proc/${pid}/task`)) {
    for (const child of words(read(`/proc/${pid}/task/${thread}/children`))) found.push(...processTree(Number(child)));
  }
  return found;
}

/** CPU seconds of a process tree, of the threads that live. */
export function cpuSeconds(pid: number): number {
  if (process.platform !== 'linux') return Number.NaN;
  let nanoseconds = 0;
  for (const one of processTree(pid)) {
    for (const thread of listed(`/proc/${one}/task`)) nanoseconds += Number(words(read(`/proc/${one}/task/${thread}/schedstat`))[0] ?? 0);
  }
  return nanoseconds / 1e9;
}

/** Resident memory of a process tree in MB (2^20 bytes). */
export function residentMb(pid: number): number {
  if (process.platform === 'linux') {
    const sizes = processTree(pid).map((one) => Number(/^VmRSS:\s+(\d+)/m.exec(read(`/proc/${one}/status`))?.[1] ?? 0));
    return sizes.reduce((sum, size) => sum + size, 0) / 1024;
  }
  try {
    return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) / 1024;
  } catch {
    return Number.NaN;
  }
}

/** CPU seconds used on the whole machine so far. */
export function machineCpuSeconds(): number {
  if (process.platform !== 'linux') return Number.NaN;
  const [, user, nice, system, , , interrupts, soft, steal] = words(read('/proc/stat').split('\n')[0] ?? '').map(Number);
  return [user, nice, system, interrupts, soft, steal].reduce<number>((sum, ticks) => sum + (ticks ?? 0), 0) / TICKS_PER_SECOND;
}

/** CPU seconds of this process and of the children it has waited for. */
export function ownCpuSeconds(): number {
  const fields = words(read('/proc/self/stat').replace(/^.*\)/s, ''));
  const waited = Number(fields[13] ?? 0) + Number(fields[14] ?? 0);
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6 + waited / TICKS_PER_SECOND;
}

/** True where a command can be run. */
export function hasCommand(name: string): boolean {
  try {
    execFileSync(process.platform === 'win32' ? 'where' : 'which', [name], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Processes can be kept on a core of their own: two cores at least, and `taskset`. */
export const canPin = process.platform === 'linux' && os.availableParallelism() > 1 && hasCommand('taskset');

/** Moves this process, all its threads and what it starts from now on, to these cores: one, or a range such as `0-3`. */
export function pinSelf(cores: number | string): void {
  if (canPin) execFileSync('taskset', ['-a', '-c', '-p', String(cores), String(process.pid)], { stdio: 'ignore' });
}

function read(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function words(text: string): string[] {
  return text.trim().split(/\s+/).filter(Boolean);
}
