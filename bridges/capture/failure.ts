import Database from 'better-sqlite3';

/** A disk, or a share of it, that is full. SQLite tells some of it as failed writes. */
export function isFull(error: unknown): boolean {
  if (!(error instanceof Database.SqliteError)) return false;
  return error.code === 'SQLITE_FULL' || error.code === 'SQLITE_IOERR_WRITE' || error.code === 'SQLITE_IOERR_SHMSIZE';
}

/** Why something could not be kept, for the owner of the history. */
export function reasonOf(error: unknown): string {
  if (isFull(error)) return 'The disk is full. Make room, or remove calls: capturing goes on by itself then.';
  return error instanceof Error ? error.message : String(error);
}
