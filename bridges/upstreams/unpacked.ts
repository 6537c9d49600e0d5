import zlib from 'node:zlib';
import type { Flow, ReplySink, UpstreamFailure } from './upstream.ts';

type Unpacker = zlib.Gunzip | zlib.Inflate | zlib.BrotliDecompress | zlib.ZstdDecompress;

/** A way to a sink that reads what it gets: a reply that its server packed, asked not to or not, arrives there as what it says. */
export class Unpacked implements ReplySink, Flow {
  readonly #sink: ReplySink;
  #flow: Flow | undefined;
  #unpacker: Unpacker | undefined;
  #over = false;

  constructor(sink: ReplySink) {
    this.#sink = sink;
  }

  /** Where the reply comes from; told once, before it begins. */
  follow(flow: Flow): this {
    this.#flow = flow;
    return this;
  }

  start(status: number, headers: Record<string, string | string[]>): void {
    const { 'content-encoding': encoding, 'content-length': _packed, ...plain } = headers;
    const unpacker = unpackerOf(encoding);
    if (unpacker === undefined) return this.#sink.start(status, headers);
    this.#unpacker = unpacker;
    unpacker.on('data', (piece: Buffer) => {
      if (!this.#over && !this.#sink.data(piece)) unpacker.pause();
    });
    unpacker.on('drain', () => this.#flow?.resume());
    unpacker.on('end', () => {
      if (this.#finish()) this.#sink.end();
    });
    unpacker.on('error', ({ message }) => {
      if (!this.#finish()) return;
      this.#flow?.abort();
      this.#sink.fail({ kind: 'cut', message: `The upstream's reply can not be unpacked (${String(encoding)}: ${message}).` });
    });
    this.#sink.start(status, plain);
  }

  data(chunk: Buffer, last?: boolean): boolean {
    return this.#unpacker === undefined ? this.#sink.data(chunk, last) : this.#unpacker.write(chunk);
  }

  end(): void {
    if (this.#unpacker === undefined) this.#sink.end();
    else this.#unpacker.end();
  }

  fail(failure: UpstreamFailure): void {
    if (this.#finish()) this.#sink.fail(failure);
  }

  resume(): void {
    this.#unpacker?.resume();
    this.#flow?.resume();
  }

  abort(): void {
    this.#finish();
    this.#flow?.abort();
  }

  /** Returns false where it was over before. */
  #finish(): boolean {
    if (this.#over) return false;
    this.#over = true;
    this.#unpacker?.destroy();
    return true;
  }
}

/** Undefined for bytes that are plain, or packed in a way that is not known here. */
function unpackerOf(encoding: string | string[] | undefined): Unpacker | undefined {
  switch (String(encoding).trim().toLowerCase()) {
    case 'gzip':
    case 'x-gzip':
      return zlib.createGunzip();
    case 'deflate':
      return zlib.createInflate();
    case 'br':
      return zlib.createBrotliDecompress();
    case 'zstd':
      return zlib.createZstdDecompress();
    default:
      return undefined;
  }
}
