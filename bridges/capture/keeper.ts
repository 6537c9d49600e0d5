import Database from 'better-sqlite3';
import type { Call } from '../contract/index.ts';
import { assembled, isAssembled } from './assembled.ts';
import { isFull, reasonOf } from './failure.ts';
import { Folders, keepOf, type Keep } from './folder.ts';
import { valueOf } from './heads.ts';
import { project } from './projector.ts';
import type { FromWorker, Keeping } from './protocol.ts';
import { applyProjection, type CaptureRecord, type Side } from './record.ts';
import type { Store } from './store.ts';
import { uncoded } from './uncoded.ts';

/** Records that came together. `bytes`: what they weigh in the backlog. `show`: the rows are wanted back, as they were stored. */
export type Batch = { records: readonly CaptureRecord[]; bytes: number; show: boolean };
/** What became of a batch. */
export type Written = WithoutRooms<Extract<FromWorker, { type: 'stored' | 'unstored' }>>;
type WithoutRooms<Message> = Message extends unknown ? Omit<Message, 'rooms'> : never;

/** A record, what it says, and what the rules for folders say of its call. */
type Ruled = { record: CaptureRecord; sides: RecordedSide[]; folder: string | null; keep: Keep };
type RecordedSide = { side: Side; headers: string; body: Buffer | null; isPart: true | undefined };
type Dropped = Extract<FromWorker, { type: 'stored' }>['dropped'];

/** Writes what was recorded of calls, as the settings and the rules for folders say. */
export class Keeper {
  /** What the settings say. */
  keeping: Keeping = { folders: [], replies: 'raw', retention: { days: null, maxBytes: null } };
  readonly #folders = new Folders();
  /** Calls under way that are not kept whole. */
  readonly #not = new Map<number, Keep>();
  /** Calls whose end could not be written. */
  readonly #lost = new Set<number>();
  readonly #home: string;

  /** `home`: what `~` stands for in the rules. */
  constructor(home: string) {
    this.#home = home;
  }

  /**
   * Writes a batch in one transaction. Where the database fails nothing of it is kept; where something else does, a record
   * could not be read, and its neighbours are kept without it. Without a store nothing is.
   */
  write(store: Store | undefined, batch: Batch): Written {
    // One after the other as they are written: what a request repeats of the one before it is known by then.
    const ruled = lazily(batch.records, (record) => this.#rule(store, record));
    try {
      if (store === undefined) return unstored(batch, 'The capture store is not open.');
      return stored(store, batch, this.#writeAll(store, ruled), null);
    } catch (error) {
      if (store !== undefined && !(error instanceof Database.SqliteError)) return this.#writeEach(store, batch, ruled);
      this.#lose(batch.records);
      return unstored(batch, reasonOf(error));
    } finally {
      // A write that failed must not make the end of an ignored call look like any other.
      for (const _ of ruled);
    }
  }

  #writeEach(store: Store, batch: Batch, records: Iterable<Ruled>): Written {
    const reasons: string[] = [];
    const calls: Call[] = [];
    for (const ruled of records) {
      try {
        calls.push(...this.#writeAll(store, [ruled]));
      } catch (error) {
        this.#lose([ruled.record]);
        reasons.push(reasonOf(error));
        calls.push(readRow(ruled.record.row));
      }
    }
    const [reason] = reasons;
    return stored(store, batch, calls, reason === undefined ? null : { records: reasons.length, reason });
  }

  #writeAll(store: Store, records: Iterable<Ruled>): Call[] {
    const calls: Call[] = [];
    store.transaction(() => {
      for (const ruled of records) calls.push(writeOne(store, this.keeping, ruled));
    });
    this.#cutLost(store, [...this.#lost]);
    return calls;
  }

  /** Apart from what is written: a row that is damaged must not take each later batch along. It stays open until the next start. */
  #cutLost(store: Store, ids: readonly number[]): void {
    if (ids.length === 0) return;
    try {
      store.transaction(() => store.cut(ids));
    } catch (error) {
      // There will be room again.
      if (isFull(error)) return;
      if (ids.length > 1) {
        for (const id of ids) this.#cutLost(store, [id]);
        return;
      }
    }
    for (const id of ids) this.#lost.delete(id);
  }

  #lose(records: readonly CaptureRecord[]): void {
    for (const record of records) if (record.kind === 'end') this.#lost.add(record.id);
  }

  /** What the rules say of a call: by its request, which comes with its beginning. */
  #rule(store: Store | undefined, record: CaptureRecord): Ruled {
    const sides = record.sides.map(({ side, headers, body, isPart }) =>
      uncoded({ side, headers, body: body === null ? null : joined(body), isPart }),
    );
    if (record.kind === 'end') {
      const keep = this.#not.get(record.id) ?? 'keep';
      this.#not.delete(record.id);
      return { record, sides, folder: null, keep };
    }
    const request = sides.find(({ side }) => side === 'clientRequest')?.body ?? null;
    const folder = request === null ? null : this.#folders.of(request, store?.before(request));
    const keep = keepOf(folder, this.keeping.folders, this.#home);
    if (record.kind === 'begin' && keep !== 'keep') this.#not.set(record.id, keep);
    return { record, sides, folder, keep };
  }
}

/** What is made of each, once, when it is first asked for. */
function lazily<Of, Made>(all: readonly Of[], make: (one: Of) => Made): Iterable<Made> {
  const made: Made[] = [];
  return {
    *[Symbol.iterator]() {
      for (const [i, one] of all.entries()) {
        if (i === made.length) made.push(make(one));
        const known = made[i];
        if (known !== undefined) yield known;
      }
    },
  };
}

function stored(store: Store, { records, bytes, show }: Batch, calls: Call[], dropped: Dropped): Written {
  const { count } = store;
  return { type: 'stored', calls: show ? calls : [], records: records.length, bytes, dropped, count, storeBytes: store.size() };
}

function unstored({ records, bytes, show }: Batch, reason: string): Written {
  return { type: 'unstored', calls: show ? records.map(({ row }) => readRow(row)) : [], records: records.length, bytes, reason };
}

function writeOne(store: Store, { replies }: Keeping, { record, sides, folder, keep }: Ruled): Call {
  const row = readRow(record.row);
  const reply = sides.find((side) => side.side === 'upstreamReply') ?? sides.find((side) => side.side === 'clientReply');
  const wire = row.wireOut ?? row.wireIn;
  const call =
    record.kind === 'begin' || reply?.body == null || wire === null || row.status === null
      ? row
      : applyProjection(row, project(wire, row.streamed, reply.body, encodingOf(reply.headers)), reply.isPart === true);
  const ends = record.kind !== 'begin';
  if (keep === 'ignore') return call;
  const kept = keep === 'metadata' ? [] : sides;
  const stored = replies === 'assembled' ? kept.map((side) => assembled(call, side)) : kept;
  // When its pieces came is told of a stream that is kept as it came.
  const timed = ends && keep === 'keep' && !stored.some(({ headers }) => isAssembled(headers));
  store.write({ call, ends, folder, sides: kept, stored, timeline: timed ? record.timeline : null });
  return call;
}

// Rows are made by recorder.ts in this same process and checked by its types; parsing them again would cost as much
// as storing them.
function readRow(json: string): Call {
  return JSON.parse(json);
}

function encodingOf(headers: string): string | undefined {
  const pairs: [string, string][] = JSON.parse(headers);
  return valueOf(pairs, 'content-encoding');
}

function joined(pieces: readonly Uint8Array[]): Buffer {
  const [first] = pieces;
  if (first !== undefined && pieces.length === 1) return Buffer.from(first.buffer, first.byteOffset, first.byteLength);
  return Buffer.concat(pieces);
}
