/** Time as a parameter, so that what depends on it can be tested without waiting. */
export type Clock = {
  /** Unix milliseconds. */
  now(): number;
  /** Milliseconds of a clock that never jumps, for durations. */
  monotonic(): number;
};

export const systemClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() };
