import type { Database } from 'better-sqlite3';
import { pack, unpack } from './pack.ts';
import type { Seal } from './seal.ts';

/** Where bytes stand in a block. */
export type Place = { block: number; at: number };

/** A block is closed when it holds this much. What reading one small message costs at most grows with it. */
const CLOSE_AT = 128 * 1024;
/** Larger things stand alone: they would make a block of their own anyway. */
export const MOST_IN_BLOCK = 64 * 1024;
export const LARGEST_BLOCK = CLOSE_AT + MOST_IN_BLOCK;
const CACHE_BLOCKS = 64;

/**
 * Small things compressed together: what one transaction writes of messages and replies goes into one block. One
 * compression for many costs a fraction of many, and finds what they have in common: a request repeats the last reply.
 * Places never change: what is removed becomes zeros (collect.ts).
 */
export class Blocks {
  readonly #statements: ReturnType<typeof prepare>;
  readonly #seal: Seal;
  #open = new Open();
  readonly #cache = new Map<number, Buffer>();
  #next = 0;

  constructor(db: Database, reader: Database, seal: Seal) {
    this.#statements = prepare(db, reader);
    this.#seal = seal;
  }

  /** Keeps bytes of at most MOST_IN_BLOCK. They are written by `flush`, in the same transaction. */
  keep(bytes: Buffer): Place {
    const place = this.next();
    this.#open.pieces.push(bytes);
    this.#open.bytes += bytes.length;
    return place;
  }

  /** Where the next bytes to be kept will stand. */
  next(): Place {
    const open = this.#open;
    if (open.bytes >= CLOSE_AT) this.flush();
    if (open.id === 0) {
      if (this.#next === 0) this.#next = (this.#statements.last.get()?.seq ?? 0) + 1;
      open.id = this.#next;
      this.#next += 1;
    }
    return { block: open.id, at: open.bytes };
  }

  /** Writes what was kept since the last time. To be run before the transaction ends. */
  flush(): void {
    const open = this.#open;
    if (open.pieces.length === 0) return;
    this.#statements.put.run(open.id, this.#seal.close(pack(Buffer.concat(open.pieces, open.bytes))));
    open.id = 0;
    open.pieces = [];
    open.bytes = 0;
  }

  /** Throws RangeError where the bytes are not there, or zlib's error where they are damaged. */
  read({ block, at }: Place, length: number): Buffer {
    let bytes = this.#cache.get(block);
    if (bytes === undefined) {
      const row = this.#statements.read.get(block);
      if (row === undefined) throw new RangeError('a stored body refers to a block that is gone');
      bytes = unpack(this.#seal.open(row.data), LARGEST_BLOCK);
    }
    // The last one used stands last.
    this.#cache.delete(block);
    this.#cache.set(block, bytes);
    if (this.#cache.size > CACHE_BLOCKS) for (const oldest of this.#cache.keys()) if (this.#cache.delete(oldest)) break;
    if (at + length > bytes.length) throw new RangeError('a stored body is damaged');
    return bytes.subarray(at, at + length);
  }

  /** Forgets what was not written, and what was read. */
  forget(): void {
    this.#open = new Open();
    this.#cache.clear();
    this.#next = 0;
  }
}

class Open {
  id = 0;
  pieces: Buffer[] = [];
  bytes = 0;
}

function prepare(db: Database, reader: Database) {
  return {
    last: db.prepare<[], { seq: number }>("select seq from sqlite_sequence where name = 'blocks'"),
    put: db.prepare<[number, Buffer]>('insert into blocks (id, data) values (?, ?)'),
    read: reader.prepare<[number], { data: Buffer }>('select data from blocks where id = ?'),
  };
}
