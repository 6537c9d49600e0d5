import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { canPin } from './system.ts';

/** The core of what is measured, and the core of everything that measures it. */
export const CORES = { proxy: '0', load: '1', any: `0-${Math.max(0, os.availableParallelism() - 1)}` } as const;

export type StartOptions<T> = {
  command: string;
  args: readonly string[];
  core: keyof typeof CORES;
  cwd?: string;
  env?: Readonly<Record<string, string>>;
  /** Reads a line of the child's stdout; the first that gives a value tells that the child is ready. */
  ready: (line: string) => T | undefined;
};

export type Started<T> = {
  pid: number;
  ready: T;
  /** Throws where the process has ended by itself: what was measured since is worth nothing. */
  check: () => void;
  stop: () => Promise<void>;
};

const READY_MS = 30_000;
const STOP_MS = 8_000;
const running = new Set<ChildProcess>();
const folders = new Set<string>();

/** Starts a process in a group of its own, pinned to its core, and waits for it to say that it is ready. */
export async function startProcess<T>(options: StartOptions<T>): Promise<Started<T>> {
  const [command, args] = pinned(options.core, options.command, options.args);
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: process.platform !== 'win32',
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  const stop = (): Promise<void> => stopProcess(child);
  let last = '';
  child.stderr.on('data', (chunk: Buffer) => (last = (last + chunk.toString('utf8')).slice(-2_000)));
  const check = (): void => {
    const how = child.exitCode ?? child.signalCode;
    if (how !== null) throw new Error(`${path.basename(options.command)} ${options.args.join(' ')} ended by itself (${how}): ${last}`);
  };
  try {
    return { pid: child.pid ?? 0, ready: await firstReady(child, options, () => last), check, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Processes under way, by their ids. */
export function runningPids(): number[] {
  return [...running].flatMap((child) => child.pid ?? []);
}

/** Runs a program to its end on the measuring side's core; resolves with its stdout. Rejects where it failed. */
export function runProgram(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString('utf8')));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString('utf8')));
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(out);
      else reject(new Error(`${path.basename(command)} ${args.join(' ')} ended with ${code}: ${err || out}`));
    });
  });
}

/** A folder that is gone when the benchmark is. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-bench-'));
  folders.add(folder);
  return folder;
}

/** Removes one temporary folder before the end. */
export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  folders.delete(folder);
}

/** Ends what still runs and removes what was written, whichever way this process ends. */
export function cleanUpAtExit(): void {
  process.on('exit', () => {
    for (const child of running) killGroup(child, 'SIGKILL');
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130));
}

function pinned(core: keyof typeof CORES, command: string, args: readonly string[]): [string, readonly string[]] {
  return canPin ? ['taskset', ['-c', CORES[core], command, ...args]] : [command, args];
}

function firstReady<T>(child: ChildProcess, options: StartOptions<T>, said: () => string): Promise<T> {
  return new Promise((resolve, reject) => {
    const name = `${path.basename(options.command)} ${options.args.join(' ')}`;
    const timer = setTimeout(() => reject(new Error(`${name} was not ready in time: ${said()}`)), READY_MS);
    const settle = (act: () => void): void => {
      clearTimeout(timer);
      act();
    };
    child.once('error', (error) => settle(() => reject(error)));
    child.once('exit', (code) => settle(() => reject(new Error(`${name} ended with ${code} before it was ready: ${said()}`))));
    if (child.stdout === null) return;
    createInterface({ input: child.stdout }).on('line', (line) => {
      const value = options.ready(line);
      if (value !== undefined) settle(() => resolve(value));
    });
  });
}

async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const timer = setTimeout(() => killGroup(child, 'SIGKILL'), STOP_MS);
  await ended;
  clearTimeout(timer);
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    if (process.platform === 'win32') execFileSync('taskkill', ['/pid', String(child.pid), '/t', '/f'], { stdio: 'ignore' });
    else process.kill(-child.pid, signal);
  } catch {
    // It has ended by itself.
  }
}
