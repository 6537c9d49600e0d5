import type { PurgeScope, Removed, Settings } from '../contract/index.ts';
import { movedAside, removeAside } from './aside.ts';
import { collect } from './collect.ts';
import { freePages, usedBytes } from './health.ts';
import type { Slices } from './jobs.ts';
import { idAt } from './recorder.ts';
import { findCalls } from './search.ts';
import type { Store } from './store.ts';

export type Retention = Settings['capture']['retention'];

/** So many calls are removed at a time: a few milliseconds. */
const CALLS = 100;
/** So many pages are given back, or merged, at a time. */
const PAGES = 500;
/** Of a store that is too large, so much more is removed than must be, so that it does not come again at once. */
const SLACK = 0.95;

/**
 * Removes calls and all they said. Afterwards no file of the store holds a word of it, but for a damaged one that was
 * moved aside: nothing can be removed from that, so it goes with all calls, and is named otherwise.
 */
export function* purge(store: Store, scope: PurgeScope, dryRun: boolean, now: number): Slices<Removed> {
  const bytesBefore = store.size();
  const ids = wanted(store, scope, now);
  const damaged = movedAside(store.file);
  if (dryRun) return { calls: ids.length, bytesBefore, bytesAfter: bytesBefore, damaged };
  yield* removeCalls(store, ids);
  yield* collect(store);
  yield* forgetWords(store);
  // Rebuilds the file from what is left: pages that were moved about may hold copies of what was on them.
  store.db.exec('vacuum');
  store.checkpoint();
  if (scope.kind === 'all') removeAside(store.file);
  return { calls: ids.length, bytesBefore, bytesAfter: store.size(), damaged };
}

function wanted(store: Store, scope: PurgeScope, now: number): number[] {
  const ids = (where: string, ...values: number[]): number[] =>
    store.db
      .prepare<number[], number>(`select id from calls ${where}`)
      .pluck()
      .all(...values);
  switch (scope.kind) {
    case 'all':
      return ids('');
    case 'before':
      return ids('where id < ?', idAt(Date.parse(scope.time)));
    case 'query':
      return findCalls(store.read, scope.query, now, store.seal.encrypted);
    case 'calls':
      return scope.ids.flatMap((id) => ids('where id = ?', id));
  }
}

/** Removes what is older, or more, than the settings keep; oldest first. */
export function* retain(store: Store, { days, maxBytes }: Retention, now: number): Slices<Removed> {
  const bytesBefore = store.size();
  let calls = 0;
  if (days !== null) {
    const old = oldest(store, 'where id < ?', idAt(now - days * 86_400_000), -1);
    calls += old.length;
    yield* removeCalls(store, old);
    if (old.length > 0) yield* collect(store);
  }
  // What a call holds alone is not known beforehand: a share goes, and what it freed is counted.
  const most = maxBytes ?? Infinity;
  for (let used = usedBytes(store); used > most && store.count > 0; used = usedBytes(store)) {
    const share = 1 - (SLACK * most) / used;
    const old = oldest(store, '', undefined, Math.max(1, Math.ceil(store.count * share)));
    if (old.length === 0) break;
    calls += old.length;
    yield* removeCalls(store, old);
    yield* collect(store);
  }
  if (calls > 0) {
    yield* forgetWords(store);
    yield* shrink(store);
  }
  return { calls, bytesBefore, bytesAfter: store.size(), damaged: movedAside(store.file) };
}

function oldest(store: Store, where: string, value: number | undefined, limit: number): number[] {
  return store.db
    .prepare<number[], number>(`select id from calls ${where} order by id limit ?`)
    .pluck()
    .all(...(value === undefined ? [] : [value]), limit);
}

function* removeCalls(store: Store, ids: readonly number[]): Slices<void> {
  for (let at = 0; at < ids.length; at += CALLS) {
    store.transaction(() => store.remove(ids.slice(at, at + CALLS)));
    yield;
  }
}

/** Gives pages that are free back to the file system, a few at a time. */
function* shrink(store: Store): Slices<void> {
  while (freePages(store) > PAGES) {
    store.db.pragma(`incremental_vacuum(${PAGES})`);
    yield;
  }
  store.checkpoint();
}

/** Words of removed calls are only marked in the search index until its parts are merged. */
function* forgetWords(store: Store): Slices<void> {
  const merge = store.db.prepare("insert into search (search, rank) values ('merge', ?)");
  const changes = store.db.prepare<[], number>('select total_changes()').pluck();
  // A negative number begins a merge of all parts into one; positive ones go on with it.
  for (let pages = -PAGES; ; pages = PAGES) {
    const before = changes.get() ?? 0;
    merge.run(pages);
    if ((changes.get() ?? 0) - before < 2) return;
    yield;
  }
}
