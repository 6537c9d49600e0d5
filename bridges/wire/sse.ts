import { asObject, parseJson } from './json.ts';
import type { JsonObject } from './turn.ts';

/** One server-sent event. `data` is the joined data lines (HTML standard, section 9.2). */
export type SseFrame = { event: string | undefined; data: string };

const LF = 0x0a;
const CR = 0x0d;
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);
const EMPTY = Buffer.alloc(0);
const SMALL_REST = 4096;

/**
 * Reads server-sent events from bytes cut anywhere, also inside a character or between CR and LF.
 * Comments, `id:` and `retry:` lines are skipped. Memory is bounded by `maxFrameBytes` (default 64 MiB).
 */
export class SseReader {
  /** The beginning of a line that has not ended yet, in a buffer that doubles: a long line costs time in proportion to its length. */
  #rest = EMPTY;
  #restBytes = 0;
  #event: string | undefined;
  #data: string | undefined;
  #skipLf = false;
  #started = false;
  readonly #maxFrameBytes: number;
  #frameBytes = 0;

  constructor(maxFrameBytes = 64 * 1024 * 1024) {
    this.#maxFrameBytes = maxFrameBytes;
  }

  /** Feeds bytes; returns the frames they completed. Throws RangeError where one frame grows past the limit. */
  push(chunk: Buffer): SseFrame[] {
    const frames: SseFrame[] = [];
    const bytes = this.#started ? chunk : this.#withoutBom(chunk);
    if (bytes === undefined || bytes.length === 0) return frames;
    let start = this.#skipLf && bytes[0] === LF ? 1 : 0;
    this.#skipLf = false;
    // A line ends at LF, CR or CR LF. Each is looked for again only once it has been passed, so no byte is searched twice.
    let lf = bytes.indexOf(LF, start);
    let cr = bytes.indexOf(CR, start);
    while (lf >= 0 || cr >= 0) {
      const end = cr < 0 || (lf >= 0 && lf < cr) ? lf : cr;
      this.#lineEndsAt(bytes, start, end, frames);
      start = end + 1;
      if (end === cr) {
        if (start === bytes.length) this.#skipLf = true;
        else if (bytes[start] === LF) start += 1;
        cr = bytes.indexOf(CR, start);
      }
      if (lf >= 0 && lf < start) lf = bytes.indexOf(LF, start);
    }
    if (start < bytes.length) this.#keep(start === 0 ? bytes : bytes.subarray(start));
    return frames;
  }

  /** The bytes have ended. Returns the last frame also where the blank line that should close it is missing. */
  end(): SseFrame[] {
    const frames: SseFrame[] = [];
    // Some servers close right after the last data line; losing a terminal event for a missing blank line helps nobody.
    const rest = this.#takeRest();
    if (rest.length > 0) this.#line(rest, 0, rest.length, frames);
    this.#dispatch(frames);
    return frames.filter(isWhole);
  }

  /** The bytes after a byte order mark; undefined while it is not known whether there is one. */
  #withoutBom(chunk: Buffer): Buffer | undefined {
    const bytes = this.#restBytes === 0 ? chunk : Buffer.concat([this.#takeRest(), chunk]);
    if (bytes.length > 0 && bytes[0] !== BOM[0]) {
      this.#started = true;
      return bytes;
    }
    if (bytes.length < BOM.length && BOM.subarray(0, bytes.length).equals(bytes)) {
      if (bytes.length > 0) this.#keep(bytes);
      return undefined;
    }
    this.#started = true;
    return bytes.subarray(0, BOM.length).equals(BOM) ? bytes.subarray(BOM.length) : bytes;
  }

  #keep(piece: Buffer): void {
    const needed = this.#restBytes + piece.length;
    this.#checkLimit(needed);
    if (needed > this.#rest.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, this.#rest.length * 2, SMALL_REST));
      this.#rest.copy(larger, 0, 0, this.#restBytes);
      this.#rest = larger;
    }
    piece.copy(this.#rest, this.#restBytes);
    this.#restBytes = needed;
  }

  /** The kept bytes; they are good until more are kept. */
  #takeRest(): Buffer {
    const rest = this.#rest.subarray(0, this.#restBytes);
    this.#restBytes = 0;
    if (this.#rest.length > SMALL_REST) this.#rest = EMPTY;
    return rest;
  }

  #checkLimit(more: number): void {
    if (this.#frameBytes + more > this.#maxFrameBytes) throw new RangeError('a server-sent event is larger than the limit');
  }

  #lineEndsAt(bytes: Buffer, start: number, end: number, frames: SseFrame[]): void {
    if (this.#restBytes === 0) {
      this.#line(bytes, start, end, frames);
      return;
    }
    if (end > start) this.#keep(bytes.subarray(start, end));
    const line = this.#takeRest();
    this.#line(line, 0, line.length, frames);
  }

  #line(bytes: Buffer, start: number, end: number, frames: SseFrame[]): void {
    if (start === end) {
      this.#dispatch(frames);
      return;
    }
    // "data:" and "event:" are told by their first letter, so that no string is made for other lines.
    const first = bytes[start];
    if (first === 0x64 && startsWith(bytes, start, end, 'data')) {
      this.#count(end - start);
      const value = fieldValue(bytes, start, end, 4);
      this.#data = this.#data === undefined ? value : `${this.#data}\n${value}`;
    } else if (first === 0x65 && startsWith(bytes, start, end, 'event')) {
      this.#count(end - start);
      this.#event = fieldValue(bytes, start, end, 5);
    }
  }

  /** Only lines that are remembered count: a server may send comments for as long as it likes. */
  #count(bytes: number): void {
    this.#checkLimit(bytes);
    this.#frameBytes += bytes;
  }

  #dispatch(frames: SseFrame[]): void {
    if (this.#data !== undefined) frames.push({ event: this.#event, data: this.#data });
    this.#data = undefined;
    this.#event = undefined;
    this.#frameBytes = 0;
  }
}

/** False where the bytes ended in the middle of the data: half an event is none. */
function isWhole({ data }: SseFrame): boolean {
  return data === '[DONE]' || parseJson(data) !== undefined;
}

/** Whether a media type is that of a stream of events; types are the same in any case (RFC 9110, section 8.3.1). */
export function isEventStream(contentType: string | undefined): boolean {
  return contentType !== undefined && /^text\/event-stream/i.test(contentType);
}

/** The JSON object a frame holds; undefined where it holds something else. */
export function frameObject(frame: SseFrame): JsonObject | undefined {
  return asObject(parseJson(frame.data));
}

/** True where the line is the field `name` alone, or `name:` followed by anything. */
function startsWith(bytes: Buffer, start: number, end: number, name: string): boolean {
  const after = start + name.length;
  if (after > end || (after < end && bytes[after] !== 0x3a)) return false;
  for (let i = 0; i < name.length; i++) if (bytes[start + i] !== name.charCodeAt(i)) return false;
  return true;
}

function fieldValue(bytes: Buffer, start: number, end: number, nameLength: number): string {
  let from = start + nameLength + 1;
  if (from > end) return '';
  if (bytes[from] === 0x20) from += 1;
  return bytes.toString('utf8', Math.min(from, end), end);
}

/** Writes one event with its name, as clients that need `event:` lines want it (SPEC section 2, rule 4). */
export function sseEvent(event: string, data: string): string {
  return `event: ${event}\ndata: ${data}\n\n`;
}

/** Writes one event without a name (chat). */
export function sseData(data: string): string {
  return `data: ${data}\n\n`;
}
