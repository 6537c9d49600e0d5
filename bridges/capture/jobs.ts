/** Work in slices: between two of them the worker writes what has come meanwhile. */
export type Slices<T> = Generator<void, T>;

/** Gives what a job made, or throws what it threw. */
type Result<T> = () => T;

/** Does a slice of it; gives its result once there is one. */
function slice<T>(work: Slices<T>): Result<T> | undefined {
  try {
    const next = work.next();
    return next.done === true ? () => next.value : undefined;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

/**
 * Runs work in slices, one after the other and one job at a time; between two slices the thread does whatever else has
 * come. `done` hears of each job once, and does not throw.
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
        const result = slice(work);
        if (result === undefined) return false;
        done(result);
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
