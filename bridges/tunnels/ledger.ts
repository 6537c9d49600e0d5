import { readFileSync, rmSync } from 'node:fs';
import { z } from 'zod';
import type { ChildRunner } from '../engine/child.ts';
import { readIfThere, writeFileAtomic } from '../engine/files.ts';
import { silentLogger, type Logger } from '../engine/log.ts';

/**
 * Which processes this engine has started, on disk: what outlives a killed engine is ended at the next start. A
 * process is known by its id and the moment it was born, since ids are given anew.
 */

const Entry = z.object({ pid: z.number().int().min(2), born: z.string() });
type Entry = z.infer<typeof Entry>;

/** When a process was born, in the system's own words; undefined where there is none, or it can't be known. */
export type BornOf = (pid: number) => Promise<string | undefined>;

export type Ledger = {
  add(pid: number): Promise<void>;
  remove(pid: number): void;
  /** Ends those of these processes that are still the ones noted down. */
  end(pids: readonly number[]): Promise<void>;
  /** Ends what an earlier engine left behind, with its process group. Resolves with how many there were. */
  reap(): Promise<number>;
};

/** A file that can't be written or read is logged and no more: the leash holds without it (leash.ts). */
export function openLedger(file: string, bornOf: BornOf, kill: (pid: number) => void, log: Logger = silentLogger): Ledger {
  let held: Entry[] = [];
  /** Who is to be noted down; a process may be gone before it is known when it was born. */
  const wanted = new Set<number>();
  const save = (): void => {
    try {
      if (held.length === 0) rmSync(file, { force: true });
      else writeFileAtomic(file, JSON.stringify(held));
    } catch (error) {
      log.warn('tunnels.ledger_unwritten', { error });
    }
  };
  const endThose = async (entries: readonly Entry[]): Promise<number> => {
    let ended = 0;
    for (const { pid, born } of entries) {
      if ((await bornOf(pid)) !== born) continue;
      kill(pid);
      ended += 1;
    }
    return ended;
  };
  return {
    async add(pid) {
      wanted.add(pid);
      const born = await bornOf(pid);
      if (born === undefined || !wanted.has(pid)) return;
      held.push({ pid, born });
      save();
    },
    remove(pid) {
      wanted.delete(pid);
      const left = held.filter((entry) => entry.pid !== pid);
      if (left.length === held.length) return;
      held = left;
      save();
    },
    async end(pids) {
      await endThose(held.filter(({ pid }) => pids.includes(pid)));
    },
    async reap() {
      const reaped = await endThose(read(file));
      save();
      return reaped;
    },
  };
}

function read(file: string): Entry[] {
  try {
    const text = readIfThere(file);
    return text === undefined ? [] : z.array(Entry).parse(JSON.parse(text));
  } catch {
    // A ledger that can't be read can't be followed; guessing at processes to end would be worse.
    return [];
  }
}

/** Ends a process group, and the process itself where it leads none. */
export function killGroup(pid: number): void {
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, 'SIGKILL');
    } catch {
      // Already gone.
    }
  }
}

/** The system's way to tell when a process was born. */
export function bornOn(platform: NodeJS.Platform, run: ChildRunner): BornOf {
  if (platform === 'linux') return async (pid) => bornOnLinux(pid);
  if (platform === 'win32') return async () => undefined;
  return async (pid) => {
    const { code, stdout } = await run('ps', ['-o', 'lstart=', '-p', String(pid)], { timeoutMs: 5_000 });
    return code === 0 && stdout.trim() !== '' ? stdout.trim() : undefined;
  };
}

function bornOnLinux(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name, in parentheses, may hold spaces; field 22 is counted from behind it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return fields[0] === 'Z' || fields[19] === undefined ? undefined : `${boot} ${fields[19]}`;
  } catch {
    return undefined;
  }
}
