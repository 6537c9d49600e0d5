import { FORBIDDEN } from '../http/grammar.ts';
import { lowerCaseName } from '../http/header-name.ts';

/** Told what a reply says as it is read. Header names are lower case. */
export type ReplyEvents = {
  head(status: number, headers: Record<string, string | string[]>): void;
  /** A piece of the body, framing taken off. Returns false where the reader of the reply is full. `last`: the reply is whole with it. */
  piece(bytes: Buffer, last: boolean): boolean;
};

/** Bytes of a reply's head, and of its trailers. Node's own limit for heads. */
const MAX_HEAD_BYTES = 16 * 1024;
/** Digits of a chunk's size: what a number holds exactly. */
const MAX_SIZE_DIGITS = 13;
const HEAD_END = Buffer.from('\r\n\r\n');
const CR = 13;
const LF = 10;
const SEMICOLON = 59;

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: |$)/;
const LENGTH = /^\d{1,15}$/;

/** Where the reader stands: the head, a body by its kind of end, the framing of a chunked one, or past the end. */
type At = 'head' | 'sized' | 'until-end' | 'size' | 'extension' | 'size-lf' | 'chunk' | 'chunk-cr' | 'chunk-lf' | Trailer | 'done';
type Trailer = 'trailer' | 'trailer-line' | 'trailer-lf' | 'last-lf';

/**
 * Reads one HTTP/1.1 reply out of the bytes of a connection, strictly (RFC 9112): what could be read in two ways is no
 * reply. All that a read holds of the body is told in one piece, and memory of the read is used for it.
 */
export class ReplyReader {
  /** Why this is no reply; nothing more is read then. */
  problem: string | undefined;
  /** The body's reader is full. */
  full = false;
  /** The connection can carry another request once this reply is read. */
  lasting = false;
  /** Milliseconds that the server says it keeps an idle connection. */
  keepAliveMs: number | undefined;
  readonly #events: ReplyEvents;
  readonly #bodiless: boolean;
  #at: At = 'head';
  #held: Buffer | undefined;
  /** Bytes of the body, or of the chunk, still to come. */
  #left = 0;
  #digits = 0;
  /** Bytes of this chunk's extensions, or of the trailers, so far. */
  #aside = 0;

  /** `bodiless`: the request was a HEAD. */
  constructor(events: ReplyEvents, bodiless: boolean) {
    this.#events = events;
    this.#bodiless = bodiless;
  }

  get begun(): boolean {
    return this.#at !== 'head';
  }

  get done(): boolean {
    return this.#at === 'done';
  }

  /** The next bytes of the connection. Bytes past the reply's end make the connection useless for another one. */
  read(bytes: Buffer): void {
    this.full = false;
    let rest: Buffer | undefined = bytes;
    while (rest !== undefined && this.#at === 'head' && this.problem === undefined) rest = this.#readHead(rest);
    if (rest === undefined || rest.length === 0 || this.problem !== undefined) return;
    switch (this.#at) {
      case 'sized':
        return this.#readSized(rest);
      case 'until-end':
        return this.#tell(rest);
      case 'done':
        this.lasting = false;
        return;
      default:
        this.#readChunks(rest);
    }
  }

  /** The connection has ended. */
  end(): void {
    if (this.#at === 'until-end') this.#at = 'done';
    else if (this.#at !== 'done') this.problem ??= 'the connection was closed before the reply was complete';
  }

  /** Returns what follows the head, or undefined where more must come first. */
  #readHead(read: Buffer): Buffer | undefined {
    const bytes = this.#held === undefined ? read : Buffer.concat([this.#held, read]);
    const end = bytes.indexOf(HEAD_END);
    if ((end < 0 ? bytes.length : end) > MAX_HEAD_BYTES) return this.#fail(`its headers are larger than ${MAX_HEAD_BYTES / 1024} KiB`);
    this.#held = end < 0 ? bytes : undefined;
    if (end < 0) return undefined;
    this.#understand(bytes.toString('latin1', 0, end));
    return bytes.subarray(end + HEAD_END.length);
  }

  #understand(head: string): void {
    const lines = head.split('\r\n');
    const found = STATUS_LINE.exec(lines[0] ?? '');
    if (found === null || FORBIDDEN.test(head)) return this.#fail('its first lines are not HTTP/1.1');
    const headers = readHeaders(lines);
    if (headers === undefined) return this.#fail('one of its header lines is not valid');
    const status = Number(found[2]);
    if (status === 101) return this.#fail('it changes to a protocol nobody asked for');
    // Interim replies say nothing that the client could use.
    if (status < 200) return;
    const body = this.#bodiless || status === 204 || status === 304 ? 'done' : this.#framing(headers);
    if (body === undefined) return;
    this.lasting = body !== 'until-end' && isLasting(found[1] === '1', listOf(headers['connection']));
    const seconds = /timeout=(\d{1,6})/i.exec(listOf(headers['keep-alive']))?.[1];
    if (seconds !== undefined) this.keepAliveMs = Number(seconds) * 1000;
    this.#at = body;
    this.#events.head(status, headers);
  }

  /** How the body ends (RFC 9112, section 6.3). */
  #framing(headers: Readonly<Record<string, string | string[]>>): At | undefined {
    const coding = headers['transfer-encoding'];
    const length = headers['content-length'];
    if (coding !== undefined) {
      if (length !== undefined) return this.#fail('it tells its length in two ways');
      if (typeof coding !== 'string' || coding.toLowerCase() !== 'chunked') return this.#fail('its transfer coding was not asked for');
      return 'size';
    }
    if (length === undefined) return 'until-end';
    if (typeof length !== 'string' || !LENGTH.test(length)) return this.#fail('its length is not a number');
    this.#left = Number(length);
    return this.#left === 0 ? 'done' : 'sized';
  }

  #readSized(bytes: Buffer): void {
    const piece = bytes.length > this.#left ? bytes.subarray(0, this.#left) : bytes;
    this.#left -= piece.length;
    if (this.#left === 0) this.#at = 'done';
    if (piece.length < bytes.length) this.lasting = false;
    this.#tell(piece);
  }

  /** Takes the framing off by moving the chunks together: a read often holds many small ones. */
  #readChunks(bytes: Buffer): void {
    const { length } = bytes;
    let from = 0;
    let to = 0;
    let at = 0;
    while (at < length && this.#at !== 'done' && this.problem === undefined) {
      if (this.#at === 'chunk') {
        const end = Math.min(length, at + this.#left);
        if (to === 0) from = at;
        else if (to < at) bytes.copyWithin(to, at, end);
        to = to === 0 ? end : to + end - at;
        this.#left -= end - at;
        at = end;
        if (this.#left === 0) this.#at = 'chunk-cr';
      } else {
        this.#frame(bytes[at] ?? 0);
        at += 1;
      }
    }
    if (at < length) this.lasting = false;
    if (to > from) this.#tell(bytes.subarray(from, to));
  }

  /** One byte between two chunks (RFC 9112, section 7.1). */
  #frame(byte: number): void {
    switch (this.#at) {
      case 'size':
        return this.#readSize(byte);
      case 'extension':
        if (byte === CR) this.#at = 'size-lf';
        else this.#skip(byte);
        return;
      case 'size-lf':
        if (byte !== LF) return this.#fail('the size of a chunk is not valid');
        this.#at = this.#left === 0 ? 'trailer' : 'chunk';
        this.#digits = 0;
        this.#aside = 0;
        return;
      case 'chunk-cr':
        return this.#expect(byte, CR, 'chunk-lf');
      case 'chunk-lf':
        return this.#expect(byte, LF, 'size');
      case 'trailer':
        if (byte === CR) this.#at = 'last-lf';
        else this.#at = 'trailer-line';
        return this.#skip(byte);
      case 'trailer-line':
        if (byte === CR) this.#at = 'trailer-lf';
        else this.#skip(byte);
        return;
      case 'trailer-lf':
        return this.#expect(byte, LF, 'trailer');
      case 'last-lf':
        return this.#expect(byte, LF, 'done');
      default:
    }
  }

  #readSize(byte: number): void {
    const digit = hexOf(byte);
    if (digit >= 0 && this.#digits < MAX_SIZE_DIGITS) {
      this.#left = this.#left * 16 + digit;
      this.#digits += 1;
    } else if (this.#digits === 0 || digit >= 0) this.#fail('the size of a chunk is not valid');
    else if (byte === CR) this.#at = 'size-lf';
    else if (byte === SEMICOLON) this.#at = 'extension';
    else this.#fail('the size of a chunk is not valid');
  }

  #expect(byte: number, wanted: number, next: At): void {
    if (byte === wanted) this.#at = next;
    else this.#fail('a chunk does not end where it should');
  }

  /** What is read and not passed on. */
  #skip(byte: number): void {
    this.#aside += 1;
    if (byte === LF || this.#aside > MAX_HEAD_BYTES) this.#fail('what stands between its chunks is not valid');
  }

  #tell(piece: Buffer): void {
    this.full = !this.#events.piece(piece, this.done);
  }

  #fail(problem: string): undefined {
    this.problem = problem;
    this.lasting = false;
  }
}

/** Undefined where a line is no header. A name that comes more than once has its values in order. */
function readHeaders(lines: readonly string[]): Record<string, string | string[]> | undefined {
  // No prototype: a header may be called `constructor`.
  const headers: Record<string, string | string[]> = Object.create(null);
  for (let i = 1; i < lines.length; i += 1) {
    const line = lines[i] ?? '';
    const colon = line.indexOf(':');
    const lower = lowerCaseName(line.slice(0, Math.max(0, colon)));
    if (lower === undefined) return undefined;
    const value = unpadded(line, colon + 1);
    const before = headers[lower];
    if (before === undefined) headers[lower] = value;
    else if (typeof before === 'string') headers[lower] = [before, value];
    else before.push(value);
  }
  return headers;
}

/** The text from an index on, without blanks and tabs around it (RFC 9110, section 5.5). */
function unpadded(line: string, from: number): string {
  let start = from;
  let end = line.length;
  while (start < end && isBlank(line.charCodeAt(start))) start += 1;
  while (end > start && isBlank(line.charCodeAt(end - 1))) end -= 1;
  return line.slice(start, end);
}

const isBlank = (code: number): boolean => code === 32 || code === 9;

function listOf(value: string | string[] | undefined): string {
  return Array.isArray(value) ? value.join(',') : (value ?? '');
}

/** RFC 9112, section 9.3. */
function isLasting(current: boolean, connection: string): boolean {
  if (connection === '') return current;
  const options = connection.toLowerCase().split(/[\t ]*,[\t ]*/);
  return !options.includes('close') && (current || options.includes('keep-alive'));
}

function hexOf(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}
