import { z } from 'zod';
import type { Clock } from '../engine/clock.ts';
import { readIfThere, writeFileAtomic } from '../engine/files.ts';
import type { Logger } from '../engine/log.ts';

/** How much of an account Drawbridge lets through, whatever its clients want. */
export type GovernorLimits = {
  /** Calls under way at once; more wait. */
  concurrency: number;
  /** Milliseconds between the starts of two calls. */
  paceMs: number;
  /** Calls of one day (UTC). */
  dailyCalls: number;
};

export type Admission =
  /** `release` is called once the call is over. */
  { release: () => void } | { refused: 'ceiling'; resetsAt: number } | { refused: 'queue' };

export type Governor = {
  /** Resolves when the call may start, or with why it may not. An aborted wait resolves with `queue`. */
  enter(signal: AbortSignal): Promise<Admission>;
  today(): number;
  /** Writes the count down. */
  stop(): void;
};

const Count = z.object({ day: z.string(), calls: z.number().int() });
type Count = z.infer<typeof Count>;

/** As many times the concurrency may wait; beyond it a client is told to come back later. */
const QUEUE_FACTOR = 8;
const SAVE_EVERY = 20;
const DAY_MS = 86_400_000;

export type Later = (milliseconds: number, work: () => void) => () => void;
const laterReal: Later = (milliseconds, work) => {
  const timer = setTimeout(work, milliseconds);
  return () => clearTimeout(timer);
};

/** What happens to the next call in line. Pure. */
export function nextStep(
  state: { running: number; lastStart: number },
  limits: GovernorLimits,
  now: number,
): { kind: 'start' } | { kind: 'wait_for_end' } | { kind: 'wait'; milliseconds: number } {
  if (state.running >= limits.concurrency) return { kind: 'wait_for_end' };
  const milliseconds = state.lastStart + limits.paceMs - now;
  return milliseconds > 0 ? { kind: 'wait', milliseconds } : { kind: 'start' };
}

/** The safety governor of one bridge: providers suspend accounts that are used like no person would use them. */
export function createGovernor(options: {
  limits: () => GovernorLimits;
  clock: Clock;
  log: Logger;
  file: string;
  later?: Later;
}): Governor {
  const { clock, limits, log } = options;
  const later = options.later ?? laterReal;
  let count = readCount(options.file);
  let running = 0;
  let lastStart = -Infinity;
  let cancelTimer: (() => void) | undefined;
  const queue: { start: () => void }[] = [];

  const today = (): Count => {
    const day = dayOf(clock.now());
    if (count.day !== day) count = { day, calls: 0 };
    return count;
  };
  /** A full disk costs no call: the count goes on in memory. */
  const save = (): void => {
    try {
      writeFileAtomic(options.file, `${JSON.stringify(count)}\n`);
    } catch (error) {
      log.warn('governor.count_not_kept', { error });
    }
  };

  const pump = (): void => {
    cancelTimer?.();
    cancelTimer = undefined;
    for (let head = queue[0]; head !== undefined; head = queue[0]) {
      const step = nextStep({ running, lastStart }, limits(), clock.monotonic());
      if (step.kind === 'wait_for_end') return;
      if (step.kind === 'wait') {
        cancelTimer = later(step.milliseconds, pump);
        return;
      }
      queue.shift();
      running += 1;
      lastStart = clock.monotonic();
      head.start();
    }
  };

  const releaseOnce = (): (() => void) => {
    let released = false;
    return () => {
      if (released) return;
      released = true;
      running -= 1;
      pump();
    };
  };

  return {
    enter(signal) {
      const { concurrency, dailyCalls } = limits();
      const counted = today();
      if (counted.calls >= dailyCalls) return Promise.resolve({ refused: 'ceiling', resetsAt: nextDay(clock.now()) });
      if (queue.length >= concurrency * QUEUE_FACTOR || signal.aborted) return Promise.resolve({ refused: 'queue' });
      counted.calls += 1;
      if (counted.calls % SAVE_EVERY === 0 || counted.calls >= dailyCalls) save();
      return new Promise((resolve) => {
        const waiting = { start: () => resolve({ release: releaseOnce() }) };
        signal.addEventListener('abort', () => {
          const at = queue.indexOf(waiting);
          if (at < 0) return;
          queue.splice(at, 1);
          resolve({ refused: 'queue' });
        });
        queue.push(waiting);
        pump();
      });
    },
    today: () => today().calls,
    stop() {
      cancelTimer?.();
      if (count.calls > 0) save();
    },
  };
}

function readCount(file: string): Count {
  try {
    return Count.parse(JSON.parse(readIfThere(file) ?? ''));
  } catch {
    // A count that can't be read is a count that begins anew.
    return { day: '', calls: 0 };
  }
}

const dayOf = (now: number): string => new Date(now).toISOString().slice(0, 10);
const nextDay = (now: number): number => (Math.floor(now / DAY_MS) + 1) * DAY_MS;
