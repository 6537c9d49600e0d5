import type { Clock } from '../engine/clock.ts';

/** A moment by both clocks, in milliseconds. */
export type Reading = Pick<Clock, 'now' | 'monotonic'>;
export type Instant = { now: number; monotonic: number };

export const instantOf = (clock: Reading): Instant => ({ now: clock.now(), monotonic: clock.monotonic() });

/**
 * Milliseconds since then, by the clock that says more: the monotonic one stands still while a machine sleeps, and the
 * wall clock may be put back.
 */
export function elapsed(since: Instant, clock: Reading): number {
  return Math.max(clock.now() - since.now, clock.monotonic() - since.monotonic);
}
