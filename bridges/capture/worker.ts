import { readlinkSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parentPort, type MessagePort } from 'node:worker_threads';
import { DrawbridgeError } from '../contract/errors.ts';
import type { Call, Removed } from '../contract/index.ts';
import { giveBack } from '../engine/give-back.ts';
import { keepBallast, releaseBallast } from './ballast.ts';
import { reasonOf } from './failure.ts';
import { FOLLOWERS } from './followers.ts';
import { check, sizes } from './health.ts';
import { jobRunner, type Slices } from './jobs.ts';
import { Keeper } from './keeper.ts';
import { Meaning } from './meaning.ts';
import { NewerSchemaError } from './migrate.ts';
import { unpack } from './parcel.ts';
import { takePlace } from './place.ts';
import type { Answer, FromWorker, Query, ToWorker } from './protocol.ts';
import type { Side } from './record.ts';
import { LentRooms } from './lent-rooms.ts';
import { isSealedFile, reseal } from './reseal.ts';
import { salvage } from './salvage.ts';
import { openly, sealedWith, type Seal } from './seal.ts';
import { SealedStoreError, Store } from './store.ts';
import { purge, retain } from './upkeep.ts';

/** A call with everything that was kept of it. Bodies are as they went over the wire, without their content-encoding. */
export type StoredCall = {
  call: Call;
  sides: { side: Side; headers: string; bytes: number; body: Uint8Array | null }[];
  timeline: [number, number][];
};

const IDLE_MS = 2_000;
/** Nobody who looks at a page should wait so long. What reads or removes all there is works in slices, and may. */
const SLOW_MS = 250;
/** Retention is looked after this long after the start, and then every hour. */
const FIRST_UPKEEP_MS = 60_000;
const UPKEEP_MS = 3_600_000;

/** Serves one capture database over a port. The only place that touches SQLite. `slowMs`: a question that takes longer is told of. */
export function serveStore(port: MessagePort, slowMs = SLOW_MS): void {
  let store: Store | undefined;
  let meaning: Meaning | undefined;
  let idle: NodeJS.Timeout | undefined;
  let upkeep: NodeJS.Timeout | undefined;
  /** What has come while the store waits to be written anew. */
  let early: ToWorker[] | undefined;
  const keeper = new Keeper(os.homedir());
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
      return send({ type: 'refused', id, reason: 'The capture store is not open.', code: 'store_unavailable' });
    const began = performance.now();
    onQuery(store, meaning, id, query);
    const ms = performance.now() - began;
    if (ms >= slowMs) send({ type: 'slow', query: query.kind, ms: Math.round(ms) });
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
    lent.add(records);
    const open = store;
    send({ ...keeper.write(open, { records, bytes, show }), rooms: lent.unused(() => open?.holds() ?? new Set()) });
    if (open !== undefined) tellRemoved(open);
    restLater();
  };

  const open = (message: OpenMessage, about: Meaning, { from, to }: Seals): void => {
    const { file, now } = message;
    const followers = [...FOLLOWERS, about.follow];
    const left = from === to ? null : reseal(file, now, from, to, followers);
    const opened = Store.open(file, now, {
      followers,
      seal: to,
      ...(message.traced && { onRead: (sql) => send({ type: 'asked', sql }) }),
    });
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
