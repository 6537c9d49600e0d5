import type { TunnelSample } from '../contract/index.ts';
import type { Traffic } from './relay.ts';

/** Half an hour of one tunnel in steps of 5 s. */
const MAX_SAMPLES = 360;

export type Samples = {
  take(at: number, traffic: Traffic, latencyMs: number | null): void;
  all(): TunnelSample[];
};

/** Turns a relay's running totals into what passed in each step. */
export function createSamples(): Samples {
  const samples: TunnelSample[] = [];
  let before = { bytesIn: 0, bytesOut: 0 };
  return {
    take(at, { open, bytesIn, bytesOut }, latencyMs) {
      samples.push({
        at: new Date(at).toISOString(),
        bytesIn: bytesIn - before.bytesIn,
        bytesOut: bytesOut - before.bytesOut,
        open,
        latencyMs,
      });
      before = { bytesIn, bytesOut };
      if (samples.length > MAX_SAMPLES) samples.shift();
    },
    all: () => [...samples],
  };
}
