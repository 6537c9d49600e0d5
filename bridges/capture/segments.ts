import { stringEnd } from '../wire/scan.ts';

/**
 * Cuts a JSON body at the elements of its top-level arrays (messages, input, tools, system), byte for byte and
 * without parsing. Agents repeat their whole history in each request: stored by content, each element is kept once.
 * Returns [start, end) pairs, ascending. A body that is no JSON object gives none: it is then kept whole.
 */
export function segments(body: Buffer): number[] {
  return scan(body, 0, { depth: 0, inArray: false });
}

/**
 * The same, for a body known to be inside a top-level array right at `from` (after a segment's end), up to where a segment
 * begins that is known.
 */
export function segmentsFrom(body: Buffer, from: number, isKnown?: (start: number) => boolean): number[] {
  return scan(body, from, { depth: 2, inArray: true }, isKnown);
}

const QUOTE = 0x22;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;

function scan(body: Buffer, from: number, state: { depth: number; inArray: boolean }, isKnown?: (start: number) => boolean): number[] {
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
      else if (depth === 2 && inArray && start < 0) {
        if (isKnown?.(at) === true) return found;
        start = at;
      }
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

let asked: { a: Buffer; b: Buffer; shared: number } | undefined;

/**
 * How many leading bytes two bodies share. The last answer is remembered: the store and what follows it ask of the same
 * two bodies.
 */
export function commonPrefix(a: Buffer, b: Buffer): number {
  if (asked?.a === a && asked.b === b) return asked.shared;
  const shared = commonStart(a, b);
  asked = { a, b, shared };
  return shared;
}

/** How many bytes before a place tell whether two bodies are alike up to it. */
const PROBE = 48;

/** Whether two bodies look alike just before `end`: true where they are alike up to there, and hardly ever elsewhere. */
export function looksAlike(a: Buffer, b: Buffer, end: number): boolean {
  const from = Math.max(0, end - PROBE);
  return end <= a.length && end <= b.length && a.compare(b, from, end, from, end) === 0;
}

/** How many leading bytes are the same. */
export function commonStart(a: Buffer, b: Buffer): number {
  return bisected(Math.min(a.length, b.length), (low, high) => a.compare(b, low, high, low, high) === 0);
}

/** How many of the last `most` bytes are the same, counted from the end. */
export function commonEnd(a: Buffer, b: Buffer, most: number): number {
  return bisected(most, (low, high) => a.compare(b, b.length - high, b.length - low, a.length - high, a.length - low) === 0);
}

/** How far two bodies are the same, found by bisection over memcmp. */
function bisected(most: number, isSame: (low: number, high: number) => boolean): number {
  let low = 0;
  let high = most;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (isSame(low, middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}
