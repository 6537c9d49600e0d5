import { closeSync, openSync, rmSync, statfsSync, statSync, writeSync } from 'node:fs';
import path from 'node:path';

const BALLAST_BYTES = 16 * 1024 * 1024;
/** It is not set aside where it would itself fill the disk. */
const ROOM = 8 * BALLAST_BYTES;

/**
 * On a full disk SQLite can't even remove: that needs room for its log. So some is set aside beside the database, to
 * be given up when calls are to be removed.
 */
export function keepBallast(file: string): void {
  const ballast = `${file}-ballast`;
  try {
    if (statSync(ballast, { throwIfNoEntry: false }) !== undefined) return;
    const disk = statfsSync(path.dirname(file));
    if (disk.bavail * disk.bsize < ROOM) return;
    const handle = openSync(ballast, 'wx', 0o600);
    try {
      const block = Buffer.alloc(1024 * 1024);
      for (let written = 0; written < BALLAST_BYTES; written += block.length) writeSync(handle, block);
    } finally {
      closeSync(handle);
    }
  } catch {
    // Without it everything works but removing from a full disk.
    rmSync(ballast, { force: true });
  }
}

export function releaseBallast(file: string): void {
  rmSync(`${file}-ballast`, { force: true });
}
