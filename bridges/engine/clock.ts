import { setTimeout as timer } from 'node:timers/promises';

/** Time as a parameter, so that what depends on it can be tested without waiting. */
export type Clock = {
  /** Unix milliseconds. */
  now(): number;
  /** Milliseconds of a clock that never jumps, for durations. */
  monotonic(): number;
};

export const systemClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() };

/** A moment (ISO 8601, or Unix milliseconds) by the clock of whoever sits here, as queries take it: "2026-03-14 15:09:26". */
export function localTime(moment: string | number): string {
  const at = new Date(moment);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 19).replace('T', ' ');
}

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
