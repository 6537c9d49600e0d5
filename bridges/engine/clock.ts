import { setTimeout as timer } from 'node:timers/promises';

/** Time as a parameter, so that what depends on it can be tested without waiting. */
export type Clock = {
  /** Unix milliseconds. */
  now(): number;
  /** Milliseconds of a clock that never jumps, for durations. */
  monotonic(): number;
};

export const systemClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() };

/** Resolves after a time in milliseconds, or when the signal aborts. */
export type Pause = (milliseconds: number, signal: AbortSignal) => Promise<void>;

/** Keeps no process alive. */
export const systemPause: Pause = async (milliseconds, signal) => {
  await timer(milliseconds, undefined, { signal, ref: false }).catch(() => undefined);
};

/** What a work comes to; throws an Error that says `late` where it takes longer than a time in milliseconds. */
export async function inTime<T>(work: Promise<T>, milliseconds: number, late: string, pause: Pause = systemPause): Promise<T> {
  const over = new AbortController();
  const overdue = pause(milliseconds, over.signal).then(() => {
    throw new Error(late);
  });
  return Promise.race([work, overdue]).finally(() => over.abort());
}
