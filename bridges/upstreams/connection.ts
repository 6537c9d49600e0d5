import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { departTogether, isCrowded } from '../http/departures.ts';
import { ReplyReader, type ReplyEvents } from './reply-reader.ts';

/** Told of one reply. After `end` or `broken` it hears nothing more. */
export type ReplyListener = ReplyEvents & {
  end(): void;
  /** `begun`: its head was told. */
  broken(problem: Broken, begun: boolean): void;
};

export type Broken =
  | { kind: 'closed'; /** The socket's own error, where it had one. */ error?: Error }
  | { kind: 'silent' }
  | { kind: 'malformed'; why: string }
  | { kind: 'request'; error: Error };

/** A request as it goes out: its first lines, and the body that they tell the length of. */
export type Outgoing = { method: string; head: string; body: Buffer | Readable | null };

export type ConnectionOptions = {
  /** Milliseconds until a reply must have begun. */
  headMs: number;
  /** Milliseconds between two pieces of a reply. */
  pieceMs: number;
  /** Milliseconds that it is kept idle, where the server names no shorter time. */
  idleMs: number;
  /** It can carry the next request, for `idleMs` milliseconds. */
  onIdle(connection: Connection, idleMs: number): void;
  /** It is closed. */
  onClosed(connection: Connection): void;
};

/** Bodies up to this size are copied behind their head: one write costs less than two joined ones. */
const JOINED_BYTES = 16 * 1024;
/** Milliseconds before the server's own end of an idle connection, for a request that is on its way then. */
const MARGIN_MS = 1_000;

/** One open connection to an upstream. It carries one request at a time. */
export class Connection {
  readonly #socket: Socket;
  readonly #options: ConnectionOptions;
  #reader: ReplyReader | undefined;
  #reply: ReplyListener | undefined;
  #sending: Readable | undefined;
  #error: Error | undefined;

  constructor(socket: Socket, options: ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('error', this.#onError);
    socket.on('close', this.#onClose);
    socket.on('timeout', this.#onSilent);
    socket.on('drain', this.#onDrain);
  }

  /** True while a request can be sent on it. */
  get usable(): boolean {
    return this.#reply === undefined && this.#socket.writable && this.#socket.readable;
  }

  send(outgoing: Outgoing, reply: ReplyListener): void {
    this.#reply = reply;
    this.#reader = new ReplyReader(reply, outgoing.method === 'HEAD');
    this.#write(outgoing);
    this.#socket.ref();
    this.#socket.setTimeout(this.#options.headMs);
  }

  /** Waits for the next request. `keptMs`: for how long its server keeps it, where that is known. */
  rest(keptMs = Infinity): void {
    const idleMs = Math.min(this.#options.idleMs, keptMs - MARGIN_MS);
    if (idleMs <= 0 || !this.usable) return this.#drop();
    this.#socket.setTimeout(idleMs);
    this.#socket.unref();
    this.#options.onIdle(this, idleMs);
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Closes it; whoever waits for a reply is told. Resolves once it is closed. */
  close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.#socket.closed) resolve();
    this.#socket.once('close', () => resolve());
    this.#socket.destroy();
    return promise;
  }

  /** Closes it; whoever waited for a reply hears nothing of it. */
  destroy(): void {
    this.#reply = undefined;
    this.#drop();
  }

  #write({ head, body }: Outgoing): void {
    const socket = this.#socket;
    if (body === null) return void socket.write(head, 'latin1');
    if (!Buffer.isBuffer(body)) {
      socket.write(head, 'latin1');
      return this.#writeStream(body);
    }
    if (body.length <= JOINED_BYTES) {
      const whole = Buffer.allocUnsafe(head.length + body.length);
      whole.write(head, 'latin1');
      body.copy(whole, head.length);
      if (!isCrowded()) return void socket.write(whole);
      socket.cork();
      socket.write(whole);
      return departTogether(() => socket.uncork());
    }
    socket.cork();
    socket.write(head, 'latin1');
    socket.write(body);
    socket.uncork();
  }

  #writeStream(body: Readable): void {
    this.#sending = body;
    body.on('data', (piece: Buffer) => {
      if (this.#sending === body && !this.#socket.write(piece)) body.pause();
    });
    body.on('end', () => {
      if (this.#sending === body) this.#sending = undefined;
    });
    // Told by its close.
    body.on('error', () => undefined);
    body.on('close', () => {
      if (this.#sending === body) this.#fail({ kind: 'request', error: body.errored ?? new Error('the request was given up') });
    });
  }

  readonly #onData = (bytes: Buffer): void => {
    const reader = this.#reader;
    // Nothing was asked: whatever this answers, it is not the next request.
    if (reader === undefined || this.#reply === undefined) return this.#drop();
    const waited = !reader.begun;
    reader.read(bytes);
    if (reader.problem !== undefined) return this.#fail({ kind: 'malformed', why: reader.problem });
    if (reader.done) return this.#finish(reader);
    if (waited && reader.begun) this.#socket.setTimeout(this.#options.pieceMs);
    if (reader.full) this.#socket.pause();
  };

  readonly #onDrain = (): void => {
    this.#sending?.resume();
  };

  readonly #onEnd = (): void => {
    const reader = this.#reader;
    if (reader === undefined || this.#reply === undefined) return this.#drop();
    reader.end();
    if (reader.done) this.#finish(reader);
    else this.#fail({ kind: 'closed' });
  };

  readonly #onError = (error: Error): void => {
    this.#error = error;
  };

  readonly #onClose = (): void => {
    this.#fail(this.#error === undefined ? { kind: 'closed' } : { kind: 'closed', error: this.#error });
    this.#options.onClosed(this);
  };

  readonly #onSilent = (): void => {
    if (this.#reply === undefined) this.#drop();
    // Where the client does not read, the silence is ours; while its request still goes out, it is the server's.
    else if (!this.#socket.isPaused() || this.#sending !== undefined) this.#fail({ kind: 'silent' });
  };

  #finish(reader: ReplyReader): void {
    const reply = this.#reply;
    this.#reply = undefined;
    this.#reader = undefined;
    // A reply may overtake its request, and the next one would wait behind the rest of that.
    const sent = this.#sending === undefined && this.#socket.writableLength === 0;
    if (reader.lasting && sent) this.rest(reader.keepAliveMs);
    else this.#drop();
    reply?.end();
  }

  #fail(broken: Broken): void {
    const reply = this.#reply;
    const begun = this.#reader?.begun === true;
    this.#reply = undefined;
    this.#drop();
    reply?.broken(broken, begun);
  }

  #drop(): void {
    this.#sending = undefined;
    this.#socket.destroy();
  }
}
