import { Connection } from '../load.ts';
import { requestFor } from '../requests.ts';
import type { Row } from '../report.ts';
import type { Context, Scenario } from '../scenario.ts';
import { median, rounded, shuffled, sleep } from '../stats.ts';
import { residentMb } from '../system.ts';
import { startTarget, type Target, type TargetName } from '../targets.ts';

type Held = { idleMb: number; openMb: number; failed: number };

const STREAMS = 1_000;
const TARGETS = ['raw', 'drawbridge', 'drawbridge-translate'] as const satisfies readonly TargetName[];

/** Memory while very many streams are open. */
export const mem: Scenario = {
  name: 'mem',
  about: `${STREAMS} streams open at once, an event a second each: the largest resident memory of the whole process tree (MB), and the ratio to raw.`,
  async run(context) {
    const found = new Map<TargetName, Held[]>();
    for (let round = 0; round < context.rounds(3, 1); round += 1) {
      for (const name of shuffled(TARGETS)) found.set(name, [...(found.get(name) ?? []), await measure(name, context)]);
    }
    const openMb = (name: TargetName): number => median((found.get(name) ?? []).map((held) => held.openMb));
    const rows: Row[] = TARGETS.map((name) => {
      const held = found.get(name) ?? [];
      return {
        target: name,
        idle_mb: rounded(median(held.map((one) => one.idleMb)), 0),
        open_mb: rounded(openMb(name), 0),
        x_raw: rounded(openMb(name) / openMb('raw')),
        failed_streams: held.reduce((sum, one) => sum + one.failed, 0),
      };
    });
    return {
      rows,
      goals: [
        { goal: 'mem: MB at 1,000 streams, drawbridge / raw', bound: 1.4, side: 'at most', measured: openMb('drawbridge') / openMb('raw') },
        {
          goal: 'mem: MB at 1,000 streams, drawbridge-translate / raw',
          bound: 1.6,
          side: 'at most',
          measured: openMb('drawbridge-translate') / openMb('raw'),
        },
      ],
    };
  },
};

async function measure(name: TargetName, context: Context): Promise<Held> {
  const target = await startTarget(name, context.mock);
  try {
    await sleep(500);
    const idleMb = residentMb(target.pid ?? 0);
    const held = { idleMb, ...(await openStreams(target)) };
    target.check();
    return held;
  } finally {
    await target.stop();
  }
}

async function openStreams(target: Target): Promise<{ openMb: number; failed: number }> {
  const seconds = 6;
  const request = requestFor(target, { model: `m-c${seconds}-d1000-s20`, stream: true, promptBytes: 2_000 });
  const connections: Connection[] = [];
  let succeeded = 0;
  let openMb = 0;
  const watch = setInterval(() => (openMb = Math.max(openMb, residentMb(target.pid ?? 0))), 250);
  const streams: Promise<void>[] = [];
  for (let i = 0; i < STREAMS; i += 1) {
    const connection = new Connection(target.port);
    connections.push(connection);
    streams.push(
      connection.send(request).then(
        (reply) => void (succeeded += reply.status === 200 ? 1 : 0),
        () => undefined,
      ),
    );
    if (i % 50 === 49) await sleep(20);
  }
  await Promise.race([Promise.all(streams), sleep(30_000)]);
  clearInterval(watch);
  for (const connection of connections) connection.close();
  return { openMb, failed: STREAMS - succeeded };
}
