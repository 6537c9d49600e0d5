import type { Quiet } from './quiet.ts';
import type { Report } from './report.ts';
import { median, shuffled, sleep } from './stats.ts';
import { cpuSeconds } from './system.ts';
import { withTargets, type Target, type TargetName } from './targets.ts';

/** What every scenario works with. */
export type Context = {
  /** The mock's port. */
  mock: number;
  quiet: Quiet;
  quick: boolean;
  /** Calls of a large history, where the command line says how many. */
  calls?: number | undefined;
  /** Rounds to run: what the command line says, else the scenario's own number for a full or a quick run. */
  rounds: (full: number, quick: number) => number;
};

/** One thing that is measured. `about` says in a sentence what the figures mean. */
export type Scenario = { name: string; about: string; run: (context: Context) => Promise<Report> };

/** What was measured of one target: one entry per round, in the order of the rounds. */
export type Measured<T> = { name: TargetName; rounds: T[] };

type Options<T> = {
  targets: readonly TargetName[];
  rounds: number;
  /** How often all targets are started anew: two processes of the same program differ by several percent. */
  starts?: number;
  warmUp: (target: Target) => Promise<unknown>;
  window: (target: Target) => Promise<T>;
  /** Runs once after the rounds, while the targets of the last start are up. */
  after?: (targets: readonly Target[]) => Promise<unknown>;
};

/**
 * Starts the targets, warms each up, and measures all of them once per round in random order, so that what changes on
 * the machine meanwhile meets all of them alike. Rounds that other programs disturbed are left out of the result where
 * enough others remain.
 */
export async function interleaved<T>(context: Context, options: Options<T>): Promise<Measured<T>[]> {
  const { targets, rounds, starts = 1 } = options;
  const all: Map<TargetName, T>[] = [];
  const calm: Map<TargetName, T>[] = [];
  for (let start = 1; start <= starts; start += 1) {
    await withTargets(targets, context.mock, async (running) => {
      for (const target of running) {
        await options.warmUp(target);
        await settled(target);
      }
      for (let left = Math.ceil(rounds / starts); left > 0; left -= 1) {
        const round = new Map<TargetName, T>();
        let disturbed = false;
        for (const target of shuffled(running)) {
          const window = await context.quiet.window(() => options.window(target));
          await settled(target);
          round.set(target.name, window.result);
          disturbed ||= window.disturbed;
        }
        all.push(round);
        if (!disturbed) calm.push(round);
      }
      if (start === starts) await options.after?.(running);
    });
  }
  const kept = calm.length >= Math.max(MIN_CALM, all.length / 3) ? calm : all;
  return targets.map((name) => ({ name, rounds: kept.flatMap((round) => entry(round, name)) }));
}

const MIN_CALM = 3;

/** Longer than capture puts off its work (docs/decisions/0023). */
const LOOK_MS = 300;
const SETTLE_MS = 6_000;
/** The part of a core that an engine may use while nobody calls. */
const AT_REST = 0.02;

/**
 * Waits until an engine has done what it put off: beside the next target's window, that would be the next one's cost.
 * Low priorities do not prevent that between processes, which Linux gives equal shares of a core (sched(7), autogroup).
 */
async function settled(target: Target): Promise<void> {
  if (target.engine === undefined || target.pid === undefined) return;
  const until = performance.now() + SETTLE_MS;
  for (let used = AT_REST; used >= AT_REST && performance.now() < until;) {
    const before = cpuSeconds(target.pid);
    await sleep(LOOK_MS);
    used = (cpuSeconds(target.pid) - before) / (LOOK_MS / 1e3);
  }
}

function entry<T>(round: ReadonlyMap<TargetName, T>, name: TargetName): T[] {
  const found = round.get(name);
  return found === undefined ? [] : [found];
}

/** The median over all rounds of a figure of one target. */
export function figure<T>(measured: Measured<T>, read: (round: T) => number): number {
  return median(measured.rounds.map(read));
}

/** The median over all rounds of a figure less the same round's figure of `base`: what the target adds to it. */
export function added<T>(measured: Measured<T>, base: Measured<T>, read: (round: T) => number): number {
  return median(paired(measured, base, (own, other) => read(own) - read(other)));
}

/** The median over all rounds of a figure divided by the same round's figure of `base`. */
export function ratio<T>(measured: Measured<T>, base: Measured<T>, read: (round: T) => number): number {
  return median(paired(measured, base, (own, other) => read(own) / read(other)));
}

function paired<T>(measured: Measured<T>, base: Measured<T>, combine: (own: T, other: T) => number): number[] {
  return measured.rounds.flatMap((round, i) => {
    const other = base.rounds[i];
    return other === undefined ? [] : [combine(round, other)];
  });
}

/** The measurements of one target. Throws where it was not measured. */
export function of<T>(all: readonly Measured<T>[], name: TargetName): Measured<T> {
  const found = all.find((one) => one.name === name);
  if (found === undefined) throw new Error(`${name} was not measured`);
  return found;
}
