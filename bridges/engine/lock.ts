import Database from 'better-sqlite3';
import { DrawbridgeError } from '../contract/errors.ts';

/** Milliseconds between two looks at a lock that somebody else holds. */
const LOOK_MS = 50;

/**
 * Does work while no other process with this state folder does it. The lock is SQLite's own on a file, so the system
 * frees it when its holder dies: there is no stale lock to judge by age. Throws `failed` with the sentence `busy` after
 * `patienceMs`.
 */
export async function withLock<T>(
  file: string,
  { patienceMs, busy }: { patienceMs: number; busy: string },
  work: () => Promise<T>,
): Promise<T> {
  const database = new Database(file, { timeout: 0 });
  try {
    for (let waited = 0; !taken(database); waited += LOOK_MS) {
      if (waited >= patienceMs) throw new DrawbridgeError('failed', busy);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    return await work();
  } finally {
    database.close();
  }
}

function taken(database: Database.Database): boolean {
  try {
    database.exec('BEGIN EXCLUSIVE');
    return true;
  } catch (error) {
    if (error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY')) return false;
    throw error;
  }
}
