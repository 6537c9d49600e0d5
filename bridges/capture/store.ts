import { closeSync, openSync, rmSync, statSync } from 'node:fs';
import Database from 'better-sqlite3';
import type { Call } from '../contract/index.ts';
import { moveAside } from './aside.ts';
import { Bodies, unwrap } from './bodies.ts';
import { FOLLOWERS, type Follower, type FollowerMaker, type StoredCallChange } from './followers.ts';
import { migrate } from './migrate.ts';
import { MIGRATIONS } from './migrations/index.ts';
import type { Recipe } from './recipe.ts';
import type { Side } from './record.ts';
import { COLUMNS, endOf, fromRow, TOLD_AT_END, toRow, type Row } from './rows.ts';
import { distinctValues, listCalls, type Listing } from './search.ts';
import { openly, type Seal } from './seal.ts';
import { REPLY_WORDS, replyText, REQUEST_WORDS, requestText } from './text.ts';
import { decodeTimeline, encodeTimeline } from './timeline.ts';
import { spaced } from './unspaced.ts';
import { fits, rememberSeal } from './facts.ts';

/** A stored side of an exchange. `body` is null where its bytes were not kept. */
type StoredSide = { side: Side; headers: string; bytes: number; body: Buffer | null };

type CallSide = StoredCallChange['sides'][number];
type KeptHow = { folder?: string | null; timeline?: Float64Array | null; stored?: readonly CallSide[] };

/** SQLite tells a statement with its values in it: what was looked for, and bytes that tell what was said. Pure. */
export function withoutTexts(sql: string): string {
  return sql.replaceAll(/x?'(?:[^']|'')*'/gi, '?').replaceAll(/\s+/g, ' ');
}

export type StoreOptions = {
  followers?: readonly FollowerMaker[];
  /** Opens an encrypted store, or begins a new one as such. */
  seal?: Seal;
  /** Hears of each statement that reads, with a `?` for each text in it. */
  onRead?: (sql: string) => void;
};

/** An encrypted store and no key, or another key than its own. */
export class SealedStoreError extends Error {
  override name = 'SealedStoreError';
}

/**
 * The capture database, used from the capture worker alone: one connection that writes, one that only reads.
 * Every body goes in and comes out byte for byte.
 */
export class Store {
  readonly db: Database.Database;
  readonly read: Database.Database;
  readonly file: string;
  readonly seal: Seal;
  readonly #statements: ReturnType<typeof prepare>;
  /** What adds to an exchange, by the columns it sets. There are no more than ways in which sides come together. */
  readonly #updates = new Map<string, Database.Statement<(number | Buffer | null)[], { id: number }>>();
  readonly #bodies: Bodies;
  readonly #followers: readonly Follower[];
  #count: number;
  /** Calls removed since it was opened. */
  removals = 0;
  /** No call has a larger id. */
  #newest: number;
  /** More may come before the transaction ends. */
  #several = false;

  private constructor(file: string, db: Database.Database, read: Database.Database, seal: Seal, followers: readonly FollowerMaker[]) {
    this.file = file;
    this.db = db;
    this.read = read;
    this.seal = seal;
    this.#statements = prepare(db);
    this.#bodies = new Bodies(db, read, seal);
    this.#followers = followers.map((make) => make(db, seal));
    this.#count = countCalls(db);
    this.#newest = newestCall(db);
  }

  /** Reads a damaged database, as far as it goes. Throws SqliteError where nothing of it can be read. */
  static reading(file: string, seal: Seal): Store {
    const db = new Database(file, { readonly: true, fileMustExist: true });
    try {
      return new Store(file, db, db, seal, []);
    } catch (error) {
      db.close();
      throw error;
    }
  }

  /**
   * Opens the database, bringing its schema up to date and marking what an earlier run left open as cut. A file that
   * is no database, or a damaged one, is moved aside (`movedAside` names it) and a new one is begun. Where the last run
   * did not close it, it is looked through first.
   * Throws SealedStoreError where the database is encrypted with another key, NewerSchemaError.
   */
  static open(file: string, now: number, options: StoreOptions = {}): { store: Store; movedAside: string | null } {
    try {
      return { store: Store.#openFile(file, options), movedAside: null };
    } catch (error) {
      if (!isDamage(error)) throw error;
      for (const suffix of ['-open', '-shm']) rmSync(`${file}${suffix}`, { force: true });
      const movedAside = moveAside(file, now);
      return { store: Store.#openFile(file, options), movedAside };
    }
  }

  static #openFile(file: string, { followers = FOLLOWERS, seal = openly, onRead }: StoreOptions): Store {
    // SQLite gives -wal and -shm the mode of the database file, so making it first keeps all three private.
    closeSync(openSync(file, 'a', 0o600));
    const db = new Database(file);
    let read: Database.Database | undefined;
    try {
      db.pragma('auto_vacuum = incremental');
      db.pragma('journal_mode = wal');
      db.pragma('synchronous = normal');
      db.pragma('foreign_keys = on');
      db.pragma('journal_size_limit = 67108864');
      // Pages that are written again and again go to the database once in 16 MiB.
      db.pragma('wal_autocheckpoint = 4096');
      db.pragma('cache_size = -16384');
      // What is removed is overwritten at once.
      db.pragma('secure_delete = on');
      checkQuickly(db, file);
      markAsOpen(file);
      migrate(db, MIGRATIONS);
      if (!fits(db, seal)) throw new SealedStoreError('The call history is encrypted, and its key is not in the keychain.');
      rememberSeal(db, seal);
      read = new Database(file, { readonly: true, ...(onRead && { verbose: (sql) => onRead(withoutTexts(String(sql))) }) });
      read.pragma('query_only = on');
      read.pragma('cache_size = -8192');
      const store = new Store(file, db, read, seal, followers);
      store.#cutOpen();
      return store;
    } catch (error) {
      read?.close();
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
    return [this.file, `${this.file}-wal`].reduce((sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0), 0);
  }

  /** Runs `work` in one transaction. */
  transaction(work: () => void): void {
    try {
      this.db.transaction(() => {
        this.#several = true;
        try {
          work();
        } finally {
          this.#several = false;
        }
        this.#flush();
      })();
    } catch (error) {
      this.forget();
      throw error;
    }
  }

  /**
   * Writes what is new of a call, and tells the followers. To be run in a transaction. `stored`: the sides as they are to be
   * kept, one for each, where that is not as they went over the wire.
   */
  write(change: Omit<StoredCallChange, 'begins'> & KeptHow): void {
    const { call, sides, imported = false, timeline = null, stored = sides } = change;
    const begins = this.#putRow(call, change.folder ?? null);
    const kept: Kept = { columns: new Map(), words: [] };
    for (const [i, side] of sides.entries()) this.#keepSide(kept, side, stored[i] ?? side);
    if (timeline !== null) kept.columns.set('timeline', this.seal.close(encodeTimeline(timeline)));
    this.#putExchange(call.id, begins, kept);
    for (const follower of this.#followers) follower.stored({ call, begins, ends: change.ends, imported, sides });
    if (!this.#several) this.#flush();
  }

  #flush(): void {
    this.#bodies.flush();
    for (const follower of this.#followers) follower.flush?.();
  }

  /** The request that this one seems to go on, where it is remembered. */
  before(request: Buffer): Buffer | undefined {
    return this.#bodies.before(request);
  }

  /** The memory of the bodies that later ones are compared with. */
  holds(): Set<ArrayBufferLike> {
    const bodies = [this.#bodies.holds(), ...this.#followers.map((follower) => follower.holds?.() ?? [])];
    return new Set(bodies.flatMap((of) => [...of]).map(({ buffer }) => buffer));
  }

  /** Writes a row; of one that is known by its id, what a call's end tells. True where it was not known. */
  #putRow(call: Call, folder: string | null): boolean {
    const isNew = call.id > this.#newest || this.#statements.exists.get(call.id) === undefined;
    if (call.id > this.#newest) this.#newest = call.id;
    const row = toRow(call);
    if (isNew) {
      this.#statements.beginCall.run(row, folder);
      this.#count += 1;
    } else this.#statements.endCall.run(endOf(row), call.id);
    return isNew;
  }

  call(id: number): Call | undefined {
    const row = this.read.prepare<[number], Row>('select * from calls where id = ?').get(id);
    return row === undefined ? undefined : fromRow(row);
  }

  /** A call as the connection that writes sees it: in a transaction, what it wrote itself too. */
  held(id: number): Call | undefined {
    const row = this.db.prepare<[number], Row>('select * from calls where id = ?').get(id);
    return row === undefined ? undefined : fromRow(row);
  }

  sides(call: number): StoredSide[] {
    const row = this.read.prepare<[number], ExchangeRow>('select * from exchanges where call = ?').get(call);
    if (row === undefined) return [];
    return SIDE_COLUMNS.flatMap(([side, column]) => {
      const head = row[`${column}_head`];
      const stored = row[column];
      if (head === null) return [];
      return [
        {
          side,
          headers: this.#bodies.readHead(head),
          bytes: stored === null ? 0 : unwrap(stored).bytes,
          body: stored === null ? null : this.#bodies.read(stored),
        },
      ];
    });
  }

  /** How a request was put together. Throws RangeError where it is damaged, or gone. */
  recipe(id: number): Recipe {
    return this.#bodies.recipe(id);
  }

  timeline(call: number): [number, number][] {
    const row = this.read.prepare<[number], { timeline: Buffer | null }>('select timeline from exchanges where call = ?').get(call);
    return row?.timeline == null ? [] : decodeTimeline(this.seal.open(row.timeline));
  }

  /** Newest first, by keyset: only rows older than `before` where it is given. Throws DrawbridgeError bad_input. */
  list(listing: Listing): Call[] {
    return listCalls(this.read, listing, this.seal.encrypted);
  }

  /** The distinct values of the filterable columns. */
  facets(): { clients: string[]; callers: string[]; upstreams: string[]; models: string[] } {
    const distinct = (column: string): string[] => distinctValues(this.read, column).filter((value) => typeof value === 'string');
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
    const sums = this.read
      .prepare<
        [number],
        { calls: number; failed: number | null; open: number | null; input: number | null; output: number | null; timed: number }
      >(
        `select count(*) as calls, sum(status >= 400 or state = 2) as failed, sum(state = 0) as open,
                sum(tokens_input) as input, sum(tokens_output) as output, count(ttfb_ms) as timed
         from calls where id >= ?`,
      )
      .get(fromId);
    const middle = this.read
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
    this.db.pragma('wal_checkpoint(truncate)');
  }

  close(): void {
    this.read.close();
    if (!this.db.open) return;
    try {
      this.checkpoint();
      rmSync(markOf(this.file), { force: true });
    } finally {
      this.db.close();
    }
  }

  /** Marks calls as cut whose end could not be written, and tells the followers. To be run in a transaction. */
  cut(ids: Iterable<number>): void {
    for (const id of ids) {
      const call = this.held(id);
      if (call?.state === 'open') this.write({ call: { ...call, state: 'cut', cut: true }, ends: true, sides: [] });
    }
  }

  /** What an earlier run left open. */
  #cutOpen(): void {
    const ids = this.db.prepare<[], number>('select id from calls where state = 0').pluck().all();
    if (ids.length > 0) this.transaction(() => this.cut(ids));
  }

  /** Tells the followers that these calls are about to go, and removes them. To be run in a transaction. */
  remove(ids: readonly number[]): void {
    for (const follower of this.#followers) follower.removed(ids);
    for (const id of ids) {
      if (!this.seal.encrypted) this.#statements.unindex.run(id);
      const { changes } = this.#statements.remove.run(id);
      this.#count -= changes;
      this.removals += changes;
    }
  }

  /**
   * For whoever collects garbage: forgets what was learnt of rows, and from now on tells which old ones are used again,
   * until `stop`.
   */
  watch(): { segments: ReadonlySet<number>; heads: ReadonlySet<number>; stop(): void } {
    this.#bodies.forget();
    const touched = { segments: new Set<number>(), heads: new Set<number>() };
    this.#bodies.touched = touched;
    return {
      ...touched,
      stop: () => {
        this.#bodies.touched = undefined;
        this.#bodies.forget();
      },
    };
  }

  /** Forgets what was learnt in a transaction that was rolled back, or of rows that are gone. */
  forget(): void {
    this.#bodies.forget();
    for (const follower of this.#followers) follower.forget?.();
    this.#count = countCalls(this.db);
    this.#newest = newestCall(this.db);
  }

  #keepSide(kept: Kept, { side, headers, body }: CallSide, stored: CallSide): void {
    const column = COLUMN_OF[side];
    kept.columns.set(`${column}_head`, this.#bodies.keepHead(stored.headers));
    if (body === null || stored.body === null) return void kept.columns.set(column, null);
    if (side === 'clientRequest' || side === 'upstreamRequest') {
      const request = this.#bodies.keepRequest(body);
      kept.columns.set(column, request.stored);
      if (side === 'clientRequest') this.#addWords(kept, REQUEST_WORDS, () => requestText(request, body));
    } else {
      kept.columns.set(column, this.#bodies.keepReply(stored.body));
      if (side === 'clientReply') this.#addWords(kept, REPLY_WORDS, () => replyText(headers, body));
    }
  }

  /** Words of an encrypted store would tell what it hides: it has no index. */
  #addWords(kept: Kept, part: 0 | 1, text: () => string): void {
    const words = this.seal.encrypted ? '' : text();
    if (words !== '') kept.words.push([part, spaced(words)]);
  }

  /** A row is written at once where it can be: one that grows has to move within the file. */
  #putExchange(call: number, begins: boolean, { columns, words }: Kept): void {
    if (!begins && columns.size === 0) return;
    const id = (begins ? undefined : this.#addToExchange(call, columns)) ?? this.#beginExchange(call, columns);
    for (const [part, text] of words) this.#statements.index.run(2 * id + part, text);
  }

  #beginExchange(call: number, columns: Kept['columns']): number {
    const values = EXCHANGE_COLUMNS.map((column) => columns.get(column) ?? null);
    return Number(this.#statements.beginExchange.run(call, ...values).lastInsertRowid);
  }

  /** Undefined where there is no row to add to. */
  #addToExchange(call: number, columns: Kept['columns']): number | undefined {
    const wanted = [...columns.keys()].map((column) => `${column} = ?`).join(', ');
    let update = this.#updates.get(wanted);
    if (update === undefined) {
      update = this.db.prepare(`update exchanges set ${wanted} where call = ? returning id`);
      this.#updates.set(wanted, update);
    }
    return update.get(...columns.values(), call)?.id;
  }
}

const SIDE_COLUMNS = [
  ['clientRequest', 'client_request'],
  ['clientReply', 'client_reply'],
  ['upstreamRequest', 'upstream_request'],
  ['upstreamReply', 'upstream_reply'],
] as const;
type SideColumn = (typeof SIDE_COLUMNS)[number][1];
type ExchangeRow = Record<SideColumn | `${SideColumn}_head`, Buffer | null>;
const EXCHANGE_COLUMNS = [...SIDE_COLUMNS.flatMap(([, column]) => [column, `${column}_head`] as const), 'timeline'] as const;
type ExchangeColumn = (typeof EXCHANGE_COLUMNS)[number];
const COLUMN_OF = {
  clientRequest: 'client_request',
  clientReply: 'client_reply',
  upstreamRequest: 'upstream_request',
  upstreamReply: 'upstream_reply',
} as const satisfies Record<Side, SideColumn>;

/** What of an exchange is to be written: its columns, and the words of its halves. */
type Kept = { columns: Map<ExchangeColumn, Buffer | null>; words: [part: 0 | 1, text: string][] };

function countCalls(db: Database.Database): number {
  return db.prepare<[], { n: number }>('select count(*) as n from calls').get()?.n ?? 0;
}

function newestCall(db: Database.Database): number {
  return db.prepare<[], { id: number | null }>('select max(id) as id from calls').get()?.id ?? -1;
}

/** A database that SQLite opens, and whose pages do not fit together. */
class DamagedStoreError extends Error {
  override name = 'DamagedStoreError';
}

/** Larger databases are not looked through at start: that takes a second for some hundred megabytes. */
const MOST_CHECKED = 1024 * 1024 * 1024;

/** Stands beside the database while it is open. */
function markOf(file: string): string {
  return `${file}-open`;
}

function markAsOpen(file: string): void {
  try {
    closeSync(openSync(markOf(file), 'a', 0o600));
  } catch {
    // On a full disk; the next start then does not look for what a kill may have left.
  }
}

/** Reads the first pages, damage there would show only in the middle of a call; all of them where the last run was killed. */
function checkQuickly(db: Database.Database, file: string): void {
  db.prepare('select count(*) from sqlite_schema').get();
  const wasOpen = statSync(markOf(file), { throwIfNoEntry: false }) !== undefined;
  if (!wasOpen || statSync(file).size > MOST_CHECKED) return;
  const found = db.pragma('quick_check(1)', { simple: true });
  if (found !== 'ok') throw new DamagedStoreError(String(found));
}

export function isDamage(error: unknown): boolean {
  if (error instanceof DamagedStoreError) return true;
  return error instanceof Database.SqliteError && (error.code === 'SQLITE_NOTADB' || error.code.startsWith('SQLITE_CORRUPT'));
}

function prepare(db: Database.Database) {
  return {
    exists: db.prepare<[number], { id: number }>('select id from calls where id = ?'),
    beginCall: db.prepare<[(string | number | null)[], string | null]>(
      `insert into calls (${COLUMNS.join(', ')}, folder) values (${COLUMNS.map(() => '?').join(', ')}, ?)`,
    ),
    endCall: db.prepare<[(string | number | null)[], number]>(
      `update calls set ${TOLD_AT_END.map((column) => `${column} = ?`).join(', ')} where id = ?`,
    ),
    beginExchange: db.prepare<(number | Buffer | null)[]>(
      `insert into exchanges (call, ${EXCHANGE_COLUMNS.join(', ')}) values (?, ${EXCHANGE_COLUMNS.map(() => '?').join(', ')})`,
    ),
    index: db.prepare<[number, string]>('insert into search (rowid, text) values (?, ?)'),
    unindex: db.prepare<[number]>(
      'delete from search where rowid in (select 2 * id + n from exchanges, (select 0 as n union all select 1) where call = ?)',
    ),
    remove: db.prepare<[number]>('delete from calls where id = ?'),
  };
}
