import type { Quiet } from './quiet.ts';
import type { Report } from './report.ts';
import { median, shuffled } from './stats.ts';
import { withTargets, type Target, type TargetName } from './targets.ts';

/** What every scenario works with. */
export type Context = {
  /** The mock's port. */
  mock: number;
  quiet: Quiet;
  quick: boolean;
  /** Rounds to run: what the command line says, else the scenario's own number for a full or a quick run. */
  rounds: (full: number, quick: number) => number;
};

/** One thing that is measured. `about` says in a sentence what the figures mean. */
export type Scenario = { name: string; about: string; run: (context: Context) => Promise<Report> };

/** What was measured of one target: one entry per round, in the order of the rounds. */
export type Measured<T> = { target: Target; rounds: T[] };

/**
 * Starts the targets, warms each up, and measures all of them once per round in random order, so that what changes on
 * the machine meanwhile meets all of them alike.
 */
export function interleaved<T>(
  context: Context,
  options: {
    targets: readonly TargetName[];
    rounds: number;
    warmUp?: (target: Target) => Promise<unknown>;
    window: (target: Target) => Promise<T>;
    /** Runs once more after all rounds, while the targets are up. */
    after?: (targets: readonly Target[]) => Promise<unknown>;
  },
): Promise<Measured<T>[]> {
  return withTargets(options.targets, context.mock, async (targets) => {
    const measured = targets.map((target) => ({ target, rounds: new Array<T>() }));
    for (const target of targets) await options.warmUp?.(target);
    for (let round = 0; round < options.rounds; round += 1) {
      for (const one of shuffled(measured)) one.rounds.push(await context.quiet.window(() => options.window(one.target)));
    }
    await options.after?.(targets);
    return measured;
  });
}

/** The median over all rounds of a figure of one target. */
export function figure<T>(measured: Measured<T>, read: (round: T) => number): number {
  return median(measured.rounds.map(read));
}

/** The median over all rounds of a figure less the same round's figure of `base`: what the target adds to it. */
export function added<T>(measured: Measured<T>, base: Measured<T>, read: (round: T) => number): number {
  return median(
    measured.rounds.flatMap((round, i) => {
      const other = base.rounds[i];
      return other === undefined ? [] : [read(round) - read(other)];
    }),
  );
}

/** The median over all rounds of a figure divided by the same round's figure of `base`. */
export function ratio<T>(measured: Measured<T>, base: Measured<T>, read: (round: T) => number): number {
  return median(
    measured.rounds.flatMap((round, i) => {
      const other = base.rounds[i];
      return other === undefined ? [] : [read(round) / read(other)];
    }),
  );
}

/** The measurements of one target. Throws where it was not measured. */
export function of<T>(all: readonly Measured<T>[], name: TargetName): Measured<T> {
  const found = all.find((one) => one.target.name === name);
  if (found === undefined) throw new Error(`${name} was not measured`);
  return found;
}
