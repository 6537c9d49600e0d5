import type { Activity, Call, CallFilter } from '../contract/index.ts';
import type { CaptureRecord } from './record.ts';
import type { StoredCall } from './worker.ts';

/** What the engine's main thread and the capture worker say to each other. */
export type ToWorker =
  | { type: 'open'; file: string; now: number }
  /** `show`: the rows are wanted back, as they were stored. */
  | { type: 'records'; records: CaptureRecord[]; bytes: number; show: boolean }
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
  | { type: 'closed' };

export type Query =
  | { kind: 'list'; limit: number; before: number | undefined; filter: CallFilter }
  | { kind: 'call'; id: number }
  | { kind: 'facets' }
  | { kind: 'activity'; fromId: number };

export type Answer =
  | { kind: 'list'; calls: Call[] }
  | { kind: 'call'; stored: StoredCall | null }
  | { kind: 'facets'; clients: string[]; callers: string[]; upstreams: string[]; models: string[] }
  | { kind: 'activity'; activity: Activity };
