import { existsSync, renameSync, rmSync } from 'node:fs';

/**
 * Brings a database from where it stood in earlier versions to where it stands now, with its write-ahead log; nothing
 * happens where there is one already. The log goes first: a database without its log would lose what is in it, and
 * after a crash in between the next start goes on.
 */
export function takePlace(former: string, file: string): void {
  if (!existsSync(former) || existsSync(file)) return;
  if (existsSync(`${former}-wal`)) renameSync(`${former}-wal`, `${file}-wal`);
  rmSync(`${former}-shm`, { force: true });
  renameSync(former, file);
}
