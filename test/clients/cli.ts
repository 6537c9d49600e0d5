import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';

export type Finished = { code: number | null; stdout: string; stderr: string };

/** No client takes longer than this for a practice turn, unless it hangs. */
const DEADLINE_MS = 100_000;

/**
 * Runs a program to its end. It gets a process group of its own, and whatever is left of that when the program is
 * over, or has had its time, is ended with it.
 */
export async function runToEnd(
  command: string,
  args: readonly string[],
  { cwd, env, input }: { cwd?: string; env: Readonly<Record<string, string>>; input?: string },
): Promise<Finished> {
  const child = spawn(command, args, { cwd, env, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const deadline = setTimeout(() => endGroup(child.pid), DEADLINE_MS);
  try {
    const output = Promise.all([text(child.stdout), text(child.stderr)]);
    const [code] = await once(child, 'exit');
    endGroup(child.pid);
    const [stdout, stderr] = await output;
    return { code: typeof code === 'number' ? code : null, stdout, stderr };
  } finally {
    clearTimeout(deadline);
    endGroup(child.pid);
  }
}

/** Ends every process of a group; one that is gone already is fine. */
export function endGroup(leader: number | undefined): void {
  if (leader === undefined) return;
  try {
    process.kill(-leader, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** A home, a project and a folder for temporary files that no other run has seen; gone when the test is over. */
export type Place = { home: string; project: string; temporary: string; [Symbol.dispose](): void };

export function freshPlace(): Place {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'dbc-'));
  const place = { home: path.join(folder, 'home'), project: path.join(folder, 'project'), temporary: path.join(folder, 'tmp') };
  for (const made of Object.values(place)) mkdirSync(made);
  return { ...place, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}

/** What a program needs of this machine's environment to start at all, and nothing else. */
export function bareEnvironment({ home, temporary }: Pick<Place, 'home' | 'temporary'>, ...binFolders: string[]): Record<string, string> {
  const folders = [...binFolders, path.dirname(process.execPath), process.env['PATH']];
  return { HOME: home, TMPDIR: temporary, PATH: folders.join(path.delimiter) };
}

/** How this machine reaches the registry. */
export function networkEnvironment(): Record<string, string> {
  const out: Record<string, string> = { npm_config_userconfig: path.join(os.homedir(), '.npmrc') };
  for (const [name, value] of Object.entries(process.env))
    if (value !== undefined && /_proxy$|^npm_config_registry$|^node_extra_ca_certs$|^ssl_cert_/i.test(name)) out[name] = value;
  return out;
}
