import { Connection } from '../load.ts';
import { requestFor } from '../requests.ts';
import { figure, interleaved, of, ratio, type Scenario } from '../scenario.ts';
import { streamEvents } from '../streams.ts';
import { median, milliseconds, percentile, rounded, sleep } from '../stats.ts';
import { TARGETS, type Target } from '../targets.ts';

type Window = { delays: number[]; lost: number; bigMs: number[]; bigFailed: number };

const BIG_BYTES = 5e6;
const EVERY_MS = 50;

/** Streams beside large requests: who holds whom up. */
export const stall: Scenario = {
  name: 'stall',
  about:
    '30 streams of 20 events a second beside one 5 MB request a second: how long events were on their way (milliseconds). x_raw is the p99 divided by that of raw.',
  async run(context) {
    const seconds = context.quick ? 2 : 3;
    const requests = new Map<Target, Buffer>();
    const window = async (target: Target): Promise<Window> => {
      const request = requests.get(target) ?? requestFor(target, { model: 'm-b1200', stream: false, promptBytes: BIG_BYTES });
      requests.set(target, request);
      const [streams, large] = await Promise.all([
        streamEvents(target, { streams: 30, events: (seconds * 1e3) / EVERY_MS, everyMs: EVERY_MS }),
        sendEachSecond(target, request, seconds),
      ]);
      return { delays: streams.delays, lost: streams.lost, ...large };
    };
    const all = await interleaved(context, { targets: TARGETS, rounds: context.rounds(6, 2), warmUp: window, window });
    const raw = of(all, 'raw');
    const at = (percent: number) => (one: Window) => percentile(one.delays, percent) / 1e3;
    return {
      rows: all.map((one) => ({
        target: one.name,
        p50_ms: rounded(figure(one, at(50))),
        p99_ms: rounded(figure(one, at(99))),
        max_ms: rounded(figure(one, at(100))),
        p99_x_raw: rounded(ratio(one, raw, at(99))),
        big_request_ms: rounded(
          figure(one, (round) => median(round.bigMs)),
          1,
        ),
        lost: one.rounds.reduce((sum, round) => sum + round.lost + round.bigFailed, 0),
      })),
      goals: [
        {
          goal: 'stall: event delay p99, drawbridge / raw',
          bound: 3,
          side: 'at most',
          measured: ratio(of(all, 'drawbridge'), raw, at(99)),
        },
        {
          goal: 'stall: event delay p99, drawbridge-translate / raw',
          bound: 4,
          side: 'at most',
          measured: ratio(of(all, 'drawbridge-translate'), raw, at(99)),
        },
      ],
    };
  },
};

async function sendEachSecond(target: Target, request: Buffer, times: number): Promise<{ bigMs: number[]; bigFailed: number }> {
  const connection = new Connection(target.port);
  const bigMs: number[] = [];
  let bigFailed = 0;
  await sleep(300);
  for (let i = 0; i < times; i += 1) {
    const began = performance.now();
    try {
      const reply = await connection.send(request);
      if (reply.status === 200) bigMs.push(milliseconds(reply.ended - reply.started));
      else bigFailed += 1;
    } catch {
      bigFailed += 1;
    }
    if (i + 1 < times) await sleep(Math.max(0, 1_000 - (performance.now() - began)));
  }
  connection.close();
  return { bigMs, bigFailed };
}
