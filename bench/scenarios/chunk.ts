import { added, figure, interleaved, of, type Scenario } from '../scenario.ts';
import { streamEvents, type StreamWindow } from '../streams.ts';
import { percentile, rounded } from '../stats.ts';
import { TARGETS } from '../targets.ts';

const STREAMS = 50;
const EVERY_MS = 20;

/** Paced streams: how much later each event arrives. */
export const chunk: Scenario = {
  name: 'chunk',
  about: `${STREAMS} streams of an event every ${EVERY_MS} ms: how long each event was on its way (microseconds), and what a target adds to that as a ratio to raw.`,
  async run(context) {
    const events = context.quick ? 60 : 100;
    const all = await interleaved(context, {
      targets: TARGETS,
      rounds: context.rounds(9, 2),
      warmUp: (target) => streamEvents(target, { streams: STREAMS, events: 50, everyMs: EVERY_MS }),
      window: (target) => streamEvents(target, { streams: STREAMS, events, everyMs: EVERY_MS }),
    });
    const direct = of(all, 'direct');
    const raw = of(all, 'raw');
    const at = (percent: number) => (window: StreamWindow) => percentile(window.delays, percent);
    const timesRaw = (name: 'drawbridge' | 'drawbridge-translate', percent: number): number =>
      added(of(all, name), direct, at(percent)) / added(raw, direct, at(percent));
    return {
      rows: all.map((one) => ({
        target: one.name,
        p50_us: rounded(figure(one, at(50)), 0),
        p99_us: rounded(figure(one, at(99)), 0),
        added_p50_x_raw: one === direct ? null : rounded(added(one, direct, at(50)) / added(raw, direct, at(50))),
        added_p99_x_raw: one === direct ? null : rounded(added(one, direct, at(99)) / added(raw, direct, at(99))),
        cpu_us_an_event: rounded(
          figure(one, (window) => (window.cpuSeconds / window.delays.length) * 1e6),
          1,
        ),
        lost: one.rounds.reduce((sum, window) => sum + window.lost, 0),
      })),
      goals: [
        { goal: 'chunk: added event delay p99, drawbridge / raw', bound: 1.2, side: 'at most', measured: timesRaw('drawbridge', 99) },
      ],
    };
  },
};
