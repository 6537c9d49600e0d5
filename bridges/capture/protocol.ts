import type { Activity, Call, CallFilter } from '../contract/index.ts';
import type { MeaningAnswer, MeaningPlaces, MeaningQuery } from './meaning.ts';
import type { CaptureRecord } from './record.ts';
import type { BridgeReport } from './usage/quotas.ts';
import type { StoredCall } from './worker.ts';

/** What the engine's main thread and the capture worker say to each other. */
export type ToWorker =
  | { type: 'open'; file: string; formerFile: string | undefined; now: number; places: MeaningPlaces }
  /** `show`: the rows are wanted back, as they were stored. */
  | { type: 'records'; records: CaptureRecord[]; bytes: number; show: boolean }
  /** How the bridges are signed in, and what their providers say of their limits. */
  | { type: 'bridges'; reports: readonly BridgeReport[] }
  | { type: 'query'; id: number; query: Query }
  | { type: 'close' };

export type FromWorker =
  | { type: 'opened'; calls: number; storeBytes: number; movedAside: string | null }
  | { type: 'failed'; reason: string }
  /** So many records are on disk, and `bytes` of the backlog done. */
  | { type: 'stored'; calls: Call[]; records: number; bytes: number; count: number; storeBytes: number }
  /** These could not be written (a full disk); the calls themselves went on. */
  | { type: 'unstored'; calls: Call[]; records: number; bytes: number; reason: string }
  | { type: 'answer'; id: number; answer: Answer }
  | { type: 'refused'; id: number; reason: string }
  /** Something was passed over that a person may want to know of. */
  | { type: 'warned'; message: string }
  | { type: 'closed' };

export type Query =
  | { kind: 'list'; limit: number; before: number | undefined; filter: CallFilter }
  | { kind: 'call'; id: number }
  | { kind: 'facets' }
  | { kind: 'activity'; fromId: number }
  | MeaningQuery;

export type Answer =
  | { kind: 'list'; calls: Call[] }
  | { kind: 'call'; stored: StoredCall | null }
  | { kind: 'facets'; clients: string[]; callers: string[]; upstreams: string[]; models: string[] }
  | { kind: 'activity'; activity: Activity }
  | MeaningAnswer;
