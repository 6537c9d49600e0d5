import { readlinkSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import { parentPort, type MessagePort } from 'node:worker_threads';
import { DrawbridgeError } from '../contract/errors.ts';
import type { Call, Removed } from '../contract/index.ts';
import { giveBack } from '../engine/give-back.ts';
import { assembled, isAssembled } from './assembled.ts';
import { keepBallast, releaseBallast } from './ballast.ts';
import { FOLLOWERS } from './followers.ts';
import { folderOf, keepOf, type Keep } from './folder.ts';
import { valueOf } from './heads.ts';
import { jobRunner } from './jobs.ts';
import { Meaning } from './meaning.ts';
import { NewerSchemaError } from './migrate.ts';
import { unpack } from './parcel.ts';
import { takePlace } from './place.ts';
import { project } from './projector.ts';
import type { Answer, FromWorker, Keeping, Query, ToWorker } from './protocol.ts';
import { applyProjection, type CaptureRecord, type Side } from './record.ts';
import { LentRooms } from './lent-rooms.ts';
import { isSealedFile, reseal } from './reseal.ts';
import { salvage } from './salvage.ts';
import { openly, sealedWith, type Seal } from './seal.ts';
import { SealedStoreError, Store } from './store.ts';
import { uncoded } from './uncoded.ts';
import { check, purge, retain, sizes, type Slices } from './upkeep.ts';

/** A call with everything that was kept of it. Bodies are as they went over the wire, without their content-encoding. */
export type StoredCall = {
  call: Call;
  sides: { side: Side; headers: string; bytes: number; body: Uint8Array | null }[];
  timeline: [number, number][];
};

const IDLE_MS = 2_000;
/** Retention is looked after this long after the start, and then every hour. */
const FIRST_UPKEEP_MS = 60_000;
const UPKEEP_MS = 3_600_000;

/** Serves one capture database over a port. The only place that touches SQLite. */
export function serveStore(port: MessagePort): void {
  let store: Store | undefined;
  let meaning: Meaning | undefined;
  let idle: NodeJS.Timeout | undefined;
  let upkeep: NodeJS.Timeout | undefined;
  /** What has come while the store waits to be written anew. */
  let early: ToWorker[] | undefined;
  const keeper: Keeper = {
    keeping: { folders: [], replies: 'raw', retention: { days: null, maxBytes: null } },
    not: new Map(),
    lost: new Set(),
  };
  const lent = new LentRooms();
  const jobs = jobRunner();
  const send = (message: FromWorker): void => port.postMessage(message);
  const warn = (message: string): void => send({ type: 'warned', message });

  const refuse = (id: number, error: unknown): void =>
    send({ type: 'refused', id, reason: reasonOf(error), code: error instanceof DrawbridgeError ? error.code : 'store_unavailable' });
  const answerWith = (id: number, make: () => Answer): void => {
    try {
      send({ type: 'answer', id, answer: make() });
    } catch (error) {
      refuse(id, error);
    }
  };
  let removals = 0;
  /** A count alone does not tell: as many may have come meanwhile. */
  const tellRemoved = (open: Store): void => {
    if (open.removals === removals) return;
    removals = open.removals;
    send({ type: 'removed' });
  };
  const removed = (open: Store, work: Slices<Removed>, id: number): void => {
    releaseBallast(open.file);
    jobs.add(work, (result) => {
      tellRemoved(open);
      answerWith(id, () => ({ kind: 'removed', removed: result(), count: open.count, storeBytes: open.size() }));
    });
  };

  const onQuery = (open: Store, about: Meaning, id: number, query: Query): void => {
    switch (query.kind) {
      case 'purge':
        return removed(open, purge(open, query.scope, query.dryRun, query.now), id);
      case 'retain':
        return removed(open, retain(open, keeper.keeping.retention, query.now), id);
      case 'check':
        return jobs.add(check(open, query.now), (result) => answerWith(id, () => ({ kind: 'checked', checked: result() })));
      case 'ids':
      case 'written':
      case 'parts':
      case 'import':
        // Loaded when asked for: they read lines and headers with a schema library, which an idle engine does not pay for.
        return void import('./outlets.ts').then(
          ({ answerOutlet }) => answerWith(id, () => answerOutlet(open, query)),
          (error: unknown) => refuse(id, error),
        );
      default:
        answerWith(id, () => answer(open, about, query));
    }
  };

  const ask = (id: number, query: Query): void => {
    if (store === undefined || meaning === undefined)
      send({ type: 'refused', id, reason: 'The capture store is not open.', code: 'store_unavailable' });
    else onQuery(store, meaning, id, query);
  };

  const askAfter = (refreshed: Promise<void> | undefined, id: number, query: Query): void => {
    if (refreshed === undefined) ask(id, query);
    else void refreshed.then(() => ask(id, query)).catch((error: unknown) => refuse(id, error));
  };

  const restLater = (): void => {
    clearTimeout(idle);
    idle = setTimeout(() => {
      try {
        store?.checkpoint();
      } catch (error) {
        // The log is folded in at the next rest; what is in it is as safe there.
        warn(`the log of the call history could not be folded into it: ${reasonOf(error)}`);
      }
      giveBack();
    }, IDLE_MS);
    idle.unref();
  };

  const keepHouse = (open: Store): void => {
    upkeep = setTimeout(
      () => {
        // A store that can't be tidied up now is tidied up an hour later.
        jobs.add(retain(open, keeper.keeping.retention, Date.now()), () => {
          keepBallast(open.file);
          tellRemoved(open);
          send({ type: 'stored', calls: [], records: 0, bytes: 0, rooms: [], dropped: null, count: open.count, storeBytes: open.size() });
        });
        keepHouse(open);
      },
      upkeep === undefined ? FIRST_UPKEEP_MS : UPKEEP_MS,
    );
    upkeep.unref();
  };

  /** Saves what it can out of a damaged database, while calls are written to the new one. */
  const bringBack = (open: Store, damaged: string, seal: Seal): void => {
    jobs.add(salvage(open, damaged, seal), (result) => {
      try {
        const { calls, partly } = result();
        warn(`${calls} calls were taken over from ${damaged}, ${partly} of them without what was said`);
      } catch (error) {
        warn(`not all that can be read of ${damaged} was taken over: ${reasonOf(error)}`);
      }
      send({ type: 'stored', calls: [], records: 0, bytes: 0, dropped: null, rooms: [], count: open.count, storeBytes: open.size() });
    });
  };

  const onRecords = ({ parcel, bytes, show }: Extract<ToWorker, { type: 'records' }>): void => {
    const records = unpack(parcel);
    const batch: Batch = { records: rule(keeper, records), bytes, show };
    lent.add(records);
    const open = store;
    if (open === undefined) send({ ...unstored(batch, 'The capture store is not open.'), rooms: lent.unused(() => new Set()) });
    else {
      send({ ...write(open, keeper, batch), rooms: lent.unused(() => open.holds()) });
      tellRemoved(open);
    }
    restLater();
  };

  const open = (message: OpenMessage, about: Meaning, { from, to }: Seals): void => {
    const { file, now } = message;
    const followers = [...FOLLOWERS, about.follow];
    const left = from === to ? null : reseal(file, now, from, to, followers);
    const opened = Store.open(file, now, { followers, seal: to });
    store = opened.store;
    keepHouse(store);
    if (opened.movedAside !== null) bringBack(store, opened.movedAside, to);
    if (left?.lacks === 'calls') bringBack(store, left.file, left.seal);
    if (left?.lacks === 'words') warn(`the history was written anew without some of what was said; it is kept as it was in ${left.file}`);
    restLater();
    const movedAside = opened.movedAside ?? left?.file ?? null;
    send({ type: 'opened', calls: store.count, storeBytes: store.size(), movedAside, thread: ownThread() });
  };

  const openAnew = (message: OpenMessage, about: Meaning, seals: Seals): void => {
    // Closed meanwhile.
    if (early === undefined) return;
    attempt(message, () => open(message, about, seals));
    const waiting = early;
    early = undefined;
    for (const one of waiting) attempt(one, () => onMessage(one));
  };

  const onMessage = (message: ToWorker): void => {
    switch (message.type) {
      case 'open': {
        const made = new Meaning(message.places, warn);
        meaning = made;
        const loaded = made.load();
        if (message.formerFile !== undefined) takePlace(message.formerFile, message.file);
        const seals = sealsFor(message);
        if (seals === undefined) return send({ type: 'locked' });
        if (seals.from === seals.to) return open(message, made, seals);
        // A history that is written anew is put together anew: by every adapter, as it was.
        early = [];
        void loaded.then(() => openAnew(message, made, seals));
        return;
      }
      case 'configure':
        keeper.keeping = message.keeping;
        return;
      case 'records':
        return onRecords(message);
      case 'query':
        return askAfter(meaning?.refresh(), message.id, message.query);
      case 'bridges':
        return meaning?.bridges(message.reports);
      case 'close':
        early = undefined;
        clearTimeout(idle);
        clearTimeout(upkeep);
        jobs.stop();
        try {
          store?.close();
        } finally {
          store = undefined;
          send({ type: 'closed' });
          port.close();
        }
    }
  };

  const attempt = (message: ToWorker, work: () => void): void => {
    try {
      work();
    } catch (error) {
      if (message.type === 'open') send({ type: 'failed', reason: reasonOf(error), lasting: isLasting(error) });
      else if (message.type === 'query') refuse(message.id, error);
      else if (message.type !== 'close') warn(`${message.type}: ${reasonOf(error)}`);
    }
  };

  port.on('message', (message: ToWorker) => {
    if (early !== undefined && message.type !== 'close') early.push(message);
    else attempt(message, () => onMessage(message));
  });
}

function reasonOf(error: unknown): string {
  if (isFull(error)) return 'The disk is full. Make room, or remove calls: capturing goes on by itself then.';
  return error instanceof Error ? error.message : String(error);
}

/** Nothing but another key or another version of this program opens such a store. */
function isLasting(error: unknown): boolean {
  return error instanceof SealedStoreError || error instanceof NewerSchemaError;
}

type OpenMessage = Extract<ToWorker, { type: 'open' }>;
/** How the store is kept, and how it is to be: the same one, or it is written anew. */
type Seals = { from: Seal; to: Seal };

/** Undefined where the store takes a key that is not there. */
function sealsFor({ file, seal: wanted, key }: OpenMessage): Seals | undefined {
  const isNow = isSealedFile(file) ?? wanted;
  if (!wanted && !isNow) return { from: openly, to: openly };
  if (key === null) return undefined;
  const sealed = sealedWith(Buffer.from(key));
  return { from: isNow ? sealed : openly, to: wanted ? sealed : openly };
}

/** A disk, or a share of it, that is full. SQLite tells some of it as failed writes. */
function isFull(error: unknown): boolean {
  if (!(error instanceof Database.SqliteError)) return false;
  return error.code === 'SQLITE_FULL' || error.code === 'SQLITE_IOERR_WRITE' || error.code === 'SQLITE_IOERR_SHMSIZE';
}

/** What folders keep, and the calls under way that are not kept whole. */
type Keeper = {
  keeping: Keeping;
  not: Map<number, Keep>;
  /** Calls whose end could not be written. */
  lost: Set<number>;
};

/**
 * Writes a batch in one transaction. Where the database fails nothing of it is kept; where something else does, a record
 * could not be read, and its neighbours are kept without it.
 */
function write(store: Store, keeper: Keeper, batch: Batch): Written {
  try {
    return stored(store, batch, writeAll(store, keeper, batch.records), null);
  } catch (error) {
    if (!(error instanceof Database.SqliteError)) return writeEach(store, keeper, batch);
    lose(keeper, batch.records);
    return unstored(batch, reasonOf(error));
  }
}

function writeEach(store: Store, keeper: Keeper, batch: Batch): Written {
  const reasons: string[] = [];
  const calls = batch.records.flatMap((ruled) => {
    try {
      return writeAll(store, keeper, [ruled]);
    } catch (error) {
      lose(keeper, [ruled]);
      reasons.push(reasonOf(error));
      return [readRow(ruled.record.row)];
    }
  });
  const [reason] = reasons;
  return stored(store, batch, calls, reason === undefined ? null : { records: reasons.length, reason });
}

function writeAll(store: Store, keeper: Keeper, records: readonly Ruled[]): Call[] {
  const calls: Call[] = [];
  store.transaction(() => {
    for (const ruled of records) calls.push(writeOne(store, keeper.keeping, ruled));
  });
  cutLost(store, keeper, [...keeper.lost]);
  return calls;
}

/** Apart from what is written: a row that is damaged must not take each later batch along. It stays open until the next start. */
function cutLost(store: Store, keeper: Keeper, ids: readonly number[]): void {
  if (ids.length === 0) return;
  try {
    store.transaction(() => store.cut(ids));
  } catch (error) {
    // There will be room again.
    if (isFull(error)) return;
    if (ids.length > 1) {
      for (const id of ids) cutLost(store, keeper, [id]);
      return;
    }
  }
  for (const id of ids) keeper.lost.delete(id);
}

function lose(keeper: Keeper, records: readonly Ruled[]): void {
  for (const { record } of records) if (record.kind === 'end') keeper.lost.add(record.id);
}

function stored(store: Store, { records, bytes, show }: Batch, calls: Call[], dropped: Dropped): Written {
  const { count } = store;
  return { type: 'stored', calls: show ? calls : [], records: records.length, bytes, dropped, count, storeBytes: store.size() };
}

function unstored({ records, bytes, show }: Batch, reason: string): Written {
  return { type: 'unstored', calls: show ? records.map(({ record }) => readRow(record.row)) : [], records: records.length, bytes, reason };
}

type Batch = { records: Ruled[]; bytes: number; show: boolean };
/** A record, what it says, and what the rules for folders say of its call. */
type Ruled = { record: CaptureRecord; sides: RecordedSide[]; folder: string | null; keep: Keep };
type RecordedSide = { side: Side; headers: string; body: Buffer | null; isPart: true | undefined };
type Dropped = Extract<FromWorker, { type: 'stored' }>['dropped'];
/** What became of a batch. */
type Written = WithoutRooms<Extract<FromWorker, { type: 'stored' | 'unstored' }>>;
type WithoutRooms<Message> = Message extends unknown ? Omit<Message, 'rooms'> : never;

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

/**
 * What the rules say of each call: by its request, which comes with its beginning. All of a batch is asked before any of
 * it is written: a write that fails must not make the end of an ignored call look like any other.
 */
function rule(keeper: Keeper, records: readonly CaptureRecord[]): Ruled[] {
  return records.map((record) => {
    const sides = record.sides.map(({ side, headers, body, isPart }) =>
      uncoded({ side, headers, body: body === null ? null : joined(body), isPart }),
    );
    if (record.kind === 'end') {
      const keep = keeper.not.get(record.id) ?? 'keep';
      keeper.not.delete(record.id);
      return { record, sides, folder: null, keep };
    }
    const request = sides.find(({ side }) => side === 'clientRequest')?.body ?? null;
    const folder = request === null ? null : folderOf(request);
    const keep = keepOf(folder, keeper.keeping.folders, os.homedir());
    if (record.kind === 'begin' && keep !== 'keep') keeper.not.set(record.id, keep);
    return { record, sides, folder, keep };
  });
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

function answer(
  store: Store,
  meaning: Meaning,
  query: Exclude<Query, { kind: 'purge' | 'retain' | 'check' | 'ids' | 'written' | 'parts' | 'import' }>,
): Answer {
  switch (query.kind) {
    case 'list':
      return { kind: 'list', calls: store.list(query.listing) };
    case 'call': {
      const call = store.call(query.id);
      return {
        kind: 'call',
        stored: call === undefined ? null : { call, sides: store.sides(query.id), timeline: store.timeline(query.id) },
      };
    }
    case 'facets':
      return { kind: 'facets', ...store.facets() };
    case 'activity':
      return { kind: 'activity', activity: store.activity(query.fromId) };
    case 'sizes':
      return { kind: 'sizes', sizes: sizes(store) };
    default:
      return meaning.answer(store.read, store, query);
  }
}

/** This thread as Linux knows it; null elsewhere. */
function ownThread(): number | null {
  try {
    return Number(path.basename(readlinkSync('/proc/thread-self')));
  } catch {
    return null;
  }
}

if (parentPort !== null) {
  // Serving comes before recording. On Linux this reaches the one thread; elsewhere it would slow the whole process.
  if (process.platform === 'linux') {
    try {
      os.setPriority(0, os.constants.priority.PRIORITY_LOW);
    } catch {
      // A sandbox may forbid it; the worker then merely competes as an equal.
    }
  }
  serveStore(parentPort);
}
