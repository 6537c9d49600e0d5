/** One server-sent event. `data` is the joined data lines (HTML standard, section 9.2). */
export type SseFrame = { event: string | undefined; data: string };

const LF = 0x0a;
const CR = 0x0d;

/**
 * Reads server-sent events from bytes cut anywhere, also inside a character or between CR and LF.
 * Comments, `id:` and `retry:` lines are skipped. Memory is bounded by `maxFrameBytes` (default 64 MiB).
 */
export class SseReader {
  #rest: Buffer | undefined;
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
    let bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = undefined;
    if (!this.#started) {
      if (bytes.length < 3 && isBomPrefix(bytes)) {
        this.#rest = bytes;
        return frames;
      }
      this.#started = true;
      if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) bytes = bytes.subarray(3);
    }
    let start = 0;
    if (this.#skipLf && bytes.length > 0) {
      if (bytes[0] === LF) start = 1;
      this.#skipLf = false;
    }
    // A line ends at LF, CR or CR LF. Nearly every server sends LF alone, so CR is looked for once per chunk.
    const hasCr = bytes.includes(CR);
    for (;;) {
      const end = hasCr ? nextLineEnd(bytes, start) : bytes.indexOf(LF, start);
      if (end < 0) break;
      this.#line(bytes, start, end, frames);
      start = end + 1;
      if (bytes[end] === CR) {
        if (start === bytes.length) this.#skipLf = true;
        else if (bytes[start] === LF) start += 1;
      }
    }
    if (start < bytes.length) {
      this.#rest = start === 0 ? bytes : bytes.subarray(start);
      if (this.#frameBytes + this.#rest.length > this.#maxFrameBytes) throw new RangeError('a server-sent event is larger than the limit');
    }
    return frames;
  }

  /** The bytes have ended. A frame without its closing blank line is given up, as the standard wants. */
  end(): SseFrame[] {
    const frames: SseFrame[] = [];
    // Some servers close right after the last data line; losing a terminal event for a missing blank line helps nobody.
    if (this.#rest !== undefined) this.#line(this.#rest, 0, this.#rest.length, frames);
    this.#rest = undefined;
    if (this.#data !== undefined) frames.push({ event: this.#event, data: this.#data });
    this.#data = undefined;
    this.#event = undefined;
    return frames;
  }

  #line(bytes: Buffer, start: number, end: number, frames: SseFrame[]): void {
    const length = end - start;
    if (length === 0) {
      if (this.#data !== undefined) frames.push({ event: this.#event, data: this.#data });
      this.#data = undefined;
      this.#event = undefined;
      this.#frameBytes = 0;
      return;
    }
    this.#frameBytes += length;
    if (this.#frameBytes > this.#maxFrameBytes) throw new RangeError('a server-sent event is larger than the limit');
    // "data:" and "event:" are told by their first letter, so that no string is made for other lines.
    const first = bytes[start];
    if (first === 0x64 && startsWith(bytes, start, end, 'data')) {
      const value = fieldValue(bytes, start, end, 4);
      this.#data = this.#data === undefined ? value : `${this.#data}\n${value}`;
    } else if (first === 0x65 && startsWith(bytes, start, end, 'event')) {
      this.#event = fieldValue(bytes, start, end, 5);
    }
  }
}

function isBomPrefix(bytes: Buffer): boolean {
  return (bytes.length === 1 && bytes[0] === 0xef) || (bytes.length === 2 && bytes[0] === 0xef && bytes[1] === 0xbb);
}

function nextLineEnd(bytes: Buffer, start: number): number {
  const lf = bytes.indexOf(LF, start);
  const cr = bytes.indexOf(CR, start);
  if (cr < 0) return lf;
  return lf < 0 || cr < lf ? cr : lf;
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
