import { Readable } from 'node:stream';
import type { BodyReader } from '../http/body.ts';
import type { Flow, ReplySink, StreamingUpstream, UpstreamFailure, UpstreamRequest } from '../upstreams/upstream.ts';
import { holdsHandle } from '../wire/opaque.ts';

/**
 * A large request that is sent on while its body still arrives. Its last piece stays here until the whole body was looked
 * at: an upstream can't act on a request that has not ended, so nothing comes of one that is refused in the end.
 */
export class Ahead {
  readonly flow: Flow;
  readonly #body = new HeldBody();
  readonly #reply = new HeldReply();
  #aborted = false;

  /** `length`: of the body, in bytes. */
  constructor(upstream: StreamingUpstream, request: Omit<UpstreamRequest, 'body'>, length: number) {
    this.flow = upstream.send({ ...request, body: this.#body, length }, this.#reply);
  }

  /** The body is as it should be: its last piece goes on. What the upstream answers goes to `sink` from now on. */
  release(sink: ReplySink): void {
    this.#body.finish();
    if (this.#reply.tellAll(sink)) this.flow.resume();
  }

  /** What reads the body as it arrives. */
  get body(): BodyReader {
    return {
      write: (piece) => {
        // What goes on of such a body is another one: nothing is gained by sending the rest of this.
        if (!this.#aborted && holdsHandle(piece)) this.abort();
        return this.#body.write(piece);
      },
      onWanted: (wanted) => this.#body.onWanted(wanted),
    };
  }

  get aborted(): boolean {
    return this.#aborted;
  }

  /** Nothing comes of it. */
  abort(): void {
    this.#aborted = true;
    this.flow.abort();
    this.#body.destroy();
  }
}

/** All pieces but the last one written. */
class HeldBody extends Readable implements BodyReader {
  #last: Buffer | undefined;
  #wanted: (() => void) | undefined;

  constructor() {
    super({ highWaterMark: 256 * 1024 });
    // The reply's side tells what went wrong.
    this.on('error', () => undefined);
  }

  write(piece: Buffer): boolean {
    if (this.destroyed) return true;
    const before = this.#last;
    this.#last = piece;
    return before === undefined || this.push(before);
  }

  onWanted(wanted: () => void): void {
    this.#wanted = wanted;
  }

  finish(): void {
    if (this.destroyed) return;
    if (this.#last !== undefined) this.push(this.#last);
    this.push(null);
  }

  override _read(): void {
    this.#wanted?.();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#last = undefined;
    // Nobody reads any more: the rest of the body arrives all the same.
    this.#wanted?.();
    done(error);
  }
}

/** Bytes of an early reply that are taken in: an upstream that waits for its reader may read no more of the request. */
const HELD_BYTES = 1024 * 1024;

/** What an upstream answers before it is known where that goes. */
class HeldReply implements ReplySink {
  #told: ((sink: ReplySink) => void)[] = [];
  #sink: ReplySink | undefined;
  #pieces: Buffer[] = [];
  #held = 0;
  #reads = false;

  start(status: number, headers: Record<string, string | string[]>): void {
    this.#tell((sink) => sink.start(status, headers));
  }

  data(chunk: Buffer, last?: boolean): boolean {
    if (this.#sink !== undefined) return this.#sink.data(chunk, last);
    if (this.#held === 0) this.#told.push((sink) => (this.#reads = sink.data(Buffer.concat(this.#pieces))));
    this.#pieces.push(chunk);
    this.#held += chunk.length;
    return this.#held < HELD_BYTES;
  }

  end(): void {
    this.#tell((sink) => sink.end());
  }

  fail(failure: UpstreamFailure): void {
    this.#tell((sink) => sink.fail(failure));
  }

  /** Returns true where the flow waits to be resumed. */
  tellAll(sink: ReplySink): boolean {
    this.#sink = sink;
    for (const tell of this.#told) tell(sink);
    this.#told = [];
    this.#pieces = [];
    return this.#reads && this.#held >= HELD_BYTES;
  }

  #tell(event: (sink: ReplySink) => void): void {
    if (this.#sink === undefined) this.#told.push(event);
    else event(this.#sink);
  }
}
