import { EventEmitter } from 'node:events';
import { STATUS_CODES, validateHeaderName, validateHeaderValue } from 'node:http';
import type { Socket } from 'node:net';
import { callBegan, callOver, departTogether, isCrowded } from './departures.ts';
import { lowerCaseName } from './header-name.ts';
import type { ServedReply, ServedRequest } from './served.ts';

/** How long an idle connection is kept, as its client is told. Seconds. */
export const KEEP_ALIVE_S = 60;
/** How long it is kept in truth: a client that believes what it was told must not lose a call to the end of the connection. */
export const IDLE_MS = (KEEP_ALIVE_S + 1) * 1_000;

const LAST_CHUNK = '0\r\n\r\n';
/** Pieces up to this size are copied behind the framing before them: one write is quicker than three. Bytes. */
const COPIED = 16 * 1024;

/**
 * A reply on a connection for calls, framed as RFC 9112 has it: with a length where its head tells one, in chunks
 * otherwise. The head leaves with the first piece, the end with the last one, and each piece at once; a whole reply in a
 * crowd of calls leaves together with theirs (departures.ts).
 */
export class CallReply extends EventEmitter implements ServedReply {
  readonly req: ServedRequest;
  shouldKeepAlive = true;
  writableEnded = false;
  writableFinished = false;
  headersSent = false;
  destroyed = false;
  /** Whether silence ends the connection now. */
  isTimed = false;
  readonly #socket: Socket;
  readonly #onFinished: () => void;
  /** The head, until it is written. */
  #head = '';
  #chunked = false;
  #bodiless = false;
  #waitsForDrain = false;
  #closed = false;

  constructor(req: ServedRequest, socket: Socket, onFinished: () => void) {
    super();
    this.req = req;
    this.#socket = socket;
    this.#onFinished = onFinished;
    callBegan();
  }

  get socket(): Socket | null {
    return this.writableFinished ? null : this.#socket;
  }

  get writableLength(): number {
    return this.#socket.writableLength + this.#head.length;
  }

  /** The client of a connection for calls waits for nothing before it sends its body. */
  writeContinue(): void {}

  /** Throws what can't stand in a head: a line break would begin another header. */
  writeHead(status: number, headers: Record<string, string | number | string[]>): this {
    if (this.headersSent) throw new Error('The head of this reply is written already.');
    let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'unknown'}\r\n`;
    this.#bodiless = status === 204 || status === 304;
    this.#chunked = !this.#bodiless;
    let dated = false;
    let closes = false;
    for (const name in headers) {
      const value = headers[name];
      if (value === undefined) continue;
      switch (name) {
        case 'connection':
          // Anything else is told below.
          if (value !== 'close') continue;
          closes = true;
          this.shouldKeepAlive = false;
          break;
        case 'content-length':
          this.#chunked = false;
          break;
        case 'date':
          dated = true;
          break;
        default:
      }
      if (Array.isArray(value)) for (const one of value) head += field(name, one);
      else head += field(name, String(value));
    }
    if (!dated) head += `Date: ${now()}\r\n`;
    if (this.shouldKeepAlive) head += `Connection: keep-alive\r\nKeep-Alive: timeout=${KEEP_ALIVE_S}\r\n`;
    else if (!closes) head += 'Connection: close\r\n';
    this.#head = `${head}${this.#chunked ? 'Transfer-Encoding: chunked\r\n' : ''}\r\n`;
    this.headersSent = true;
    return this;
  }

  flushHeaders(): void {
    if (!this.headersSent) this.writeHead(200, {});
    if (this.#head !== '') this.#send('', undefined, '');
  }

  write(piece: Buffer): boolean {
    if (!this.headersSent) this.writeHead(200, {});
    if (this.writableEnded || this.destroyed || this.#bodiless || piece.length === 0) return true;
    const wide = this.#chunked ? this.#send(`${piece.length.toString(16)}\r\n`, piece, '\r\n') : this.#send('', piece, '');
    this.#waitsForDrain ||= !wide;
    return wide;
  }

  end(last?: Buffer | string): this {
    if (this.writableEnded || this.destroyed) return this;
    if (!this.headersSent) this.writeHead(200, {});
    this.writableEnded = true;
    const piece = typeof last === 'string' ? Buffer.from(last) : last;
    // A reply that is whole may wait for its neighbours; what ends a stream may not.
    const waits = this.#head !== '' && isCrowded();
    if (waits) this.#socket.cork();
    if (this.#bodiless) this.#send('', undefined, '', this.#onWritten);
    else if (!this.#chunked) this.#send('', piece, '', this.#onWritten);
    else if (piece === undefined || piece.length === 0) this.#send(LAST_CHUNK, undefined, '', this.#onWritten);
    else this.#send(`${piece.length.toString(16)}\r\n`, piece, `\r\n${LAST_CHUNK}`, this.#onWritten);
    if (waits) departTogether(() => this.#socket.uncork());
    return this;
  }

  setTimeout(milliseconds: number): this {
    if (this.destroyed) return this;
    this.isTimed = milliseconds > 0;
    this.#socket.setTimeout(this.isTimed ? milliseconds : IDLE_MS);
    return this;
  }

  /** Of no effect once the reply is over: the connection can be another call's then. */
  destroy(): this {
    if (this.destroyed) return this;
    this.destroyed = true;
    this.#socket.destroy();
    return this;
  }

  /** The connection takes more again. */
  drained(): void {
    if (!this.#waitsForDrain || this.writableEnded) return;
    this.#waitsForDrain = false;
    this.emit('drain');
  }

  /** The reply is whole, or its connection is gone. */
  closed(): void {
    if (this.#closed) return;
    this.#closed = true;
    callOver();
    this.destroyed = true;
    this.emit('close');
  }

  /** Writes the head where it waits, then what stands before the piece, the piece, and what stands behind it. */
  #send(before: string, piece: Buffer | undefined, after: string, written?: () => void): boolean {
    const socket = this.#socket;
    // Bytes behind the end of a connection would be an error, which takes with it what still waits before them.
    if (!socket.writable) return true;
    const start = this.#head === '' ? before : this.#head + before;
    this.#head = '';
    if (piece === undefined) return socket.write(start, 'latin1', written);
    if (piece.length > COPIED) {
      socket.cork();
      if (start !== '') socket.write(start, 'latin1');
      let wide = socket.write(piece, after === '' ? written : undefined);
      if (after !== '') wide = socket.write(after, 'latin1', written);
      socket.uncork();
      return wide;
    }
    if (start === '' && after === '') return socket.write(piece, written);
    const bytes = Buffer.allocUnsafe(start.length + piece.length + after.length);
    bytes.write(start, 'latin1');
    piece.copy(bytes, start.length);
    if (after !== '') bytes.write(after, start.length + piece.length, 'latin1');
    return socket.write(bytes, written);
  }

  readonly #onWritten = (error?: Error | null): void => {
    if (error !== undefined && error !== null) return;
    this.writableFinished = true;
    this.emit('finish');
    this.closed();
    this.#onFinished();
  };
}

function field(name: string, value: string): string {
  if (lowerCaseName(name) === undefined) validateHeaderName(name);
  validateHeaderValue(name, value);
  return `${name}: ${value}\r\n`;
}

/** The time as a header tells it (RFC 9110, section 5.6.7), made once a second. */
function now(): string {
  const second = Math.trunc(Date.now() / 1_000);
  if (second !== madeIn) {
    madeIn = second;
    made = new Date(second * 1_000).toUTCString();
  }
  return made;
}

let madeIn = 0;
let made = '';
