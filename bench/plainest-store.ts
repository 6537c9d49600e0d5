import zlib from 'node:zlib';
import { hash } from 'node:crypto';
import Database from 'better-sqlite3';
import { commonStart, segments, segmentsFrom } from '../bridges/capture/segments.ts';

const FAST = { params: { [zlib.constants.ZSTD_c_compressionLevel]: 1 } };
/** Shorter bytes do not get shorter. */
const PACK_FROM = 256;

type Kept = { body: Buffer; ids: number[]; ends: number[] };

/**
 * The plainest store that keeps long conversations small: messages once each, found by their hash; what a request shares
 * with the one before it is told by comparing bytes; replies compressed. It knows no conversations, words, usage, folders or
 * credentials, and can't be asked for anything but a body: a yardstick for what it costs to keep a call.
 */
export class PlainestStore {
  readonly #db: Database.Database;
  readonly #call: Database.Statement<[Buffer, Buffer]>;
  readonly #segment: Database.Statement<[Buffer, Buffer]>;
  readonly #ids = new Map<string, number>();
  #before: Kept | undefined;

  constructor(file: string) {
    this.#db = new Database(file);
    this.#db.pragma('journal_mode = wal');
    this.#db.pragma('synchronous = normal');
    this.#db.exec(`
      create table calls (id integer primary key, at integer, request blob, reply blob);
      create table segments (id integer primary key, hash blob unique, data blob);
    `);
    this.#call = this.#db.prepare('insert into calls (at, request, reply) values (1, ?, ?)');
    this.#segment = this.#db.prepare('insert into segments (hash, data) values (?, ?)');
  }

  transaction(work: () => void): void {
    this.#db.transaction(work)();
  }

  write(request: Buffer, reply: Buffer): void {
    const kept: Kept = { body: request, ids: [], ends: [] };
    if (this.#before !== undefined) {
      const shared = commonStart(this.#before.body, request);
      const count = this.#before.ends.findLastIndex((end) => end <= shared) + 1;
      kept.ids = this.#before.ids.slice(0, count);
      kept.ends = this.#before.ends.slice(0, count);
    }
    const gaps: Buffer[] = [];
    let from = kept.ends.at(-1) ?? 0;
    const found = from === 0 ? segments(request) : segmentsFrom(request, from);
    for (let i = 0; i + 1 < found.length; i += 2) {
      const start = found[i] ?? 0;
      const end = found[i + 1] ?? 0;
      gaps.push(request.subarray(from, start));
      kept.ids.push(this.#idOf(request.subarray(start, end)));
      kept.ends.push(end);
      from = end;
    }
    gaps.push(request.subarray(from));
    this.#before = kept;
    const recipe = Buffer.concat([Buffer.from(Uint32Array.from(kept.ids).buffer), ...gaps]);
    this.#call.run(zlib.zstdCompressSync(recipe, FAST), zlib.zstdCompressSync(reply, FAST));
  }

  close(): void {
    this.#db.close();
  }

  #idOf(bytes: Buffer): number {
    const address = hash('sha256', bytes, 'buffer').subarray(0, 16);
    const key = address.toString('latin1');
    let id = this.#ids.get(key);
    if (id === undefined) {
      const data = bytes.length > PACK_FROM ? zlib.zstdCompressSync(bytes, FAST) : bytes;
      id = Number(this.#segment.run(address, data).lastInsertRowid);
      this.#ids.set(key, id);
    }
    return id;
  }
}
