import { exactNumbers } from './exact-numbers.ts';
import { stringEnd } from './scan.ts';
import type { JsonValue } from './turn.ts';

/**
 * Long texts of a request need not be parsed to be translated: nothing on the way looks into them. They are lifted out
 * of the body before it is parsed, a marker standing in for each, and their bytes are put back, still escaped, into
 * what is sent. So a body of megabytes costs what its structure costs.
 */
export type Lifted = {
  /** The body with markers, as JSON. */
  json: string;
  /** Puts the texts back into JSON that was made from it, into the memory that `make` gives for a length. */
  lower(json: string, make?: (length: number) => Buffer): Buffer;
};

/** A value that was parsed from lifted JSON with its texts put back. */
export function restored<T extends JsonValue>(lifted: Lifted, value: T): T {
  const json = lifted.lower(JSON.stringify(value)).toString('utf8');
  const whole: T = JSON.parse(json);
  return exactNumbers(whole, json);
}

/** Bytes that are gone through in one step. */
const STEP = 1024 * 1024;
/** Strings shorter than this are parsed like everything else. */
const LONG = 512;
/** Only what these names hold is lifted: everything else may be looked at. */
const NAMES = ['text', 'content', 'data', 'output', 'thinking'].map((name) => Buffer.from(name));

const QUOTE = 0x22;
const COLON = 0x3a;
const BACKSLASH = 0x5c;

/** Lifts the long texts out of a body. `nonce` is what no body can know beforehand: letters and digits, anew each time. */
export function lift(body: Buffer, nonce: string, long = LONG): Lifted {
  const steps = lifting(body, nonce, long);
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** The same in steps, so that others have their turn between them. */
export function* lifting(body: Buffer, nonce: string, long = LONG): Generator<undefined, Lifted> {
  let rest = STEP;
  const texts: [start: number, end: number][] = [];
  const pieces: string[] = [];
  let from = 0;
  let liftable = false;
  let at = body.indexOf(QUOTE);
  while (at >= 0) {
    const end = stringEnd(body, at);
    if (end < 0) break;
    if (end > rest) {
      yield undefined;
      rest = end + STEP;
    }
    const isName = nextByte(body, end + 1) === COLON;
    if (isName) liftable = NAMES.some((name) => matches(body, at + 1, end, name));
    else {
      if (liftable && end - at > long && !isBlank(body, at, end)) {
        pieces.push(body.toString('utf8', from, at + 1), `\\u0001${nonce}${texts.length}\\u0001`);
        texts.push([at + 1, end]);
        from = end;
      }
      liftable = false;
    }
    at = body.indexOf(QUOTE, end + 1);
  }
  pieces.push(body.toString('utf8', from));
  return { json: pieces.join(''), lower: (json, make = shared) => lower(json, { nonce, body, texts }, make) };
}

type Texts = { nonce: string; body: Buffer; texts: readonly (readonly [number, number])[] };

function lower(json: string, { nonce, body, texts }: Texts, make: (length: number) => Buffer): Buffer {
  const mark = `u0001${nonce}`;
  const pieces: (string | Buffer)[] = [];
  let length = 0;
  const push = (piece: string | Buffer): void => {
    length += typeof piece === 'string' ? Buffer.byteLength(piece) : piece.length;
    pieces.push(piece);
  };
  let from = 0;
  for (let at = json.indexOf(mark); at >= 0; at = json.indexOf(mark, from)) {
    // JSON within JSON escapes the marker's own backslash: their number tells how deep the text stands.
    let slashes = at;
    while (json.charCodeAt(slashes - 1) === 0x5c) slashes -= 1;
    const close = json.indexOf('u0001', at + mark.length);
    const [start, end] = texts[Number.parseInt(json.slice(at + mark.length, close), 10)] ?? [0, 0];
    push(json.slice(from, slashes));
    let text = body.subarray(start, end);
    for (let level = 0; level < Math.round(Math.log2(at - slashes)); level += 1)
      text = Buffer.from(JSON.stringify(text.toString('utf8')).slice(1, -1));
    push(text);
    from = close + 5;
  }
  push(json.slice(from));
  return joined(pieces, make(length));
}

/** Shared memory, so that another thread can keep what this one still sends without a copy. */
function shared(length: number): Buffer {
  return Buffer.from(new SharedArrayBuffer(length));
}

function joined(pieces: readonly (string | Buffer)[], whole: Buffer): Buffer {
  let used = 0;
  for (const piece of pieces) {
    if (typeof piece === 'string') used += whole.write(piece, used);
    else {
      // Not copy: V8 writes shared memory word by word then, at a fraction of the speed.
      if (piece.length > 0) whole.fill(piece, used, used + piece.length);
      used += piece.length;
    }
  }
  return whole;
}

/** A text of white space alone is left out by some formats, so it must be seen. `start` and `end` are its quotes. */
function isBlank(body: Buffer, start: number, end: number): boolean {
  let at = start + 1;
  while (body[at] === 0x20) at += 1;
  const byte = body[at] ?? 0;
  const isPlain = byte > 0x20 && byte < 0x7f && byte !== BACKSLASH && at < end;
  if (isPlain) return false;
  try {
    const text: unknown = JSON.parse(body.toString('utf8', start, end + 1));
    return typeof text === 'string' && text.trim() === '';
  } catch {
    return false;
  }
}

function matches(body: Buffer, start: number, end: number, name: Buffer): boolean {
  if (end - start !== name.length) return false;
  for (let i = 0; i < name.length; i += 1) if (body[start + i] !== name[i]) return false;
  return true;
}

function nextByte(body: Buffer, from: number): number | undefined {
  let at = from;
  for (;;) {
    const byte = body[at];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return byte;
    at += 1;
  }
}
