import { readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';

const MARK = '.damaged-';

/**
 * Moves a database that is damaged out of the way, with what is still in its log: whoever saves calls out of it needs
 * both. Nobody may have it open. Returns where it is now. `now` is Unix milliseconds.
 */
export function moveAside(file: string, now: number): string {
  const aside = `${file}${MARK}${new Date(now).toISOString().replace(/[:.]/g, '-')}`;
  if (statSync(`${file}-wal`, { throwIfNoEntry: false }) !== undefined) renameSync(`${file}-wal`, `${aside}-wal`);
  renameSync(file, aside);
  return aside;
}

/** The damaged databases that were moved out of the way of this one. */
export function movedAside(file: string): string[] {
  return filesAside(file).filter((aside) => !/-(?:wal|shm)$/.test(aside));
}

/** Removes them, with their logs. */
export function removeAside(file: string): void {
  for (const aside of filesAside(file)) rmSync(aside, { force: true });
}

function filesAside(file: string): string[] {
  const folder = path.dirname(file);
  return readdirSync(folder)
    .filter((name) => name.startsWith(`${path.basename(file)}${MARK}`))
    .toSorted()
    .map((name) => path.join(folder, name));
}
