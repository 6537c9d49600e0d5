import { createHash } from 'node:crypto';
import { closeSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import zlib from 'node:zlib';
import Database from 'better-sqlite3';
import type { Call, CallFilter, Loss, WireFormat } from '../contract/index.ts';
import { FOLLOWERS, type Follower, type FollowerMaker, type StoredCallChange } from './followers.ts';
import { commonPrefix, segments, segmentsFrom } from './segments.ts';
import { decodeRecipe, encodeRecipe, type Piece } from './recipe.ts';
import type { Side } from './record.ts';
import { migrate } from './migrate.ts';
import { MIGRATIONS } from './migrations/index.ts';

/** A stored side of an exchange. `body` is null where its bytes were not kept. */
export type StoredSide = { side: Side; headers: string; bytes: number; body: Buffer | null };

const STATES = ['open', 'done', 'cut'] as const;
/** Shorter elements cost more as rows than they save. */
const MIN_SEGMENT = 64;
const PACK_FROM = 256;
const RECENT_BODIES = 8;
const RECENT_BYTES = 48 * 1024 * 1024;

/** A segment of a body: where the bytes before it begin, where it stands, and its id. */
type Mark = { gap: number; start: number; end: number; segment: number };
type Recent = { body: Buffer; marks: Mark[] };

/**
 * The capture database, used from the capture worker alone: one connection that writes, one that only reads.
 * Every body goes in and comes out byte for byte.
 */
export class Store {
  readonly #db: Database.Database;
  readonly #read: Database.Database;
  readonly #file: string;
  readonly #statements: ReturnType<typeof prepare>;
  readonly #segmentIds = new Map<string, number>();
  #recent: Recent[] = [];
  #count: number;

  readonly #followers: readonly Follower[];

  private constructor(file: string, db: Database.Database, read: Database.Database, followers: readonly FollowerMaker[]) {
    this.#followers = followers.map((make) => make(db));
    this.#file = file;
    this.#db = db;
    this.#read = read;
    this.#statements = prepare(db);
    this.#count = countCalls(db);
  }

  /**
   * Opens the database, bringing its schema up to date and marking what an earlier run left open as cut. A file that
   * is no database, or a damaged one, is moved aside (`movedAside` names it) and a new one is begun.
   */
  static open(file: string, now: number, followers: readonly FollowerMaker[] = FOLLOWERS): { store: Store; movedAside: string | null } {
    try {
      return { store: Store.#openFile(file, followers), movedAside: null };
    } catch (error) {
      if (!isDamage(error)) throw error;
      const aside = `${file}.damaged-${new Date(now).toISOString().replace(/[:.]/g, '-')}`;
      renameSync(file, aside);
      for (const suffix of ['-wal', '-shm']) rmSync(file + suffix, { force: true });
      return { store: Store.#openFile(file, followers), movedAside: aside };
    }
  }

  static #openFile(file: string, followers: readonly FollowerMaker[]): Store {
    // SQLite gives -wal and -shm the mode of the database file, so making it first keeps all three private.
    closeSync(openSync(file, 'a', 0o600));
    const db = new Database(file);
    try {
      db.pragma('auto_vacuum = incremental');
      db.pragma('journal_mode = wal');
      db.pragma('synchronous = normal');
      db.pragma('foreign_keys = on');
      db.pragma('journal_size_limit = 67108864');
      db.pragma('cache_size = -4096');
      migrate(db, MIGRATIONS);
      db.exec('update calls set state = 2 where state = 0');
      const read = new Database(file, { readonly: true });
      read.pragma('query_only = on');
      read.pragma('cache_size = -2048');
      return new Store(file, db, read, followers);
    } catch (error) {
      db.close();
      throw error;
    }
  }

  /** Calls stored, over all time. */
  get count(): number {
    return this.#count;
  }

  /** Bytes on disk, the write-ahead log included. */
  size(): number {
    return [this.#file, `${this.#file}-wal`].reduce((sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0), 0);
  }

  /** The connection that only reads. */
  get reader(): Database.Database {
    return this.#read;
  }

  /** Runs `work` in one transaction. */
  transaction(work: () => void): void {
    this.#db.transaction(work)();
  }

  /** Writes what is new of a call, and tells the followers. To be run in a transaction. */
  write(change: Omit<StoredCallChange, 'begins'>): void {
    const begins = this.#statements.exists.get(change.call.id) === undefined;
    this.putCall(change.call);
    for (const side of change.sides) this.putSide(change.call.id, side.side, side.headers, side.body);
    for (const follower of this.#followers) follower.stored({ ...change, begins });
  }

  /** Writes a row, new or known by its id. */
  putCall(call: Call): void {
    const before = this.#statements.exists.get(call.id);
    this.#statements.putCall.run(toRow(call));
    if (before === undefined) this.#count += 1;
  }

  putSide(call: number, side: Side, headers: string, body: Buffer | null): void {
    if (body === null) {
      this.#statements.putSide.run(call, side, headers, 0, 0, 0, null);
      return;
    }
    const request = side === 'clientRequest' || side === 'upstreamRequest';
    const recipe = request ? this.#recipeOf(body) : undefined;
    const plain = recipe ?? body;
    const packed = plain.length >= PACK_FROM;
    this.#statements.putSide.run(
      call,
      side,
      headers,
      body.length,
      recipe === undefined ? 0 : 1,
      packed ? 1 : 0,
      packed ? pack(plain) : plain,
    );
  }

  putTimeline(call: number, points: Float64Array): void {
    const packed = pack(Buffer.from(points.buffer, points.byteOffset, points.byteLength));
    this.#statements.putTimeline.run(call, packed);
  }

  call(id: number): Call | undefined {
    const row = this.#read.prepare<[number], Row>('select * from calls where id = ?').get(id);
    return row === undefined ? undefined : fromRow(row);
  }

  sides(call: number): StoredSide[] {
    const rows = this.#read
      .prepare<[number], SideRow>('select side, headers, bytes, form, packed, data from bodies where call = ?')
      .all(call);
    return rows.map((row) => ({ side: row.side, headers: row.headers, bytes: row.bytes, body: this.#bodyOf(row) }));
  }

  timeline(call: number): [number, number][] {
    const row = this.#read.prepare<[number], { points: Buffer }>('select points from timelines where call = ?').get(call);
    if (row === undefined) return [];
    const bytes = Uint8Array.from(unpack(row.points, 64 * 1024 * 1024));
    const points = new Float64Array(bytes.buffer);
    return Array.from({ length: points.length / 2 }, (_, i) => [points[2 * i] ?? 0, points[2 * i + 1] ?? 0]);
  }

  /** Newest first, by keyset: only rows older than `before` where it is given. */
  list(limit: number, before: number | undefined, filter: CallFilter): Call[] {
    const where: string[] = [];
    const values: (string | number)[] = [];
    const add = (clause: string, ...bound: (string | number)[]): void => {
      where.push(clause);
      values.push(...bound);
    };
    if (before !== undefined) add('id < ?', before);
    if (filter.client !== undefined) add('client = ?', filter.client);
    if (filter.caller !== undefined) add('caller = ?', filter.caller);
    if (filter.upstream !== undefined) add('upstream = ?', filter.upstream);
    if (filter.model !== undefined) add('(model_requested = ? or model_used = ?)', filter.model, filter.model);
    if (filter.outcome === 'open') add('state = 0');
    if (filter.outcome === 'failed') add('(status >= 400 or state = 2)');
    if (filter.outcome === 'ok') add('state = 1 and status < 400');
    if (filter.text !== undefined && filter.text !== '') {
      const like = `%${filter.text.replace(/[\\%_]/g, '\\$&')}%`;
      const columns = ['model_requested', 'model_used', 'path', 'caller', 'client', 'upstream', 'error'];
      add(`(${columns.map((column) => `${column} like ? escape '\\'`).join(' or ')})`, ...columns.map(() => like));
    }
    const sql = `select * from calls ${where.length > 0 ? `where ${where.join(' and ')}` : ''} order by id desc limit ?`;
    return this.#read
      .prepare<(string | number)[], Row>(sql)
      .all(...values, limit)
      .map(fromRow);
  }

  /** The distinct values of the filterable columns. */
  facets(): { clients: string[]; callers: string[]; upstreams: string[]; models: string[] } {
    // The indexes answer "next value after this one"; a plain `distinct` would read every row.
    const distinct = (column: string): string[] => {
      const next = this.#read.prepare<[string], { value: string | null }>(`select min(${column}) as value from calls where ${column} > ?`);
      const values: string[] = [];
      for (let last = ''; values.length < 500;) {
        const value = next.get(last)?.value;
        if (value === null || value === undefined) break;
        values.push(value);
        last = value;
      }
      return values;
    };
    return {
      clients: distinct('client'),
      callers: distinct('caller'),
      upstreams: distinct('upstream'),
      models: distinct('model_requested'),
    };
  }

  /** Counts since a time (Unix milliseconds) over rows with an id of at least `fromId`. */
  activity(fromId: number): {
    calls: number;
    failed: number;
    open: number;
    ttfbP50Ms: number | null;
    inputTokens: number | null;
    outputTokens: number | null;
  } {
    const sums = this.#read
      .prepare<
        [number],
        { calls: number; failed: number | null; open: number | null; input: number | null; output: number | null; timed: number }
      >(
        `select count(*) as calls, sum(status >= 400 or state = 2) as failed, sum(state = 0) as open,
                sum(tokens_input) as input, sum(tokens_output) as output, count(ttfb_ms) as timed
         from calls where id >= ?`,
      )
      .get(fromId);
    const middle = this.#read
      .prepare<[number, number], { ttfb_ms: number }>(
        'select ttfb_ms from calls where id >= ? and ttfb_ms is not null order by ttfb_ms limit 1 offset ?',
      )
      .get(fromId, Math.floor((sums?.timed ?? 0) / 2));
    return {
      calls: sums?.calls ?? 0,
      failed: sums?.failed ?? 0,
      open: sums?.open ?? 0,
      ttfbP50Ms: middle?.ttfb_ms ?? null,
      inputTokens: sums?.input ?? null,
      outputTokens: sums?.output ?? null,
    };
  }

  /** Folds the write-ahead log into the database, when there is nothing else to do. */
  checkpoint(): void {
    this.#db.pragma('wal_checkpoint(truncate)');
  }

  close(): void {
    this.#read.close();
    this.checkpoint();
    this.#db.close();
  }

  #bodyOf(row: SideRow): Buffer | null {
    if (row.data === null) return null;
    const plain = row.packed === 1 ? unpack(row.data, MAX_BODY) : row.data;
    return row.form === 1 ? decodeRecipe(plain, (id) => this.#segment(id)) : plain;
  }

  #segment(id: number): Buffer {
    const row = this.#read
      .prepare<[number], { bytes: number; packed: number; data: Buffer }>('select bytes, packed, data from segments where id = ?')
      .get(id);
    if (row === undefined) throw new RangeError('a stored body refers to a segment that is gone');
    return row.packed === 1 ? unpack(row.data, row.bytes) : row.data;
  }

  /**
   * A body as segments. What it shares with an earlier body (nearly all of it, in an agent's conversation) keeps that
   * body's ids: only the new bytes are scanned and hashed.
   */
  #recipeOf(body: Buffer): Buffer | undefined {
    if (body[0] !== 0x7b) return undefined;
    const marks = this.#sharedMarks(body);
    let from = marks.at(-1)?.end ?? 0;
    const found = from === 0 ? segments(body) : segmentsFrom(body, from);
    for (let i = 0; i + 1 < found.length; i += 2) {
      const start = found[i] ?? 0;
      const end = found[i + 1] ?? 0;
      if (end - start < MIN_SEGMENT) continue;
      marks.push({ gap: from, start, end, segment: this.#segmentId(body.subarray(start, end)) });
      from = end;
    }
    if (marks.length === 0) return undefined;
    this.#remember({ body, marks });
    const pieces: Piece[] = marks.map((mark) => ({ gap: body.subarray(mark.gap, mark.start), segment: mark.segment }));
    return encodeRecipe(pieces, body.subarray(from));
  }

  /** The marks this body has in common with the recent body that shares most with it. */
  #sharedMarks(body: Buffer): Mark[] {
    let best: Mark[] = [];
    for (const recent of this.#recent) {
      const shared = commonPrefix(recent.body, body);
      const kept = recent.marks.filter((mark) => mark.end <= shared);
      if (kept.length > best.length) best = kept;
    }
    return best;
  }

  #remember(recent: Recent): void {
    // A conversation's next request takes the place of its last one, which it repeats up to the final message.
    const repeats = (other: Recent): boolean => other.marks.slice(0, -1).every((mark, i) => mark.segment === recent.marks[i]?.segment);
    this.#recent = [recent, ...this.#recent.filter((other) => !repeats(other))].slice(0, RECENT_BODIES);
    let bytes = 0;
    this.#recent = this.#recent.filter((entry) => (bytes += entry.body.length) <= RECENT_BYTES);
  }

  #segmentId(bytes: Buffer): number {
    const hash = createHash('sha256').update(bytes).digest().subarray(0, 16);
    const key = hash.toString('latin1');
    const kept = this.#segmentIds.get(key);
    if (kept !== undefined) return kept;
    const row = this.#statements.findSegment.get(hash);
    let id: number;
    if (row !== undefined) id = row.id;
    else {
      const packed = bytes.length >= PACK_FROM;
      id = Number(this.#statements.putSegment.run(hash, bytes.length, packed ? 1 : 0, packed ? pack(bytes) : bytes).lastInsertRowid);
    }
    if (this.#segmentIds.size > 20_000) this.#segmentIds.clear();
    this.#segmentIds.set(key, id);
    return id;
  }

  /** Forgets what was learnt in a transaction that was rolled back. */
  forget(): void {
    this.#segmentIds.clear();
    this.#recent = [];
    this.#count = countCalls(this.#db);
  }
}

function countCalls(db: Database.Database): number {
  return db.prepare<[], { n: number }>('select count(*) as n from calls').get()?.n ?? 0;
}

const MAX_BODY = 512 * 1024 * 1024;

function pack(bytes: Buffer): Buffer {
  return zlib.zstdCompressSync(bytes, { params: { [zlib.constants.ZSTD_c_compressionLevel]: 1, [zlib.constants.ZSTD_c_checksumFlag]: 1 } });
}

function unpack(bytes: Buffer, maxOutputLength: number): Buffer {
  return zlib.zstdDecompressSync(bytes, { maxOutputLength: Math.max(1, maxOutputLength) });
}

function isDamage(error: unknown): boolean {
  return error instanceof Database.SqliteError && (error.code === 'SQLITE_NOTADB' || error.code.startsWith('SQLITE_CORRUPT'));
}

const COLUMNS = [
  'id',
  'started_ms',
  'state',
  'client',
  'client_version',
  'caller',
  'method',
  'path',
  'route',
  'upstream',
  'wire_in',
  'wire_out',
  'model_requested',
  'model_used',
  'status',
  'streamed',
  'ttfb_ms',
  'duration_ms',
  'request_bytes',
  'reply_bytes',
  'tokens_input',
  'tokens_cached',
  'tokens_cache_write',
  'tokens_output',
  'tokens_reasoning',
  'lost',
  'error',
] as const;

type Row = {
  id: number;
  started_ms: number;
  state: number;
  client: string;
  client_version: string | null;
  caller: string | null;
  method: string;
  path: string;
  route: string | null;
  upstream: string | null;
  wire_in: WireFormat | null;
  wire_out: WireFormat | null;
  model_requested: string | null;
  model_used: string | null;
  status: number | null;
  streamed: number;
  ttfb_ms: number | null;
  duration_ms: number | null;
  request_bytes: number;
  reply_bytes: number;
  tokens_input: number | null;
  tokens_cached: number | null;
  tokens_cache_write: number | null;
  tokens_output: number | null;
  tokens_reasoning: number | null;
  lost: string | null;
  error: string | null;
};
type SideRow = { side: Side; headers: string; bytes: number; form: number; packed: number; data: Buffer | null };

function prepare(db: Database.Database) {
  const updates = COLUMNS.filter((column) => column !== 'id').map((column) => `${column} = excluded.${column}`);
  return {
    exists: db.prepare<[number], { id: number }>('select id from calls where id = ?'),
    putCall: db.prepare<[(string | number | null)[]]>(
      `insert into calls (${COLUMNS.join(', ')}) values (${COLUMNS.map(() => '?').join(', ')})
       on conflict (id) do update set ${updates.join(', ')}`,
    ),
    putSide: db.prepare<[number, string, string, number, number, number, Buffer | null]>(
      'insert or replace into bodies (call, side, headers, bytes, form, packed, data) values (?, ?, ?, ?, ?, ?, ?)',
    ),
    putTimeline: db.prepare<[number, Buffer]>('insert or replace into timelines (call, points) values (?, ?)'),
    findSegment: db.prepare<[Buffer], { id: number }>('select id from segments where hash = ?'),
    putSegment: db.prepare<[Buffer, number, number, Buffer]>('insert into segments (hash, bytes, packed, data) values (?, ?, ?, ?)'),
  };
}

/** Values in the order of COLUMNS. */
function toRow(call: Call): (string | number | null)[] {
  return [
    call.id,
    Date.parse(call.startedAt),
    STATES.indexOf(call.state),
    call.client,
    call.clientVersion,
    call.caller,
    call.method,
    call.path,
    call.route,
    call.upstream,
    call.wireIn,
    call.wireOut,
    call.modelRequested,
    call.modelUsed,
    call.status,
    call.streamed ? 1 : 0,
    call.ttfbMs,
    call.durationMs,
    call.requestBytes,
    call.replyBytes,
    call.usage?.input ?? null,
    call.usage?.cached ?? null,
    call.usage?.cacheWrite ?? null,
    call.usage?.output ?? null,
    call.usage?.reasoning ?? null,
    call.lost.length > 0 ? JSON.stringify(call.lost) : null,
    call.error,
  ];
}

function fromRow(row: Row): Call {
  const state = STATES[row.state] ?? 'done';
  const counts = [row.tokens_input, row.tokens_cached, row.tokens_cache_write, row.tokens_output, row.tokens_reasoning];
  return {
    id: row.id,
    startedAt: new Date(row.started_ms).toISOString(),
    state,
    client: row.client,
    clientVersion: row.client_version,
    caller: row.caller,
    method: row.method,
    path: row.path,
    route: row.route,
    upstream: row.upstream,
    wireIn: row.wire_in,
    wireOut: row.wire_out,
    modelRequested: row.model_requested,
    modelUsed: row.model_used,
    status: row.status,
    streamed: row.streamed === 1,
    cut: state === 'cut',
    ttfbMs: row.ttfb_ms,
    durationMs: row.duration_ms,
    requestBytes: row.request_bytes,
    replyBytes: row.reply_bytes,
    usage: counts.every((value) => value === null)
      ? null
      : {
          input: row.tokens_input,
          cached: row.tokens_cached,
          cacheWrite: row.tokens_cache_write,
          output: row.tokens_output,
          reasoning: row.tokens_reasoning,
        },
    lost: row.lost === null ? [] : readLost(row.lost),
    error: row.error,
  };
}

function readLost(json: string): Loss[] {
  const value: unknown = JSON.parse(json);
  return Array.isArray(value)
    ? value.filter((entry): entry is Loss => typeof entry?.path === 'string' && typeof entry?.why === 'string')
    : [];
}
