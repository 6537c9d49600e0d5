import type { OpenCall } from '../capture/recorder.ts';
import type { Loss } from '../wire/turn.ts';
import type { ErrorAnswer } from '../http/listener.ts';
import type { ServedReply } from '../http/served.ts';
import { cutUnread } from '../http/unread.ts';
import type { Flow, ReplySink, UpstreamFailure } from '../upstreams/upstream.ts';
import { returnHeaders } from './headers.ts';

/**
 * A reply on its way to a client, bytes untouched. Each piece is written as it comes; a client that reads slowly
 * holds the upstream back, one that leaves ends it. The recorder sees what the client sees.
 */
export class ForwardedReply implements ReplySink {
  readonly #res: ServedReply;
  readonly #begin: () => OpenCall;
  #begun: OpenCall | undefined;
  readonly #idleMs: number;
  readonly #renderFailure: (failure: UpstreamFailure) => ErrorAnswer;
  #flow: Flow | undefined;
  /** The reply's head, until it is written: a reply that breaks off before is answered with an error instead. */
  #head: { status: number; headers: Record<string, string | string[]> } | undefined;
  readonly #before: readonly Loss[];
  /** Losses of an upstream that changed the request. */
  #lost: readonly Loss[] = [];
  #stalled: NodeJS.Timeout | undefined;

  /** `begin`: begins the call's record. `lost`: of the request, before it went to the upstream. */
  constructor(
    res: ServedReply,
    begin: () => OpenCall,
    idleMs: number,
    renderFailure: (failure: UpstreamFailure) => ErrorAnswer,
    lost: readonly Loss[] = [],
  ) {
    this.#res = res;
    this.#begin = begin;
    this.#idleMs = idleMs;
    this.#renderFailure = renderFailure;
    this.#before = lost;
    res.on('close', this.#onClose);
  }

  /** The flow this reply reads from; given once, right after the request was sent. */
  follow(flow: Flow): void {
    this.#flow = flow;
    this.#call();
    if (this.#res.destroyed) flow.abort();
  }

  /** The call's record. It begins once the request is on its way: the upstream works meanwhile. */
  #call(): OpenCall {
    return (this.#begun ??= this.#begin());
  }

  sent(headers: readonly string[], body: Buffer | null, lost: readonly Loss[]): void {
    this.#call().upstreamRequest(headers, body);
    this.#lost = lost;
  }

  start(status: number, headers: Record<string, string | string[]>): void {
    const back = returnHeaders(headers);
    this.#call().replyStart(status, back);
    this.#head = { status, headers: back };
    // The head usually comes in the same read as the first piece; both leave in one write then.
    if (back['content-length'] === undefined) process.nextTick(this.#flushHead);
  }

  data(chunk: Buffer, last = false): boolean {
    this.#writeHead();
    const read = this.#send(chunk, last);
    this.#call().replyData(chunk);
    if (read) return true;
    // What was held back for this reply may still come while it waits.
    if (this.#stalled !== undefined) return false;
    this.#res.once('drain', this.#onDrain);
    this.#stalled = setTimeout(this.#onStall, this.#idleMs);
    return false;
  }

  /** Returns false where the client should be waited for. */
  #send(chunk: Buffer, last: boolean): boolean {
    if (!last) return this.#res.write(chunk);
    // The last piece and the end leave in one write.
    this.#res.end(chunk);
    return true;
  }

  end(): void {
    this.#writeHead();
    if (!this.#res.writableEnded) this.#res.end();
    cutUnread(this.#res, this.#idleMs);
    this.#call().end({ cut: false, lost: this.#before.length === 0 ? this.#lost : [...this.#before, ...this.#lost] });
    this.#release();
  }

  fail(failure: UpstreamFailure): void {
    this.#release();
    if (this.#res.headersSent) {
      breakOff(this.#res);
      this.#call().end({ cut: true, error: failure.message });
      return;
    }
    this.#head = undefined;
    answer(this.#res, this.#call(), this.#renderFailure(failure));
  }

  #writeHead(): void {
    if (this.#head === undefined) return;
    this.#res.writeHead(this.#head.status, this.#head.headers);
    this.#head = undefined;
  }

  readonly #flushHead = (): void => {
    if (this.#head === undefined || this.#res.destroyed) return;
    this.#writeHead();
    this.#res.flushHeaders();
  };

  readonly #onDrain = (): void => {
    clearTimeout(this.#stalled);
    this.#stalled = undefined;
    this.#flow?.resume();
  };

  readonly #onStall = (): void => {
    this.#res.destroy();
  };

  readonly #onClose = (): void => {
    if (this.#res.writableFinished) return;
    this.#flow?.abort();
    this.#call().end({ cut: true, error: 'The client went away before the reply was complete.' });
    this.#release();
  };

  #release(): void {
    clearTimeout(this.#stalled);
    this.#res.off('close', this.#onClose);
  }
}

const BREAK_OFF_MS = 5_000;

/**
 * Ends a reply so that its client sees that it broke off: what was written still arrives, the proper end never does.
 * Ending cleanly would pass a cut reply off as a whole one.
 */
export function breakOff(res: ServedReply): void {
  const { socket } = res;
  if (socket === null) return void res.destroy();
  // A client of HTTP/1.0 takes the end of its connection for that of the reply. Only one with an address can be reset.
  if (res.req.httpVersion === '1.0' && socket.remoteAddress !== undefined) socket.write('', () => socket.resetAndDestroy());
  else socket.destroySoon();
  // A client that does not read would keep the last bytes, and us, waiting.
  setTimeout(() => socket.destroy(), BREAK_OFF_MS).unref();
}

/** How long a client may leave an answer of our own unread. Milliseconds. */
const ANSWER_MS = 60_000;

/** Writes a whole answer of our own, and records it. */
export function answer(res: ServedReply, call: OpenCall, reply: ErrorAnswer): void {
  const body = Buffer.from(reply.body);
  const headers = { ...reply.headers, 'content-length': String(body.length) };
  call.replyStart(reply.status, headers);
  call.replyData(body);
  if (!res.destroyed) {
    res.writeHead(reply.status, headers);
    res.end(body);
    cutUnread(res, ANSWER_MS);
  }
  call.end({ cut: res.destroyed, error: reply.status >= 400 ? messageOf(reply.body) : undefined });
}

function messageOf(body: string): string | undefined {
  return /"message":\s*("(?:[^"\\]|\\.)*")/.exec(body)?.[1]?.slice(1, -1);
}
