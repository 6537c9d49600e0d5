import type { Call, Usage } from '../contract/index.ts';

/** The sides of an exchange whose bytes are kept. Where a call was not translated, the client's stand for both. */
export const SIDES = ['clientRequest', 'clientReply', 'upstreamRequest', 'upstreamReply'] as const;
export type Side = (typeof SIDES)[number];

/**
 * One side: redacted headers as a JSON array of pairs, and the body in the pieces it was collected in. `isPart` where the
 * body went on after them. `room` is the number of the shared memory it stands in, where it is to be told when nothing
 * refers to that any more.
 */
export type SideRecord = { side: Side; headers: string; body: Uint8Array[] | null; isPart?: true; room?: number };

/** What is known of a call when it begins. `row` is the calls row as JSON, without what only its end tells. */
export type BeginRecord = { kind: 'begin'; id: number; row: string; sides: SideRecord[] };

/** What a call's end adds. Numbers as in Call. */
export type EndRecord = {
  kind: 'end';
  id: number;
  row: string;
  sides: SideRecord[];
  /** Chunk arrivals, flattened pairs: byte offset, milliseconds since the start. */
  timeline: Float64Array | null;
};

/** A call that began and ended before its beginning was written down. */
export type WholeRecord = Omit<EndRecord, 'kind'> & { kind: 'whole' };

export type CaptureRecord = BeginRecord | EndRecord | WholeRecord;

/** What the projector reads out of a reply. */
export type Projection = { modelUsed: string | null; usage: Usage | null; toolCalls: number | null; complete: boolean };

/**
 * The fields of a row that are unknown until a reply has been read. Of a part of one only its beginning is told: not how
 * it ended, nor what it counted.
 */
export function applyProjection(call: Call, projection: Projection, isPart: boolean): Call {
  if (isPart) return { ...call, modelUsed: projection.modelUsed ?? call.modelUsed };
  const cut = call.cut || (call.streamed && call.status !== null && call.status < 400 && !projection.complete);
  return {
    ...call,
    modelUsed: projection.modelUsed ?? call.modelUsed,
    usage: projection.usage ?? call.usage,
    ...(projection.toolCalls !== null && { toolCalls: projection.toolCalls }),
    cut,
    state: cut ? 'cut' : call.state,
  };
}
