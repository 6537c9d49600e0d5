import { renameSync, rmSync } from 'node:fs';
import Database from 'better-sqlite3';
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

/**
 * Writes a whole store anew under another seal, and puts it in the place of the one before. Until that is done the old
 * one stays as it is: who is stopped in the middle begins again. Takes about a millisecond a call, and as much disk again.
 */
export function reseal(file: string, now: number, from: Seal, to: Seal, followers: readonly FollowerMaker[]): void {
  const next = `${file}-next`;
  removeStore(next);
  const old = Store.open(file, now, { seal: from, followers: [] }).store;
  const made = Store.open(next, now, { seal: to, followers }).store;
  try {
    const page = old.read.prepare<[number, number], { id: number; folder: string | null }>(
      'select id, folder from calls where id > ? order by id limit ?',
    );
    for (let rows = page.all(-1, AT_ONCE); rows.length > 0; rows = page.all(rows.at(-1)?.id ?? 0, AT_ONCE)) {
      made.transaction(() => {
        for (const { id, folder } of rows) {
          const call = old.call(id);
          if (call === undefined) continue;
          const points = old.timeline(id).flat();
          made.write({ call, ends: true, folder, sides: old.sides(id), timeline: points.length === 0 ? null : Float64Array.from(points) });
        }
      });
    }
    takeTables(made.db, file);
  } finally {
    old.close();
    made.close();
  }
  renameSync(next, file);
  for (const suffix of ['-wal', '-shm']) rmSync(`${file}${suffix}`, { force: true });
}

function takeTables(db: Database.Database, file: string): void {
  db.prepare('attach ? as former').run(file);
  db.transaction(() => {
    for (const table of KEPT_TABLES) db.exec(`delete from main.${table}; insert into main.${table} select * from former.${table};`);
  })();
  db.exec('detach former');
}

function removeStore(file: string): void {
  for (const suffix of ['', '-wal', '-shm', '-open']) rmSync(`${file}${suffix}`, { force: true });
}
