import { stringEnd } from '../wire/scan.ts';

/**
 * Cuts a JSON body at the elements of its top-level arrays (messages, input, tools, system), byte for byte and
 * without parsing. Agents repeat their whole history in each request: stored by content, each element is kept once.
 * Returns [start, end) pairs, ascending. A body that is no JSON object gives none: it is then kept whole.
 */
export function segments(body: Buffer): number[] {
  return scan(body, 0, { depth: 0, inArray: false });
}

/** The same, for a body known to be inside a top-level array right at `from` (after a segment's end). */
export function segmentsFrom(body: Buffer, from: number): number[] {
  return scan(body, from, { depth: 2, inArray: true });
}

const QUOTE = 0x22;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;

function scan(body: Buffer, from: number, state: { depth: number; inArray: boolean }): number[] {
  const found: number[] = [];
  let { depth, inArray } = state;
  let start = -1;
  let at = from;
  const length = body.length;
  while (at < length) {
    const byte = body[at];
    if (byte === QUOTE) {
      at = stringEnd(body, at);
      if (at < 0) return found;
    } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      if (depth === 1 && byte === OPEN_ARRAY) inArray = true;
      else if (depth === 2 && inArray && start < 0) start = at;
      depth += 1;
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
      depth -= 1;
      if (depth === 2 && start >= 0) {
        found.push(start, at + 1);
        start = -1;
      }
      if (depth === 1) inArray = false;
    }
    at += 1;
  }
  return found;
}

/** How many leading bytes two bodies share; found by bisection over memcmp. */
export function commonPrefix(a: Buffer, b: Buffer): number {
  let low = 0;
  let high = Math.min(a.length, b.length);
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (a.compare(b, low, middle, low, middle) === 0) low = middle;
    else high = middle - 1;
  }
  return low;
}
