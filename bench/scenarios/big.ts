import { Connection } from '../load.ts';
import type { Goal, Row } from '../report.ts';
import { requestFor } from '../requests.ts';
import { added, figure, interleaved, of, ratio, type Context, type Measured, type Scenario } from '../scenario.ts';
import { median, milliseconds, rounded, sleep } from '../stats.ts';
import { cpuSeconds, residentMb } from '../system.ts';
import { TARGETS, type Target } from '../targets.ts';

type Window = { times: number[]; cpuSeconds: number; residentMb: number };
type Size = { label: string; bytes: number; calls: number; pauseMs: number; bounds: Readonly<Record<string, number>> };

const SIZES: readonly Size[] = [
  { label: '1 MB', bytes: 1e6, calls: 8, pauseMs: 40, bounds: { drawbridge: 1.3 } },
  { label: '10 MB', bytes: 1e7, calls: 3, pauseMs: 150, bounds: { drawbridge: 1.3, 'drawbridge-translate': 2.5 } },
];

/** Requests that carry a long history. */
export const big: Scenario = {
  name: 'big',
  about:
    'Requests of 1 and 10 MB (many messages, as an agent sends them), with a pause after each: milliseconds of a whole call through the target; x_raw is that total divided by the total through raw.',
  async run(context) {
    const rows: Row[] = [];
    const goals: Goal[] = [];
    for (const size of SIZES) {
      const all = await measure(context, size);
      const raw = of(all, 'raw');
      for (const one of all) {
        rows.push({
          body: size.label,
          target: one.name,
          p50_ms: rounded(figure(one, total)),
          x_raw: rounded(ratio(one, raw, total)),
          added_x_raw: one.name === 'direct' ? null : rounded(added(one, of(all, 'direct'), total) / added(raw, of(all, 'direct'), total)),
          cpu_ms_a_call: rounded(figure(one, (window) => (window.cpuSeconds / window.times.length) * 1e3)),
          resident_mb: rounded(Math.max(...one.rounds.map((window) => window.residentMb)), 0),
        });
        const bound = size.bounds[one.name];
        if (bound === undefined) continue;
        goals.push({
          goal: `big: ${size.label} total p50, ${one.name} / raw`,
          bound,
          side: 'at most',
          measured: ratio(one, raw, total),
        });
      }
    }
    return { rows, goals };
  },
};

const total = (window: Window): number => median(window.times);

async function measure(context: Context, size: Size): Promise<Measured<Window>[]> {
  const requests = new Map<Target, Buffer>();
  const requestTo = (target: Target): Buffer => {
    const made = requests.get(target) ?? requestFor(target, { model: 'm-b1200', stream: false, promptBytes: size.bytes });
    requests.set(target, made);
    return made;
  };
  const window = async (target: Target, pauseMs: number): Promise<Window> => {
    const connection = new Connection(target.port);
    const times: number[] = [];
    const before = target.pid === undefined ? 0 : cpuSeconds(target.pid);
    for (let i = 0; i < size.calls; i += 1) {
      const reply = await connection.send(requestTo(target));
      if (reply.status !== 200) throw new Error(`${target.name} answered with ${reply.status}`);
      times.push(milliseconds(reply.ended - reply.started));
      await sleep(pauseMs);
    }
    connection.close();
    if (target.pid === undefined) return { times, cpuSeconds: Number.NaN, residentMb: Number.NaN };
    return { times, cpuSeconds: cpuSeconds(target.pid) - before, residentMb: residentMb(target.pid) };
  };
  return interleaved(context, {
    targets: TARGETS,
    rounds: context.rounds(12, 3),
    starts: context.quick ? 1 : 2,
    warmUp: async (target) => {
      for (let i = 0; i < 3; i += 1) await window(target, 0);
    },
    window: (target) => window(target, size.pauseMs),
  });
}
