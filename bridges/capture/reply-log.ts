/**
 * Collects the bytes of a reply as they pass, and when they came. Bytes are copied into blocks of its own: a held
 * reference to each small chunk would keep that chunk's whole read buffer alive, for as long as the stream is open.
 */
export class ReplyLog {
  #blocks: Buffer[] = [];
  #current: Buffer | undefined;
  #used = 0;
  #kept = 0;
  #marks: number[] = [];
  #stride = 1;
  #seen = 0;
  readonly #limit: number;
  /** Bytes that passed, kept or not. */
  bytes = 0;

  /** `limit`: bytes kept at most; what comes after is counted only. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** `at`: milliseconds since the call began. */
  push(chunk: Buffer, at: number): void {
    if (this.#seen % this.#stride === 0) this.#mark(at);
    this.#seen += 1;
    this.bytes += chunk.length;
    const wanted = Math.min(chunk.length, this.#limit - this.#kept);
    let from = 0;
    while (from < wanted) {
      if (this.#current === undefined || this.#used === this.#current.length) this.#grow(wanted - from);
      const block = this.#current;
      if (block === undefined) return;
      const count = chunk.copy(block, this.#used, from, wanted);
      this.#used += count;
      from += count;
    }
    this.#kept += wanted;
  }

  /** True where every byte that passed is in `take()`. */
  get whole(): boolean {
    return this.#kept === this.bytes;
  }

  /** The kept bytes, ready to be handed to another thread. The log is empty afterwards. */
  take(): Uint8Array[] {
    const blocks = this.#blocks;
    if (this.#current !== undefined) blocks.push(this.#current.subarray(0, this.#used));
    this.#blocks = [];
    this.#current = undefined;
    return blocks;
  }

  /** Pairs of byte offset and arrival; null where there was only one chunk, which the row's own times describe. */
  timeline(): Float64Array | null {
    return this.#marks.length > 2 ? Float64Array.from(this.#marks) : null;
  }

  #grow(wanted: number): void {
    if (this.#current !== undefined) this.#blocks.push(this.#current);
    const size =
      this.#current === undefined ? Math.max(wanted, FIRST_BLOCK) : Math.min(Math.max(wanted, this.#current.length * 2), LARGEST_BLOCK);
    // Large blocks are given away as a whole, so they must not come from the shared pool; small ones are copied once more.
    this.#current = size < SMALL_PIECE ? Buffer.allocUnsafe(size) : Buffer.allocUnsafeSlow(size);
    this.#used = 0;
  }

  #mark(at: number): void {
    this.#marks.push(this.bytes, at);
    if (this.#marks.length < MAX_MARKS) return;
    // A very long stream keeps every second mark, then every fourth, ...
    this.#marks = this.#marks.filter((_, i) => (i >> 1) % 2 === 0);
    this.#stride *= 2;
  }
}

/** Pieces below this are copied into the batch's one buffer: handing over many small buffers costs more than their bytes. */
export const SMALL_PIECE = 4096;
const FIRST_BLOCK = 1024;
const LARGEST_BLOCK = 256 * 1024;
const MAX_MARKS = 8192;
