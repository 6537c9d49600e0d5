import { Connection, StampReader } from './load.ts';
import { requestFor } from './requests.ts';
import { sleep } from './stats.ts';
import { cpuSeconds } from './system.ts';
import type { Target } from './targets.ts';

/** How long events were on their way (microseconds), how many never came, and the CPU the target used meanwhile. */
export type StreamWindow = { delays: number[]; lost: number; cpuSeconds: number };

/** Opens streams one shortly after the other and reads them all to their end. */
export async function streamEvents(target: Target, options: { streams: number; events: number; everyMs: number }): Promise<StreamWindow> {
  const request = requestFor(target, { model: `m-c${options.events}-d${options.everyMs}-s20`, stream: true, promptBytes: 300 });
  const delays: number[] = [];
  let lost = 0;
  const before = target.pid === undefined ? 0 : cpuSeconds(target.pid);
  await Promise.all(
    Array.from({ length: options.streams }, async (_, i) => {
      // Spread over three periods, so that the streams do not beat as one.
      await sleep((i * options.everyMs * 3) / options.streams);
      const reader = new StampReader();
      const connection = new Connection(target.port);
      // A stream that breaks off shows in the events that are missing.
      await connection.send(request, (chunk, at) => reader.push(chunk, at)).catch(() => undefined);
      connection.close();
      delays.push(...reader.delays);
      lost += options.events - reader.delays.length;
    }),
  );
  return { delays, lost, cpuSeconds: target.pid === undefined ? Number.NaN : cpuSeconds(target.pid) - before };
}
