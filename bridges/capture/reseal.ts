import { renameSync, rmSync } from 'node:fs';
import Database from 'better-sqlite3';
import { moveAside } from './aside.ts';
import { isSealed } from './facts.ts';
import type { FollowerMaker } from './followers.ts';
import type { Seal } from './seal.ts';
import { isDamage, Store } from './store.ts';

/** So many calls are written in one transaction. */
const AT_ONCE = 64;
/** Sums outlive the calls they were made of: they are taken over, not made again. */
const KEPT_TABLES = ['usage_names', 'usage_hours', 'usage_accounts', 'usage_quotas'];

/** Whether a database is encrypted. Undefined where there is none, or one that can't be read. */
export function isSealedFile(file: string): boolean | undefined {
  let db: Database.Database;
  try {
    db = new Database(file, { readonly: true, fileMustExist: true });
  } catch {
    return undefined;
  }
  try {
    return isSealed(db);
  } catch (error) {
    if (isDamage(error)) return undefined;
    throw error;
  } finally {
    db.close();
  }
}

/** A damaged store that was met while one was written anew. It is kept as it was, in clear or not. */
export type LeftBehind = {
  file: string;
  seal: Seal;
  /** `calls`: there may be more in it that can be read. `words`: every call was taken over, not all of them with what they said. */
  lacks: 'calls' | 'words';
};

/**
 * Writes a whole store anew under another seal, and puts it in the place of the one before. Until that is done the old
 * one stays as it is: who is stopped in the middle begins again. Takes about a millisecond a call, and as much disk again.
 * What can't be read is left out; the old one is kept aside then.
 */
export function reseal(file: string, now: number, from: Seal, to: Seal, followers: readonly FollowerMaker[]): LeftBehind | null {
  const next = `${file}-next`;
  removeStore(next);
  // With those who follow it: what a killed run left open is cut here, and its sums are taken over.
  const { store: old, movedAside } = Store.open(file, now, { seal: from, followers });
  const made = Store.open(next, now, { seal: to, followers }).store;
  let lacks: LeftBehind['lacks'] | null = null;
  try {
    lacks = takeCalls(old, made);
    // Where calls are missing, their sums are made again when they are found.
    if (lacks !== 'calls' && readable(() => takeTables(made.db, file)) === undefined) lacks = 'words';
  } finally {
    try {
      old.close();
    } finally {
      made.close();
    }
  }
  const aside = movedAside ?? (lacks === null ? null : moveAside(file, now));
  renameSync(next, file);
  for (const suffix of ['-wal', '-shm']) rmSync(`${file}${suffix}`, { force: true });
  return aside === null ? null : { file: aside, seal: from, lacks: movedAside === null ? (lacks ?? 'words') : 'calls' };
}

/** Takes over every call that can be read. Says what is lacking. */
function takeCalls(old: Store, made: Store): LeftBehind['lacks'] | null {
  const page = old.read.prepare<[number, number], { id: number; folder: string | null }>(
    'select id, folder from calls where id > ? order by id limit ?',
  );
  let lacks: LeftBehind['lacks'] | null = null;
  for (let last = -1; ;) {
    const rows = readable(() => page.all(last, AT_ONCE));
    if (rows === undefined) return 'calls';
    if (rows.length === 0) return lacks;
    made.transaction(() => {
      for (const { id, folder } of rows) {
        const call = readable(() => old.call(id));
        const said = readable(() => ({ sides: old.sides(id), points: old.timeline(id).flat() }));
        if (call === undefined || said === undefined) lacks = 'words';
        if (call === undefined) continue;
        const { sides, points } = said ?? { sides: [], points: [] };
        made.write({ call, ends: true, folder, sides, timeline: points.length === 0 ? null : Float64Array.from(points) });
      }
    });
    last = rows.at(-1)?.id ?? last;
  }
}

/** Undefined where it can't be read. Throws what is no damage: a full disk, say. */
function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof Database.SqliteError && !isDamage(error)) throw error;
    return undefined;
  }
}

function takeTables(db: Database.Database, file: string): true {
  db.prepare('attach ? as former').run(file);
  db.transaction(() => {
    for (const table of KEPT_TABLES) db.exec(`delete from main.${table}; insert into main.${table} select * from former.${table};`);
  })();
  db.exec('detach former');
  return true;
}

function removeStore(file: string): void {
  for (const suffix of ['', '-wal', '-shm', '-open']) rmSync(`${file}${suffix}`, { force: true });
}
