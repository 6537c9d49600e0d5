import { pushNumber, Reader } from './numbers.ts';

/** More points than this tell a person nothing more. */
const MOST_POINTS = 256;

/**
 * Arrivals of chunks as differences: bytes, and hundredths of a millisecond. `points` are flattened pairs of byte
 * offset and milliseconds, rising; of very many, every second (fourth, ...) is kept.
 */
export function encodeTimeline(points: Float64Array): Buffer {
  const stride = Math.max(1, 2 ** Math.ceil(Math.log2(points.length / 2 / MOST_POINTS)));
  const numbers: number[] = [];
  let [bytes, time] = [0, 0];
  for (let i = 0; i + 1 < points.length; i += 2 * stride) {
    const nextBytes = Math.round(points[i] ?? 0);
    const nextTime = Math.round((points[i + 1] ?? 0) * 100);
    pushNumber(numbers, Math.max(0, nextBytes - bytes));
    pushNumber(numbers, Math.max(0, nextTime - time));
    [bytes, time] = [Math.max(bytes, nextBytes), Math.max(time, nextTime)];
  }
  return Buffer.from(numbers);
}

export function decodeTimeline(encoded: Buffer): [bytes: number, milliseconds: number][] {
  const reader = new Reader(encoded);
  const points: [number, number][] = [];
  let [bytes, time] = [0, 0];
  while (reader.left > 0) {
    bytes += reader.number();
    time += reader.number();
    points.push([bytes, time / 100]);
  }
  return points;
}
