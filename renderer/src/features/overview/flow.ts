import type { Call } from '../../../../bridges/contract/index.ts';
import { outcomeOf } from '../../lib/call-filter.ts';

/** The numbers of one hop. */
export type Hop = { calls: number; failed: number; open: number; /** Median, in milliseconds. */ firstByteMs: number | null };

/** What passed lately, by where it came from and where it went. */
export type Flow = {
  /** In words: `last hour`, or `last 500 calls` where there were more than that in it. */
  span: string;
  all: Hop;
  clients: ReadonlyMap<string, Hop>;
  upstreams: ReadonlyMap<string, Hop>;
};

const HOUR_MS = 3_600_000;

/** Counts calls by hop. `rows` are the newest calls, newest first; `more` where older ones are not among them. Pure. */
export function flowOf(rows: readonly Call[], more: boolean, now: number): Flow {
  const oldest = rows.at(-1);
  const covered = !more || oldest === undefined || Date.parse(oldest.startedAt) <= now - HOUR_MS;
  const lately = rows.filter((call) => Date.parse(call.startedAt) > now - HOUR_MS);
  return {
    span: covered ? 'last hour' : `last ${lately.length} calls`,
    all: hopOf(lately),
    clients: byHop(lately, (call) => call.client),
    upstreams: byHop(lately, (call) => call.upstream),
  };
}

/** A hop that nothing passed. */
export const STILL: Hop = { calls: 0, failed: 0, open: 0, firstByteMs: null };

function byHop(calls: readonly Call[], of: (call: Call) => string | null): Map<string, Hop> {
  const groups = new Map<string, Call[]>();
  for (const call of calls) {
    const name = of(call);
    if (name !== null) groups.set(name, [...(groups.get(name) ?? []), call]);
  }
  const hops = [...groups].map(([name, own]) => [name, hopOf(own)] as const);
  return new Map(hops.sort(([, a], [, b]) => b.calls - a.calls));
}

function hopOf(calls: readonly Call[]): Hop {
  const times = calls
    .map(({ ttfbMs }) => ttfbMs)
    .filter((ms) => ms !== null)
    .sort((a, b) => a - b);
  return {
    calls: calls.length,
    failed: calls.filter((call) => outcomeOf(call) === 'failed').length,
    open: calls.filter((call) => outcomeOf(call) === 'open').length,
    firstByteMs: times[Math.floor(times.length / 2)] ?? null,
  };
}
