import { EventEmitter } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import { readCallHead, type CallHead } from './call-head.ts';
import { CallReply, IDLE_MS } from './call-reply.ts';
import type { ServedReply, ServedRequest } from './served.ts';

export type CallConnectionOptions = {
  /** Whether a request is a call that is served here. */
  takes(head: CallHead): boolean;
  /** Serves a call. Listens to its body before it returns, or never. */
  serve(req: ServedRequest, res: ServedReply): void;
  /** Reads on where this connection leaves off; what was read of the next request is on the socket again. */
  handOver(): void;
  /** Nothing came in the time that a client has for a request's head. */
  silent(): void;
  /** The client closed its end in the middle of a body; `reply` where that has not ended. */
  cut(reply: ServedReply | undefined): void;
  headersMs: number;
};

/** Bytes of later requests that are read while a call is answered. */
const MAX_AHEAD = 64 * 1024;

/**
 * A client's connection, for as long as it brings nothing but calls to models in their plainest form (call-head.ts). At the
 * first request that is anything else, the connection goes to Node's HTTP server with all that was not served yet, and
 * stays there. What Node does for every kind of request costs a call more than forwarding it.
 */
export class CallConnection {
  readonly #socket: Socket;
  readonly #options: CallConnectionOptions;
  /** The request whose body is being read. */
  #request: CallRequest | undefined;
  /** The reply that has not ended. */
  #reply: CallReply | undefined;
  /** What came of later requests. */
  #ahead: Buffer[] = [];
  #aheadBytes = 0;
  #served = false;
  #stopping = false;

  constructor(socket: Socket, options: CallConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.setTimeout(options.headersMs);
    socket.on('data', this.#onData);
    socket.on('drain', this.#onDrain);
    socket.on('end', this.#onEnd);
    socket.on('error', ignore);
    socket.on('timeout', this.#onTimeout);
    socket.on('close', this.#onClose);
  }

  /** Ends with the reply under way, or at once where there is none. */
  stop(): void {
    this.#stopping = true;
    const reply = this.#reply;
    if (reply === undefined) return void this.#socket.destroy();
    reply.shouldKeepAlive = false;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  readonly #onData = (bytes: Buffer): void => {
    if (this.#request !== undefined) this.#readBody(this.#request, bytes);
    else if (this.#reply !== undefined) this.#keepAhead(bytes);
    else this.#begin(bytes);
  };

  #begin(bytes: Buffer): void {
    const head = readCallHead(bytes);
    if (head === undefined || !this.#options.takes(head)) return this.#leave(bytes);
    if (!this.#served) {
      this.#served = true;
      this.#socket.setTimeout(IDLE_MS);
    }
    const end = head.end + head.length;
    const isWhole = end <= bytes.length;
    const request = new CallRequest(head, this.#socket, isWhole ? bytes.subarray(head.end, end) : undefined);
    this.#reply = new CallReply(request, this.#socket, this.#onFinished);
    this.#reply.shouldKeepAlive = !this.#stopping;
    if (isWhole) {
      if (end < bytes.length) this.#keepAhead(bytes.subarray(end));
      this.#options.serve(request, this.#reply);
    } else {
      this.#request = request;
      this.#options.serve(request, this.#reply);
      const first = bytes.subarray(head.end);
      if (this.#socket.isPaused()) this.#socket.unshift(first);
      else this.#readBody(request, first);
    }
  }

  #readBody(request: CallRequest, bytes: Buffer): void {
    const rest = request.take(bytes);
    if (!request.complete) return;
    this.#request = undefined;
    if (rest !== undefined) this.#keepAhead(rest);
    // The reply can end before the body.
    this.#next();
  }

  #keepAhead(bytes: Buffer): void {
    this.#ahead.push(bytes);
    this.#aheadBytes += bytes.length;
    if (this.#aheadBytes > MAX_AHEAD) this.#socket.pause();
  }

  readonly #onFinished = (): void => {
    if (this.#reply?.shouldKeepAlive === false) return this.#socket.destroySoon();
    this.#reply = undefined;
    // Nobody reads the rest of its body, but it stands before the next request.
    if (this.#request !== undefined) this.#request.resume();
    else this.#next();
  };

  /** Begins the request that came while the one before it was served. */
  #next(): void {
    if (this.#reply !== undefined || this.#request !== undefined || this.#ahead.length === 0) return;
    // The client left while the last reply was on its way.
    if (!this.#socket.writable) return;
    const bytes = Buffer.concat(this.#ahead);
    this.#ahead = [];
    this.#aheadBytes = 0;
    this.#socket.resume();
    this.#begin(bytes);
  }

  #leave(bytes: Buffer): void {
    const socket = this.#socket;
    socket.off('data', this.#onData);
    socket.off('drain', this.#onDrain);
    socket.off('end', this.#onEnd);
    socket.off('error', ignore);
    socket.off('timeout', this.#onTimeout);
    socket.off('close', this.#onClose);
    socket.setTimeout(0);
    socket.unshift(bytes);
    this.#options.handOver();
  }

  readonly #onDrain = (): void => this.#reply?.drained();

  /** A client that closes its end wants no reply any more, as with Node's server. */
  readonly #onEnd = (): void => {
    if (this.#request === undefined) this.#socket.end();
    else this.#options.cut(this.#reply);
  };

  readonly #onTimeout = (): void => {
    if (this.#served) {
      if (this.#reply === undefined || this.#reply.isTimed) this.#socket.destroy();
      return;
    }
    this.#socket.off('data', this.#onData);
    this.#options.silent();
  };

  readonly #onClose = (): void => {
    this.#request?.closed();
    this.#reply?.closed();
  };
}

// What follows an error on a socket is its end, and that is told.
const ignore = (): void => {};

/** A request whose head was read. */
class CallRequest implements ServedRequest {
  readonly method = 'POST';
  readonly httpVersion = '1.1';
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: string[];
  readonly socket: Socket;
  readonly whole: Buffer | undefined;
  complete: boolean;
  /** Bytes of the body still to come. */
  #left: number;
  /** Most bodies come whole, and nobody listens. */
  #events: EventEmitter | undefined;

  constructor(head: CallHead, socket: Socket, whole: Buffer | undefined) {
    this.whole = whole;
    this.complete = whole !== undefined;
    this.url = head.target;
    this.headers = head.headers;
    this.rawHeaders = head.rawHeaders;
    this.socket = socket;
    this.#left = head.length;
  }

  /** Reads the body's next bytes; returns those that come after it. */
  take(bytes: Buffer): Buffer | undefined {
    const own = bytes.length > this.#left ? bytes.subarray(0, this.#left) : bytes;
    this.#left -= own.length;
    // Before its listeners hear of it: a pause at the last piece would hold what comes behind the body.
    this.complete = this.#left === 0;
    if (own.length > 0) this.#events?.emit('data', own);
    if (this.complete) this.#events?.emit('end');
    return own.length < bytes.length ? bytes.subarray(own.length) : undefined;
  }

  closed(): void {
    this.#events?.emit('close');
  }

  on(event: string, listener: (piece: Buffer) => void): void {
    this.#events ??= new EventEmitter();
    this.#events.on(event, listener);
  }

  once(event: string, listener: () => void): void {
    this.#events ??= new EventEmitter();
    this.#events.once(event, listener);
  }

  off(event: string, listener: (piece: Buffer) => void): void {
    this.#events?.off(event, listener);
  }

  pause(): void {
    if (!this.complete) this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  isPaused(): boolean {
    return this.socket.isPaused();
  }
}
