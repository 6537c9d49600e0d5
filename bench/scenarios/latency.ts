import { Connection, type Reply } from '../load.ts';
import type { Goal, Row } from '../report.ts';
import { requestFor, type Ask } from '../requests.ts';
import { added, figure, interleaved, of, type Context, type Measured, type Scenario } from '../scenario.ts';
import { microseconds, percentile, rounded } from '../stats.ts';
import { cpuSeconds } from '../system.ts';
import { TARGETS, type Target } from '../targets.ts';

type Window = { times: number[]; cpuMs: number };

const JSON_CALL: Ask = { model: 'm-b1200', stream: false, promptBytes: 1500 };
const STREAM_CALL: Ask = { model: 'm-c3-d1-s10', stream: true, promptBytes: 1500 };

/** Whole JSON calls, one after the other on one connection. */
export const lat: Scenario = {
  name: 'lat',
  about:
    'JSON calls one after the other on one connection: what each target adds to a call (microseconds), and that as a ratio to what raw adds.',
  async run(context) {
    const all = await measure(context, {
      ask: JSON_CALL,
      calls: context.quick ? 150 : 250,
      warmUp: context.quick ? 1_000 : 2_500,
      rounds: context.rounds(27, 10),
      starts: context.quick ? 2 : 3,
      time: (reply) => microseconds(reply.ended - reply.started),
    });
    return { rows: rowsOf(all, ''), goals: goalsOf(all, 'lat: added p50', { drawbridge: 1.05 }) };
  },
};

/** Streamed calls: from sending to the first byte of the body. Two starts of one program differ by more than is wanted to be known: six. */
export const ttfb: Scenario = {
  name: 'ttfb',
  about:
    'Streamed calls one after the other on one connection: what each target adds before the first byte of the body (microseconds), and the ratio to raw.',
  async run(context) {
    const all = await measure(context, {
      ask: STREAM_CALL,
      calls: context.quick ? 60 : 150,
      warmUp: context.quick ? 300 : 1_000,
      rounds: context.rounds(24, 8),
      starts: context.quick ? 2 : 6,
      time: (reply) => microseconds(reply.first - reply.started),
    });
    return { rows: rowsOf(all, 'ttfb_'), goals: goalsOf(all, 'ttfb: added p50', { drawbridge: 1.15, 'drawbridge-translate': 1.35 }) };
  },
};

type Options = { ask: Ask; calls: number; warmUp: number; rounds: number; starts: number; time: (reply: Reply) => number };

async function measure(context: Context, options: Options): Promise<Measured<Window>[]> {
  const connections = new Map<Target, Connection>();
  const connectionTo = (target: Target): Connection => {
    const kept = connections.get(target) ?? new Connection(target.port);
    connections.set(target, kept);
    return kept;
  };
  const call = async (target: Target, times: number): Promise<Window> => {
    const connection = connectionTo(target);
    const request = requestFor(target, options.ask);
    const window: Window = { times: [], cpuMs: 0 };
    const before = target.pid === undefined ? 0 : cpuSeconds(target.pid);
    for (let i = 0; i < times; i += 1) {
      const reply = await connection.send(request);
      if (reply.status !== 200) throw new Error(`${target.name} answered with ${reply.status}`);
      window.times.push(options.time(reply));
    }
    window.cpuMs = target.pid === undefined ? Number.NaN : (cpuSeconds(target.pid) - before) * 1e3;
    return window;
  };
  try {
    return await interleaved(context, {
      targets: TARGETS,
      rounds: options.rounds,
      starts: options.starts,
      warmUp: (target) => call(target, options.warmUp),
      window: (target) => call(target, options.calls),
    });
  } finally {
    for (const connection of connections.values()) connection.close();
  }
}

const at = (percent: number) => (window: Window) => percentile(window.times, percent);

function rowsOf(all: readonly Measured<Window>[], prefix: string): Row[] {
  const direct = of(all, 'direct');
  const raw = of(all, 'raw');
  return all.map((one) => ({
    target: one.name,
    [`${prefix}p50_us`]: rounded(figure(one, at(50)), 0),
    ...Object.fromEntries([50, 95, 99].map((p) => [`added_p${p}_us`, one === direct ? null : rounded(added(one, direct, at(p)), 0)])),
    ...Object.fromEntries(
      [50, 95, 99].map((p) => [
        `added_p${p}_x_raw`,
        one === direct ? null : rounded(added(one, direct, at(p)) / added(raw, direct, at(p))),
      ]),
    ),
    cpu_us_a_call: rounded(
      figure(one, (window) => (window.cpuMs * 1e3) / window.times.length),
      0,
    ),
  }));
}

function goalsOf(all: readonly Measured<Window>[], what: string, bounds: Readonly<Record<string, number>>): Goal[] {
  const direct = of(all, 'direct');
  const raw = added(of(all, 'raw'), direct, at(50));
  return all.flatMap((one) => {
    const bound = bounds[one.name];
    if (bound === undefined) return [];
    return [{ goal: `${what}, ${one.name} / raw`, bound, side: 'at most' as const, measured: added(one, direct, at(50)) / raw }];
  });
}
