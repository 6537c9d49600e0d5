import type { OpenCall } from '../capture/recorder.ts';
import type { ServedReply } from '../http/served.ts';
import { cutUnread } from '../http/unread.ts';
import type { Flow, ReplySink, UpstreamFailure } from '../upstreams/upstream.ts';
import type { RenderedError } from '../wire/codec.ts';
import { readBody } from '../wire/exact-numbers.ts';
import { isEventStream } from '../wire/sse.ts';
import { UNTRANSLATABLE } from '../wire/failures.ts';
import type { Crossing, RenderedFailure, ReplyState, StreamCrossing } from '../wire/translate.ts';
import type { JsonValue, Loss, TurnError } from '../wire/turn.ts';
import { failureError } from './errors.ts';
import { breakOff } from './forward.ts';

/** Milliseconds after which a streaming client that heard nothing is told that we live (SPEC 2.5, 10.2). */
const KEEP_ALIVE_MS = 10_000;
/** How long an upstream may keep its connection after the last event of a stream. Milliseconds. */
const LATE_MS = 2_000;
/** A JSON reply larger than this is not translated. */
const MAX_REPLY_BYTES = 64 * 1024 * 1024;

const STREAM_HEADERS = { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' };

export type CrossedOptions = {
  crossing: Crossing;
  idleMs: number;
  headers: Record<string, string>;
};

/** A reply that changes wire format on its way. The recorder sees both sides of it. */
export class CrossedReply implements ReplySink {
  readonly #res: ServedReply;
  readonly #begin: () => OpenCall;
  #begun: OpenCall | undefined;
  readonly #options: CrossedOptions;
  #flow: Flow | undefined;
  #status = 0;
  #headers: Record<string, string | string[]> = {};
  /** Made while the upstream works, for a stream that has not begun. */
  #ready: StreamCrossing | undefined;
  #stream: StreamCrossing | undefined;
  #streaming = false;
  #wrote = false;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #state: Readonly<ReplyState> | undefined;
  #keepAlive: NodeJS.Timeout | undefined;
  #stalled: NodeJS.Timeout | undefined;
  #lateAbort: NodeJS.Timeout | undefined;
  #over = false;
  /** Losses of an upstream that changed what the wire made of the request. */
  #lost: readonly Loss[] = [];

  /** `begin`: begins the call's record. */
  constructor(res: ServedReply, begin: () => OpenCall, options: CrossedOptions) {
    this.#res = res;
    this.#begin = begin;
    this.#options = options;
    res.on('close', this.#onClose);
  }

  follow(flow: Flow): void {
    this.#flow = flow;
    this.#call();
    if (this.#options.crossing.stream && !this.#over) this.#ready = this.#options.crossing.reply.stream();
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
    this.#call().upstreamReplyStart(headers);
    this.#status = status;
    this.#headers = headers;
    const type = headers['content-type'];
    this.#streaming = status < 400 && typeof type === 'string' && isEventStream(type);
    if (this.#streaming && this.#options.crossing.stream) this.#openStream();
  }

  data(chunk: Buffer): boolean {
    this.#call().upstreamReplyData(chunk);
    if (this.#over) return true;
    let room = true;
    this.#guard(() => {
      room = this.#take(chunk);
    });
    return room;
  }

  end(): void {
    clearTimeout(this.#lateAbort);
    if (!this.#over) this.#guard(() => this.#finish());
  }

  fail(failure: UpstreamFailure): void {
    clearTimeout(this.#lateAbort);
    if (!this.#over) this.#guard(() => this.#fail(failure));
  }

  /** Sockets and timers call this: what is thrown here would end the process, and every other call with it. */
  #guard(work: () => void): void {
    try {
      work();
    } catch {
      this.#flow?.abort();
      if (this.#over) return;
      if (!this.#res.headersSent) return this.#refuse(UNTRANSLATABLE);
      this.#release();
      breakOff(this.#res);
      this.#end(true, UNTRANSLATABLE.message);
    }
  }

  #take(chunk: Buffer): boolean {
    if (this.#stream !== undefined) {
      const text = this.#stream.push(chunk);
      if (!this.#stream.state.ended) return this.#write(text);
      this.#finishStream(this.#stream, text);
      return true;
    }
    this.#bytes += chunk.length;
    if (this.#bytes > MAX_REPLY_BYTES) {
      this.#flow?.abort();
      this.#refuse({ kind: 'upstream_failed', message: 'The upstream sent a reply that is too large to translate.' });
      return true;
    }
    this.#chunks.push(chunk);
    return true;
  }

  #finish(): void {
    if (this.#stream !== undefined) return this.#finishStream(this.#stream, this.#stream.end());
    const [first] = this.#chunks;
    const bytes = first !== undefined && this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks);
    const { reply } = this.#options.crossing;
    if (this.#status >= 400) return this.#tellFailure(reply.error(this.#status, joined(this.#headers), bodyOf(bytes)));
    if (this.#streaming) {
      const collected = reply.collect();
      collected.push(bytes);
      return this.#whole(collected.end());
    }
    if (!this.#options.crossing.stream) return this.#whole(reply.json(bodyOf(bytes)));
    const stream = this.#openStream();
    this.#finishStream(stream, stream.whole(bodyOf(bytes)));
  }

  #fail(failure: UpstreamFailure): void {
    // A stream that has begun is ended in the client's own words for "this failed", never as a success.
    if (this.#stream !== undefined) return this.#finishStream(this.#stream, this.#stream.end(), failure.message);
    this.#refuse(failure.kind === 'cut' ? { kind: 'stream_cut', message: failure.message } : failureError(failure));
  }

  #openStream(): StreamCrossing {
    const stream = this.#ready ?? this.#options.crossing.reply.stream();
    this.#stream = stream;
    const headers = { ...STREAM_HEADERS, ...this.#options.headers };
    this.#call().replyStart(200, headers);
    this.#res.writeHead(200, headers);
    // The head usually comes in the same read as the first event; both leave in one write then.
    process.nextTick(this.#flushHead);
    this.#keepAlive = setTimeout(() => this.#guard(() => this.#sendKeepAlive()), KEEP_ALIVE_MS);
    return stream;
  }

  #sendKeepAlive(): void {
    if (this.#stream === undefined || this.#over) return;
    // One that does not read needs no sign of life.
    if (this.#stalled === undefined) this.#write(this.#stream.keepAlive());
    this.#keepAlive?.refresh();
  }

  /** Returns false when the client should be waited for. */
  #write(text: string): boolean {
    if (text === '' || this.#res.destroyed) return true;
    // Only what the client gets counts: what is held back for it, or comments of the upstream, are silence to it.
    this.#keepAlive?.refresh();
    this.#wrote = true;
    const bytes = Buffer.from(text);
    const read = this.#res.write(bytes);
    this.#call().replyData(bytes);
    if (read) return true;
    if (this.#stalled !== undefined) return false;
    this.#stalled = setTimeout(() => this.#res.destroy(), this.#options.idleMs);
    this.#res.once('drain', this.#onDrain);
    return false;
  }

  /** `text`: the last of what the client gets; it leaves with the end. */
  #finishStream(stream: StreamCrossing, text: string, failure?: string): void {
    this.#state = stream.state;
    const { error, stoppedEarly } = stream.state;
    // The upstream's own end follows in a moment: aborting here would cost the next call a new connection.
    if (stoppedEarly) this.#flow?.abort();
    else this.#lateAbort = setTimeout(() => this.#flow?.abort(), LATE_MS).unref();
    // Chat has no frame for a cut: its client must see the connection break instead of a clean end.
    const breaks = error?.kind === 'stream_cut' && this.#options.crossing.turn.from === 'chat';
    if (breaks) this.#write(text);
    this.#release();
    if (breaks) breakOff(this.#res);
    else {
      const last = Buffer.from(text);
      if (text !== '') this.#call().replyData(last);
      this.#res.end(last);
      cutUnread(this.#res, this.#options.idleMs);
    }
    this.#end(error !== undefined && !stoppedEarly, failure ?? error?.message);
  }

  #whole(result: ReturnType<Crossing['reply']['json']>): void {
    this.#state = result.state;
    if ('error' in result) return this.#refuse(result.error);
    this.#answer({ status: 200, headers: {}, body: result.body });
  }

  #refuse(error: TurnError): void {
    this.#tellFailure(this.#options.crossing.reply.failure(error));
  }

  #tellFailure(failure: RenderedFailure): void {
    if (!('stream' in failure)) return this.#answer(failure);
    this.#state = failure.state;
    this.#send(200, STREAM_HEADERS, failure.stream);
  }

  #answer(rendered: RenderedError): void {
    this.#send(rendered.status, { 'content-type': 'application/json', ...rendered.headers }, JSON.stringify(rendered.body));
  }

  /** A reply that is whole at once. */
  #send(status: number, own: Record<string, string>, text: string): void {
    this.#release();
    const body = Buffer.from(text);
    const headers = { ...this.#options.headers, ...own, 'content-length': String(body.length) };
    this.#call().replyStart(status, headers);
    this.#call().replyData(body);
    if (!this.#res.destroyed) {
      this.#res.writeHead(status, headers);
      this.#res.end(body);
      cutUnread(this.#res, this.#options.idleMs);
    }
    this.#end(false, this.#state?.error?.message ?? (status >= 400 ? 'The upstream answered with an error.' : undefined));
  }

  #end(cut: boolean, error: string | undefined): void {
    const usage = this.#state?.usage;
    this.#call().end({
      cut,
      error,
      lost: [...this.#lost, ...this.#options.crossing.lost],
      modelUsed: this.#state?.model ?? null,
      usage:
        usage === undefined
          ? null
          : {
              input: usage.input ?? null,
              cached: usage.cached ?? null,
              cacheWrite: usage.cacheWrite ?? null,
              output: usage.output ?? null,
              reasoning: usage.reasoning ?? null,
            },
    });
  }

  readonly #flushHead = (): void => {
    if (!this.#wrote && !this.#over && !this.#res.destroyed) this.#res.flushHeaders();
  };

  readonly #onDrain = (): void => {
    clearTimeout(this.#stalled);
    this.#stalled = undefined;
    this.#flow?.resume();
  };

  readonly #onClose = (): void => {
    if (this.#over || this.#res.writableFinished) return;
    this.#flow?.abort();
    this.#release();
    this.#end(true, 'The client went away before the reply was complete.');
  };

  #release(): void {
    this.#over = true;
    clearTimeout(this.#keepAlive);
    clearTimeout(this.#stalled);
    this.#res.off('close', this.#onClose);
    this.#res.off('drain', this.#onDrain);
  }
}

/** Headers with one value each (RFC 9110, section 5.3). */
function joined(headers: Readonly<Record<string, string | string[]>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]));
}

/** A body as JSON, or as text where it is none (an HTML page from a load balancer). */
function bodyOf(bytes: Buffer): JsonValue {
  const text = bytes.toString('utf8');
  try {
    return readBody(text);
  } catch {
    return text;
  }
}
