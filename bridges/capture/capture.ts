import { Worker } from 'node:worker_threads';
import { DrawbridgeError } from '../contract/errors.ts';
import type { Activity, Call, CallFilter, CaptureStatus, Imported, PurgeScope, Removed, StoreSizes } from '../contract/index.ts';
import type { Clock } from '../engine/clock.ts';
import type { Logger } from '../engine/log.ts';
import type { Room, Rooms } from '../engine/rooms.ts';
import type { ExportAnswer, ExportQuery } from './export/ask.ts';
import { NO_PLACES } from './places.ts';
import type { MeaningAnswer, MeaningPlaces, MeaningQuery } from './meaning.ts';
import type { Answer, Checked, FromWorker, Keeping, Query, ToWorker } from './protocol.ts';
import { pack } from './parcel.ts';
import { createRecorder, idAt, type Entry, type Recorder } from './recorder.ts';
import type { BridgeReport } from './usage/quotas.ts';
import type { StoredCall } from './worker.ts';

/** The capture side of the engine: the recorder, and a store in a thread of its own. */
export type Capture = {
  recorder: Recorder;
  /** Starts the worker and opens the database. Resolves when it is open or has failed; never rejects. */
  start(): Promise<void>;
  status(): CaptureStatus;
  pause(paused: boolean): void;
  /** Newest first. Throws DrawbridgeError bad_input where `query` can't be understood. */
  list(limit: number, before: number | undefined, filter: CallFilter, query?: string): Promise<Call[]>;
  get(id: number): Promise<StoredCall | null>;
  facets(): Promise<{ clients: string[]; callers: string[]; upstreams: string[]; models: string[] }>;
  /** What calls mean: conversations, identity, usage (meaning.ts); and calls written out (export/ask.ts). */
  ask<Kind extends (MeaningQuery | ExportQuery)['kind']>(
    query: Extract<MeaningQuery | ExportQuery, { kind: Kind }>,
  ): Promise<Extract<MeaningAnswer | ExportAnswer, { kind: Kind }>>;
  /** Stores lines of an export, all that can be read of them. */
  import(lines: readonly string[], firstLine: number): Promise<Imported>;
  /** Tells the store how the bridges are signed in, and what their providers say of their limits. */
  bridges(reports: readonly BridgeReport[]): void;
  /** Numbers of the last hour. */
  activity(): Promise<Activity>;
  sizes(): Promise<StoreSizes>;
  /** Removes calls and all they said. Throws DrawbridgeError bad_input where a query can't be understood. */
  purge(scope: PurgeScope, dryRun: boolean): Promise<Removed>;
  /** Applies the retention settings now. */
  retain(): Promise<Removed>;
  /** Reads the whole store through. */
  check(): Promise<Checked>;
  /** Hears of every row that began or changed, stored or not. */
  onCalls(listener: (calls: readonly Call[]) => void): () => void;
  onStatus(listener: () => void): () => void;
  /** Told when calls were removed, by a command or because they grew too old. Returns the function that stops it. */
  onRemoved(listener: () => void): () => void;
  /** Where a damaged database was moved at start, if one was, and was not removed with all calls. */
  movedAside(): string | null;
  /** Hands over what is still held, closes the database, and tells the last rows. */
  stop(): Promise<void>;
};

export type CaptureOptions = {
  file: string;
  /** Where earlier versions kept the database; it is moved from there. */
  formerFile?: string;
  clock: Clock;
  log: Logger;
  /** What is the user's own; nothing is read where it is not given. */
  places?: MeaningPlaces;
  settings: () => { enabled: boolean; maxBodyBytes: number; seal?: boolean } & Partial<Keeping>;
  /** The key of an encrypted store. Rejects with a sentence for its owner where there is none to be had. */
  sealKey?: () => Promise<Buffer>;
  /** Statements that read are told to the log, from the next opening of the store on. */
  traced?: () => boolean;
  /** Lets the worker's thread run only where no other wants to. */
  stepBack?: (thread: number) => void;
  /** Where the memory of large bodies goes back to. */
  rooms?: Pick<Rooms, 'give'>;
  /** How far the store may fall behind before captures are dropped. */
  backlog?: { bytes: number; records: number };
};

/** A record waits this long for company; a lone call is written down then. Milliseconds. */
const LONE_MS = 20;
/**
 * Where calls come thick (more than FEW in LONE_MS) they wait this long: their ends find their beginnings still
 * waiting, and the worker runs in few long stretches instead of between any two calls. Milliseconds.
 */
const BATCH_MS = 250;
const FEW = 3;
/** More than this many at once would hold up the calls under way. */
const BATCH_RECORDS = 32;
/** A backlog larger than this drops what comes next: memory is the calls', not the captures'. */
const BACKLOG = { bytes: 256 * 1024 * 1024, records: 8_000 };
/** What a record weighs besides its bodies. */
const RECORD_BYTES = 2_000;
const SHOW_MS = 50;
/** After a failure (a full disk) captures pause this long, then one is tried; longer where the worker dies again and again. */
const RETRY_MS = 5_000;
const LONGEST_RETRY_MS = 300_000;

export function createCapture(options: CaptureOptions): Capture {
  const { clock, log, backlog = BACKLOG } = options;
  let worker: Worker | undefined;
  /** What the worker has of its store, as far as it was asked for. `waiting`: for the key, to ask it. */
  let store: 'closed' | 'waiting' | 'opening' | 'open' = 'closed';
  let started = false;
  /** Resolves the start: the store is open, or is not to be had. */
  let opened = (): void => undefined;
  /** Workers that died since one last wrote something. */
  let deaths = 0;
  let newest = 0;
  /** What began before a worker died went with it: its beginning may be written, and was marked as cut. */
  let lostUpTo = -1;
  let state: CaptureStatus['state'] = 'starting';
  let reason: string | null = null;
  let paused = false;
  let calls = 0;
  let storeBytes = 0;
  let dropped = 0;
  let movedAside: string | null = null;
  let retryAt = 0;
  let pendingBytes = 0;
  let pendingRecords = 0;
  let batch = new Map<number, Entry>();
  let batchBytes = 0;
  let batchTimer: NodeJS.Timeout | undefined;
  let told: ReturnType<CaptureOptions['settings']> | undefined;
  const droppedIds = new Set<number>();
  /** Memory of bodies that the worker reads, or may compare later ones with. */
  const lent = new Map<number, Room>();
  let reports: readonly BridgeReport[] = [];
  let nextQuery = 1;
  const queries = new Map<number, { resolve(answer: Answer): void; reject(error: Error): void }>();
  const callListeners = new Set<(calls: readonly Call[]) => void>();
  const statusListeners = new Set<() => void>();
  const removedListeners = new Set<() => void>();
  let shown = new Map<number, { row: Call; final: boolean }>();
  let showTimer: NodeJS.Timeout | undefined;

  const statusChanged = (): void => {
    for (const listener of statusListeners) listener();
  };
  const tellRemoved = (): void => {
    for (const listener of removedListeners) listener();
  };
  const setState = (next: CaptureStatus['state'], why: string | null): void => {
    if (state === next && reason === why) return;
    state = next;
    reason = why;
    statusChanged();
  };

  const tell = (row: Call, final: boolean): void => {
    if (callListeners.size === 0) return;
    shown.set(row.id, { row, final });
    showTimer ??= setTimeout(tellShown, SHOW_MS);
  };
  const tellShown = (): void => {
    clearTimeout(showTimer);
    showTimer = undefined;
    // A row that has ended meanwhile comes again once its reply was read for it.
    const rows = [...shown.values()].filter(({ row: now, final: last }) => last || now.state === 'open');
    shown = new Map();
    if (rows.length === 0) return;
    const copies = rows.map(({ row: now }) => ({ ...now }));
    for (const listener of callListeners) listener(copies);
  };
  const show = (row: Call): void => tell(row, true);

  /** The worker hears of the settings before whatever they concern. */
  const configure = (to: Worker): void => {
    const now = options.settings();
    if (now === told) return;
    told = now;
    const { folders = [], replies = 'raw', retention = { days: null, maxBytes: null } } = now;
    to.postMessage({ type: 'configure', keeping: { folders, replies, retention } } satisfies ToWorker);
  };

  const flushLone = (): void => {
    if (batch.size <= FEW) flush();
    else batchTimer = setTimeout(flush, BATCH_MS - LONE_MS);
  };

  const flush = (): void => {
    clearTimeout(batchTimer);
    batchTimer = undefined;
    if (batch.size === 0 || worker === undefined || store === 'waiting') return;
    configure(worker);
    const { parcel, transfers, lent: rooms } = pack([...batch.values()]);
    for (const room of rooms) lent.set(room.id, room);
    worker.postMessage({ type: 'records', parcel, bytes: batchBytes, show: callListeners.size > 0 } satisfies ToWorker, transfers);
    batch = new Map();
    batchBytes = 0;
  };

  const giveBack = (room: Room): void => options.rooms?.give(room);

  const drop = (entry: Entry): void => {
    dropped += 1;
    if (!entry.ends) droppedIds.add(entry.id);
    for (const { room } of entry.sides) if (room !== undefined) giveBack(room);
    if (dropped === 1 || dropped % 1000 === 0) log.warn('capture.dropped', { dropped, pendingBytes });
    show(entry.row);
    statusChanged();
  };

  const post = (entry: Entry): void => {
    if (entry.ends && droppedIds.delete(entry.id)) return show(entry.row);
    revive();
    if (worker === undefined || store === 'closed' || entry.id <= lostUpTo) return drop(entry);
    newest = Math.max(newest, entry.id);
    const bytes = entry.bytes + RECORD_BYTES;
    const full = pendingBytes + bytes > backlog.bytes || pendingRecords >= backlog.records;
    // An end whose beginning is stored is never dropped: its row would stay open for ever.
    if (full && !entry.ends) return drop(entry);
    const begun = batch.get(entry.id);
    if (begun === undefined) {
      batch.set(entry.id, entry);
      pendingRecords += 1;
    } else {
      // A short call's end often finds its beginning still waiting: one row is written then, not two.
      batch.set(entry.id, { ...entry, begins: true, sides: [...begun.sides, ...entry.sides] });
    }
    batchBytes += bytes;
    pendingBytes += bytes;
    if (batch.size >= BATCH_RECORDS) flush();
    else batchTimer ??= setTimeout(flushLone, LONE_MS);
  };

  const settle = (records: number, bytes: number, rooms: readonly number[]): void => {
    pendingRecords -= records;
    pendingBytes -= bytes;
    for (const id of rooms) {
      const room = lent.get(id);
      if (room !== undefined && lent.delete(id)) giveBack(room);
    }
  };

  /** What waits can't be written. */
  const dropBatch = (): void => {
    const waiting = batch;
    clearTimeout(batchTimer);
    batchTimer = undefined;
    settle(waiting.size, batchBytes, []);
    batch = new Map();
    batchBytes = 0;
    for (const entry of waiting.values()) drop(entry);
  };

  const onMessage = (message: FromWorker): void => {
    switch (message.type) {
      case 'opened':
        store = 'open';
        if (message.calls < calls) tellRemoved();
        calls = message.calls;
        storeBytes = message.storeBytes;
        movedAside = message.movedAside ?? movedAside;
        if (message.thread !== null) options.stepBack?.(message.thread);
        if (message.movedAside !== null) log.warn('capture.moved_aside', { movedAside });
        setState('recording', null);
        flush();
        return opened();
      case 'locked':
        return void openStore(true);
      case 'failed':
        log.error('capture.failed', { reason: message.reason });
        return refuse(message.reason, message.lasting);
      case 'stored':
        settle(message.records, message.bytes, message.rooms);
        calls = message.count;
        storeBytes = message.storeBytes;
        deaths = 0;
        setState('recording', null);
        for (const row of message.calls) show(row);
        if (message.dropped === null) return;
        dropped += message.dropped.records;
        log.error('capture.unstored', { reason: message.dropped.reason });
        return statusChanged();
      case 'unstored':
        settle(message.records, message.bytes, message.rooms);
        dropped += message.records;
        for (const row of message.calls) show(row);
        log.error('capture.unstored', { reason: message.reason });
        if (store !== 'open') return statusChanged();
        retryAt = clock.monotonic() + RETRY_MS;
        return setState('failed', message.reason);
      case 'answer':
        queries.get(message.id)?.resolve(message.answer);
        return void queries.delete(message.id);
      case 'refused':
        queries
          .get(message.id)
          ?.reject(
            message.code === 'store_unavailable'
              ? new DrawbridgeError('store_unavailable', `The call history can't be read: ${message.reason}`)
              : new DrawbridgeError(message.code, message.reason),
          );
        return void queries.delete(message.id);
      case 'removed':
        return tellRemoved();
      case 'warned':
        return log.warn('capture.warned', { message: message.message });
      case 'slow':
        return log.warn('capture.slow_query', { query: message.query, ms: message.ms });
      case 'asked':
        return log.debug('capture.sql', { sql: message.sql });
      case 'closed':
    }
  };

  const ask = (query: Query): Promise<Answer> =>
    new Promise((resolve, reject) => {
      revive();
      if (worker === undefined) {
        reject(new DrawbridgeError('store_unavailable', 'The call history is not open yet. Try again in a moment.'));
        return;
      }
      flush();
      configure(worker);
      const id = nextQuery++;
      queries.set(id, { resolve, reject });
      worker.postMessage({ type: 'query', id, query } satisfies ToWorker);
    });

  /** The store can't be had: for now, or until the next start. */
  const refuse = (why: string, lasting: boolean): void => {
    store = 'closed';
    dropBatch();
    retryAt = lasting ? Infinity : clock.monotonic() + RETRY_MS;
    setState('failed', why);
    opened();
  };

  /** Asks the worker to open the store. `locked`: it wants a key, whatever the settings say. */
  const askToOpen = async (locked: boolean): Promise<void> => {
    const to = worker;
    const seal = options.settings().seal === true;
    const key = seal || locked ? await options.sealKey?.() : undefined;
    if ((seal || locked) && key === undefined)
      throw new DrawbridgeError('store_unavailable', 'The call history is encrypted, and there is no key for it.');
    // Meanwhile it may have died, or be stopped.
    if (to === undefined || to !== worker || store !== 'waiting') return;
    store = 'opening';
    to.postMessage({
      type: 'open',
      file: options.file,
      formerFile: options.formerFile,
      now: clock.now(),
      places: options.places ?? NO_PLACES,
      seal,
      key: key ?? null,
      traced: options.traced?.() ?? false,
    } satisfies ToWorker);
    to.postMessage({ type: 'bridges', reports } satisfies ToWorker);
    flush();
  };

  const removing = async (query: Query): Promise<Removed> => {
    const answer = await ask(query);
    if (answer.kind !== 'removed') throw otherAnswer();
    calls = answer.count;
    storeBytes = answer.storeBytes;
    statusChanged();
    return answer.removed;
  };

  const openStore = async (locked: boolean): Promise<void> => {
    store = 'waiting';
    try {
      await askToOpen(locked);
    } catch (error) {
      log.error('capture.no_key', { error });
      refuse(error instanceof Error ? error.message : String(error), true);
    }
  };

  const startWorker = (): Worker => {
    // Run from source (tests) the worker is a .ts file; built, it is a file beside the engine's.
    const url = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './capture-worker.mjs', import.meta.url);
    const made = new Worker(url, { name: 'capture', env: {}, execArgv: [], resourceLimits: { maxYoungGenerationSizeMb: 16 } });
    made.unref();
    made.on('message', onMessage);
    let died: Error | undefined;
    made.on('error', (error) => (died = error));
    made.on('exit', (code) => {
      if (started) bury(died ?? new Error(`it ended with code ${code}`));
    });
    told = undefined;
    return made;
  };

  /** The worker that was asked is gone. */
  const rejectQueries = (why: string): void => {
    for (const query of queries.values()) query.reject(new DrawbridgeError('store_unavailable', why));
    queries.clear();
  };

  /** What a worker that died held is lost, and counted. Another is started when there is something to do again. */
  const bury = (error: Error): void => {
    log.error('capture.worker_died', { error });
    worker = undefined;
    store = 'closed';
    lostUpTo = newest;
    const why = `The capture worker stopped: ${error.message}`;
    rejectQueries(why);
    dropBatch();
    dropped += pendingRecords;
    settle(pendingRecords, pendingBytes, [...lent.keys()]);
    retryAt = clock.monotonic() + Math.min(RETRY_MS * 2 ** deaths, LONGEST_RETRY_MS);
    deaths += 1;
    setState('failed', why);
    opened();
  };

  /** Starts again what a failure ended, once its time has come. */
  const revive = (): void => {
    if (!started || store !== 'closed' || clock.monotonic() < retryAt) return;
    try {
      worker ??= startWorker();
      void openStore(false);
    } catch (error) {
      refuse(error instanceof Error ? error.message : String(error), false);
    }
  };

  const recorder = createRecorder(
    {
      enabled: () => options.settings().enabled && !paused && (state !== 'failed' || clock.monotonic() >= retryAt),
      maxBodyBytes: () => options.settings().maxBodyBytes,
      post,
      giveBack,
      show,
      showBegun: (row) => tell(row, false),
    },
    clock,
  );

  return {
    recorder,
    start: () =>
      new Promise((resolve) => {
        opened = resolve;
        started = true;
        retryAt = 0;
        revive();
      }),
    status: () => ({
      state: paused || !options.settings().enabled ? 'paused' : state,
      reason: paused ? 'Paused by you. Calls go on and are not kept.' : reason,
      calls,
      dropped,
      pendingBytes,
      storeBytes,
    }),
    pause(value) {
      paused = value;
      statusChanged();
    },
    async list(limit, before, filter, query) {
      const answer = await ask({ kind: 'list', listing: { limit, before, filter, query, now: clock.now() } });
      return answer.kind === 'list' ? answer.calls : [];
    },
    async get(id) {
      const answer = await ask({ kind: 'call', id });
      return answer.kind === 'call' ? answer.stored : null;
    },
    async facets() {
      const answer = await ask({ kind: 'facets' });
      return answer.kind === 'facets' ? answer : { clients: [], callers: [], upstreams: [], models: [] };
    },
    async ask(query) {
      const answer = await ask(query);
      if (!isKind(answer, query.kind)) throw new DrawbridgeError('failed', 'The store gave another answer than was asked for.');
      return answer;
    },
    async import(lines, firstLine) {
      const answer = await ask({ kind: 'import', lines, firstLine });
      if (answer.kind !== 'imported') throw otherAnswer();
      calls = answer.count;
      storeBytes = answer.storeBytes;
      statusChanged();
      return answer.imported;
    },
    bridges(next) {
      const told = JSON.stringify(next);
      if (told === JSON.stringify(reports)) return;
      reports = next;
      worker?.postMessage({ type: 'bridges', reports } satisfies ToWorker);
    },
    async activity() {
      const answer = await ask({ kind: 'activity', fromId: idAt(clock.now() - 3_600_000) });
      if (answer.kind !== 'activity') throw otherAnswer();
      return answer.activity;
    },
    async sizes() {
      const answer = await ask({ kind: 'sizes' });
      if (answer.kind !== 'sizes') throw otherAnswer();
      return answer.sizes;
    },
    async purge(scope, dryRun) {
      const removed = await removing({ kind: 'purge', scope, dryRun, now: clock.now() });
      if (scope.kind === 'all' && !dryRun && movedAside !== null) {
        movedAside = null;
        statusChanged();
      }
      return removed;
    },
    retain: () => removing({ kind: 'retain', now: clock.now() }),
    async check() {
      const answer = await ask({ kind: 'check', now: clock.now() });
      if (answer.kind !== 'checked') throw otherAnswer();
      return answer.checked;
    },
    onCalls(listener) {
      callListeners.add(listener);
      return () => void callListeners.delete(listener);
    },
    onStatus(listener) {
      statusListeners.add(listener);
      return () => void statusListeners.delete(listener);
    },
    onRemoved(listener) {
      removedListeners.add(listener);
      return () => void removedListeners.delete(listener);
    },
    movedAside: () => movedAside,
    async stop() {
      started = false;
      store = 'closed';
      const current = worker;
      if (current !== undefined) {
        flush();
        await new Promise<void>((resolve) => {
          current.once('exit', () => resolve());
          current.postMessage({ type: 'close' } satisfies ToWorker);
        });
        worker = undefined;
      }
      rejectQueries('Drawbridge is stopping. Ask again when it has started anew.');
      tellShown();
    },
  };
}

function isKind<Kind extends Answer['kind']>(answer: Answer, kind: Kind): answer is Extract<Answer, { kind: Kind }> {
  return answer.kind === kind;
}

function otherAnswer(): DrawbridgeError {
  return new DrawbridgeError('failed', 'The store gave another answer than was asked for.');
}
