import { Readable } from 'node:stream';

const SLICE = 64 * 1024;
/** Bytes after which others have their turn. */
const STEP = 512 * 1024;

/**
 * A large body, sent in pieces that are copied out of it: once this stream is closed nobody reads the body's memory any
 * more, and it can be used again.
 */
export class SlicedBody extends Readable {
  readonly #body: Buffer;
  #at = 0;

  constructor(body: Buffer) {
    super({ highWaterMark: SLICE });
    this.#body = body;
    // The reply's side tells what went wrong.
    this.on('error', () => undefined);
  }

  override _read(): void {
    if (this.#at > 0 && this.#at % STEP === 0) setImmediate(() => this.#next());
    else this.#next();
  }

  #next(): void {
    if (this.destroyed) return;
    const piece = this.#body.subarray(this.#at, this.#at + SLICE);
    this.#at += piece.length;
    this.push(piece.length === 0 ? null : Buffer.from(piece));
  }
}
