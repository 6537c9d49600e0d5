import { statSync } from 'node:fs';
import type { Integrity, StoreSizes } from '../contract/index.ts';
import { lastId } from './collect.ts';
import type { Slices } from './jobs.ts';
import type { Store } from './store.ts';

/** What takes the room. Reads the size of each table from the pages themselves. */
export function sizes(store: Store): StoreSizes {
  const ends = store.read
    .prepare<[], { oldest: number | null; newest: number | null }>(
      'select (select started_ms from calls order by id limit 1) as oldest, (select started_ms from calls order by id desc limit 1) as newest',
    )
    .get();
  const parts = new Map<StoreSizes['parts'][number]['part'], number>();
  const tables = store.read.prepare<[], { name: string; bytes: number }>('select name, pgsize as bytes from dbstat where aggregate = true');
  for (const { name, bytes } of tables.all()) {
    const part = /segments|recipes|blocks/.test(name)
      ? 'messages'
      : /exchanges|heads/.test(name)
        ? 'bodies'
        : name.startsWith('search')
          ? 'search'
          : name.startsWith('calls')
            ? 'rows'
            : 'other';
    parts.set(part, (parts.get(part) ?? 0) + bytes);
  }
  const iso = (time: number | null | undefined): string | null => (time == null ? null : new Date(time).toISOString());
  return {
    path: store.file,
    calls: store.count,
    oldest: iso(ends?.oldest),
    newest: iso(ends?.newest),
    diskBytes: store.size() + (statSync(`${store.file}-ballast`, { throwIfNoEntry: false })?.size ?? 0),
    freeBytes: freePages(store) * pragma(store, 'page_size'),
    wireBytes: store.read.prepare<[], number | null>('select sum(request_bytes + reply_bytes) from calls').pluck().get() ?? 0,
    parts: [...parts].map(([part, bytes]) => ({ part, bytes })).sort((a, b) => b.bytes - a.bytes),
    encrypted: store.seal.encrypted,
  };
}

/** Reads everything: SQLite's own check, then each call's bodies. */
export function* check(store: Store, now: number): Slices<Pick<Integrity, 'ok' | 'problems' | 'checkedAt' | 'bodiesRead'>> {
  const problems: string[] = [];
  // On the connection that writes: FTS5 takes another connection's recent changes for damage.
  for (const line of store.db.prepare<[], string>('pragma integrity_check(20)').pluck().all()) if (line !== 'ok') problems.push(line);
  let bodiesRead = 0;
  const ids = store.read
    .prepare<[number], number>(`select call from exchanges where call > ? and id <= ${lastId(store, 'exchanges')} order by call limit 20`)
    .pluck();
  for (let at = -1, page = ids.all(at); page.length > 0 && problems.length < 20; page = ids.all(at)) {
    yield;
    for (const id of page) {
      try {
        bodiesRead += store.sides(id).filter((side) => side.body !== null).length;
      } catch (error) {
        problems.push(`call ${id}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    at = page.at(-1) ?? at;
  }
  return { ok: problems.length === 0, problems, checkedAt: new Date(now).toISOString(), bodiesRead };
}

/** Bytes of the pages that are in use. */
export function usedBytes(store: Store): number {
  return (pragma(store, 'page_count') - freePages(store)) * pragma(store, 'page_size');
}

export function freePages(store: Store): number {
  return pragma(store, 'freelist_count');
}

function pragma(store: Store, name: string): number {
  return Number(store.db.pragma(name, { simple: true }));
}
