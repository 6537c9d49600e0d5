import { oc } from '@orpc/contract';
import { z } from 'zod';
import { CaptureStatus } from './schemas.ts';

const none = z.object({}).default({});

/** What the store is made of, and how much it holds. Bytes. */
export const StoreSizes = z.object({
  /** The database file. */
  path: z.string(),
  calls: z.number().int(),
  /** When the oldest and the newest call began, ISO 8601; null where there is none. */
  oldest: z.string().nullable(),
  newest: z.string().nullable(),
  /** All on disk: the database, its write-ahead log, and what is set aside for a full disk. */
  diskBytes: z.number().int(),
  /** Room inside the database that new calls will take first. */
  freeBytes: z.number().int(),
  /** What the kept calls were over the wire. */
  wireBytes: z.number().int(),
  /** What takes the room, largest first. */
  parts: z.array(z.object({ part: z.enum(['messages', 'bodies', 'rows', 'search', 'other']), bytes: z.number().int() })),
  encrypted: z.boolean(),
});

/** Which calls to remove. */
export const PurgeScope = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('all') }),
  /** Calls that began before this time. */
  z.object({ kind: z.literal('before'), time: z.iso.datetime() }),
  /** Calls that a query finds; see docs/search.md. */
  z.object({ kind: z.literal('query'), query: z.string().min(1).max(2000) }),
  z.object({ kind: z.literal('calls'), ids: z.array(z.number().int()).min(1).max(10_000) }),
]);

export const Removed = z.object({
  calls: z.number().int(),
  /** Bytes of the store on disk, before and after. */
  bytesBefore: z.number().int(),
  bytesAfter: z.number().int(),
  /**
   * Damaged databases that were moved aside, and may still hold what these calls said: removed with all calls, left
   * where they are otherwise.
   */
  damaged: z.array(z.string()),
});

export const Integrity = z.object({
  /** True where every page, row, index and stored body is sound. */
  ok: z.boolean(),
  /** In words, the first few. */
  problems: z.array(z.string()),
  checkedAt: z.string(),
  /** Stored bodies that were put together again and compared in length. */
  bodiesRead: z.number().int(),
  /** Where a damaged database was moved when this engine started; null where none was. */
  movedAside: z.string().nullable(),
});

/** How calls are kept. Rules for folders and retention are settings (`capture.folders`, `capture.retention`). */
export const captureContract = {
  /** Until it is undone or the engine starts anew, calls go on and are not kept. */
  pause: oc.input(z.object({ paused: z.boolean() })).output(CaptureStatus),
  sizes: oc.input(none).output(StoreSizes),
  /**
   * Removes calls with all they said: their text is nowhere in the store's files afterwards. Databases that were moved
   * aside as damaged go with all calls alone; else they are named. With `dryRun` only counts them. Throws bad_input where the query can't be read.
   */
  purge: oc.input(z.object({ scope: PurgeScope, dryRun: z.boolean().default(false) })).output(Removed),
  /** Applies the retention settings now, instead of within the hour. */
  retain: oc.input(none).output(Removed),
  /** Reads the whole store through. Takes seconds on a large one; calls go on. */
  check: oc.input(none).output(Integrity),
};
