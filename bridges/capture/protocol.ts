import type { ErrorCode } from '../contract/errors.ts';
import type { Activity, Call, Imported, Integrity, PurgeScope, Removed, Settings, StoreSizes } from '../contract/index.ts';
import type { ExportAnswer, ExportQuery } from './export/ask.ts';
import type { MeaningAnswer, MeaningPlaces, MeaningQuery } from './meaning.ts';
import type { Parcel } from './parcel.ts';
import type { Listing } from './search.ts';
import type { BridgeReport } from './usage/quotas.ts';
import type { StoredCall } from './worker.ts';

/** What the engine's main thread and the capture worker say to each other. */
export type ToWorker =
  /**
   * `seal`: whether what calls say is to be encrypted; `key`: with what, where it is at hand. `traced`: each statement that
   * answers a question is to be told.
   */
  | {
      type: 'open';
      file: string;
      formerFile: string | undefined;
      now: number;
      places: MeaningPlaces;
      seal: boolean;
      key: Uint8Array | null;
      traced: boolean;
    }
  /** `show`: the rows are wanted back, as they were stored. */
  | { type: 'records'; parcel: Parcel; bytes: number; show: boolean }
  /** How the bridges are signed in, and what their providers say of their limits. */
  | { type: 'bridges'; reports: readonly BridgeReport[] }
  | { type: 'query'; id: number; query: Query }
  /** What the settings say of keeping calls; sent before the first records and at each change. */
  | { type: 'configure'; keeping: Keeping }
  | { type: 'close' };

export type FromWorker =
  | { type: 'opened'; calls: number; storeBytes: number; movedAside: string | null; thread: number | null }
  /** The store could not be opened. `lasting`: nor will it be, as things are. */
  | { type: 'failed'; reason: string; lasting: boolean }
  /** The store is encrypted and was opened without a key. */
  | { type: 'locked' }
  /**
   * So many records are on disk, and `bytes` of the backlog done. `dropped`: those among them that could not be taken in
   * after all, and why the first. `rooms`: those nothing here refers to any more.
   */
  | {
      type: 'stored';
      calls: Call[];
      records: number;
      bytes: number;
      dropped: { records: number; reason: string } | null;
      rooms: number[];
      count: number;
      storeBytes: number;
    }
  /** These could not be written (a full disk); the calls themselves went on. */
  | { type: 'unstored'; calls: Call[]; records: number; bytes: number; rooms: number[]; reason: string }
  | { type: 'answer'; id: number; answer: Answer }
  | { type: 'refused'; id: number; reason: string; code: ErrorCode }
  /** Calls were removed since the last time this was said. */
  | { type: 'removed' }
  /** Something was passed over that a person may want to know of. */
  | { type: 'warned'; message: string }
  /** A question took long. Milliseconds. */
  | { type: 'slow'; query: Query['kind']; ms: number }
  /** A statement that answers a question, without what it asked for. */
  | { type: 'asked'; sql: string }
  | { type: 'closed' };

export type Query =
  | { kind: 'list'; listing: Listing }
  | { kind: 'call'; id: number }
  | { kind: 'facets' }
  | { kind: 'activity'; fromId: number }
  | { kind: 'sizes' }
  | { kind: 'purge'; scope: PurgeScope; dryRun: boolean; now: number }
  | { kind: 'retain'; now: number }
  | { kind: 'check'; now: number }
  /** Lines of an export; `firstLine` is the number of the first of them in its file. */
  | { kind: 'import'; lines: readonly string[]; firstLine: number }
  | ExportQuery
  | MeaningQuery;

export type Answer =
  | { kind: 'list'; calls: Call[] }
  | { kind: 'call'; stored: StoredCall | null }
  | { kind: 'facets'; clients: string[]; callers: string[]; upstreams: string[]; models: string[] }
  | { kind: 'activity'; activity: Activity }
  | { kind: 'sizes'; sizes: StoreSizes }
  | { kind: 'removed'; removed: Removed; count: number; storeBytes: number }
  | { kind: 'checked'; checked: Checked }
  | { kind: 'imported'; imported: Imported; count: number; storeBytes: number }
  | ExportAnswer
  | MeaningAnswer;

export type Checked = Pick<Integrity, 'ok' | 'problems' | 'checkedAt' | 'bodiesRead'>;

export type Keeping = Pick<Settings['capture'], 'folders' | 'replies' | 'retention'>;
