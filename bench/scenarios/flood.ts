import { Connection } from '../load.ts';
import { requestFor } from '../requests.ts';
import { figure, interleaved, of, type Scenario } from '../scenario.ts';
import { milliseconds, rounded } from '../stats.ts';
import { cpuSeconds, residentMb } from '../system.ts';
import { TARGETS, type Target } from '../targets.ts';

type Window = { seconds: number; cpuUsAnEvent: number; residentMb: number };

/** One stream of very many events, sent as fast as it is read. */
export const flood: Scenario = {
  name: 'flood',
  about: 'One stream of many events sent as fast as they are taken: CPU of the whole target (all its threads) an event.',
  async run(context) {
    const events = context.quick ? 50_000 : 100_000;
    const window = async (target: Target): Promise<Window> => {
      const connection = new Connection(target.port);
      const before = target.pid === undefined ? 0 : cpuSeconds(target.pid);
      let frames = 0;
      const reply = await connection.send(requestFor(target, { model: `m-c${events}-s8-q1`, stream: true, promptBytes: 300 }), (chunk) => {
        for (let at = chunk.indexOf(DELTA); at >= 0; at = chunk.indexOf(DELTA, at + 1)) frames += 1;
      });
      connection.close();
      // A few names of events are cut by the edges of chunks.
      if (frames < events * 0.98) throw new Error(`${target.name}: ${frames} of ${events} events arrived`);
      const spent = target.pid === undefined ? Number.NaN : cpuSeconds(target.pid) - before;
      return {
        seconds: milliseconds(reply.ended - reply.started) / 1e3,
        cpuUsAnEvent: (spent / events) * 1e6,
        residentMb: target.pid === undefined ? Number.NaN : residentMb(target.pid),
      };
    };
    const all = await interleaved(context, {
      targets: TARGETS,
      rounds: context.rounds(8, 3),
      starts: context.quick ? 1 : 2,
      warmUp: window,
      window,
    });
    const cpu = (one: Window): number => one.cpuUsAnEvent;
    return {
      rows: all.map((one) => ({
        target: one.name,
        events_a_second: rounded(events / figure(one, (round) => round.seconds), 0),
        cpu_us_an_event: rounded(figure(one, cpu)),
        resident_mb: rounded(
          figure(one, (round) => round.residentMb),
          0,
        ),
      })),
      goals: [
        {
          goal: 'flood: CPU us a translated event, drawbridge-translate',
          bound: 5,
          side: 'at most',
          measured: figure(of(all, 'drawbridge-translate'), cpu),
        },
      ],
    };
  },
};

const DELTA = '"delta"';
