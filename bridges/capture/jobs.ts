import type { Slices } from './upkeep.ts';

/** Gives what a job made, or throws what it threw. */
type Result<T> = () => T;

/**
 * Runs work in slices, one after the other and one job at a time; between two slices the thread does whatever else has
 * come. `done` hears of each job once.
 */
export function jobRunner(): { add<T>(work: Slices<T>, done: (result: Result<T>) => void): void; stop(): void } {
  const waiting: (() => boolean)[] = [];
  let turn: NodeJS.Immediate | undefined;
  const step = (): void => {
    turn = undefined;
    const [job] = waiting;
    if (job === undefined) return;
    if (job()) waiting.shift();
    if (waiting.length > 0) turn = setImmediate(step);
  };
  return {
    add(work, done) {
      waiting.push(() => {
        try {
          const next = work.next();
          if (next.done !== true) return false;
          done(() => next.value);
        } catch (error) {
          done(() => {
            throw error;
          });
        }
        return true;
      });
      turn ??= setImmediate(step);
    },
    stop() {
      clearImmediate(turn);
      waiting.length = 0;
    },
  };
}
