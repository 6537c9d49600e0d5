import type { Notice, TunnelMend } from '../contract/index.ts';
import { localTime, type Clock } from '../engine/clock.ts';
import { plainMend } from './causes.ts';
import { elapsed, instantOf, type Instant } from './elapsed.ts';

/** What a person should hear of a tunnel: that it is down for long, that it needs them, that it came back. */
export type Trouble = {
  /** The tunnel came to be in this state. */
  on(state: 'up' | 'off' | 'blocked' | 'down'): void;
  notices(now: { reason: string | null; mend: TunnelMend | null }): Notice[];
  stop(): void;
};

/** For how long it is said that a tunnel came back. */
const BACK_MS = 300_000;

/** `noticeAfterMs`: being down for longer than this is worth a notice. */
export function createTrouble(parts: { tunnel: string; clock: Clock; noticeAfterMs: number; onChange: () => void }): Trouble {
  const { tunnel, clock, noticeAfterMs } = parts;
  let downSince: Instant | null = null;
  let blockedSince: Instant | null = null;
  let wasUp = false;
  let backAt: Instant | null = null;
  let timer: NodeJS.Timeout | undefined;

  const isLong = (since: Instant): boolean => elapsed(since, clock) >= noticeAfterMs;
  const down = (since: Instant, level: 'warning' | 'error', title: string, reason: string | null, mend: TunnelMend | null): Notice => ({
    id: `tunnel-${tunnel}`,
    level,
    title,
    cause: `${reason ?? 'It is not connected.'} Down since ${localTime(since.now).slice(11, 16)}.`,
    mend: plainMend(mend),
  });

  return {
    on(state) {
      blockedSince = state === 'blocked' ? instantOf(clock) : null;
      if (state === 'blocked' || state === 'down') {
        backAt = null;
        if (downSince !== null) return;
        downSince = instantOf(clock);
        timer = setTimeout(parts.onChange, noticeAfterMs);
        timer.unref();
        return;
      }
      clearTimeout(timer);
      if (state === 'up' && wasUp && downSince !== null && isLong(downSince)) backAt = instantOf(clock);
      wasUp ||= state === 'up';
      downSince = null;
    },
    notices({ reason, mend }) {
      if (blockedSince !== null) return [down(blockedSince, 'error', `The tunnel ${tunnel} needs you`, reason, mend)];
      if (downSince !== null && isLong(downSince)) return [down(downSince, 'warning', `The tunnel ${tunnel} is down`, reason, mend)];
      if (backAt === null || elapsed(backAt, clock) > BACK_MS) return [];
      return [
        {
          id: `tunnel-${tunnel}`,
          level: 'info',
          title: `The tunnel ${tunnel} is back up`,
          cause: 'It had been down for more than a minute.',
          mend: null,
        },
      ];
    },
    stop: () => clearTimeout(timer),
  };
}
