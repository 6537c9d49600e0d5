import type { Call, Loss, WireFormat } from '../contract/index.ts';

const STATES = ['open', 'done', 'cut'] as const;

/** Columns of the calls table that make up a Call, in the order of `toRow`. */
export const COLUMNS = [
  'id',
  'started_ms',
  'state',
  'client',
  'client_version',
  'caller',
  'method',
  'path',
  'route',
  'upstream',
  'wire_in',
  'wire_out',
  'model_requested',
  'model_used',
  'status',
  'streamed',
  'ttfb_ms',
  'duration_ms',
  'request_bytes',
  'reply_bytes',
  'tokens_input',
  'tokens_cached',
  'tokens_cache_write',
  'tokens_output',
  'tokens_reasoning',
  'lost',
  'error',
  'replay_of',
] as const;

/** What a call's beginning does not tell yet. To write the others again would be to write all their indexes again. */
export const TOLD_AT_END = [
  'state',
  'model_used',
  'status',
  'streamed',
  'ttfb_ms',
  'duration_ms',
  'reply_bytes',
  'tokens_input',
  'tokens_cached',
  'tokens_cache_write',
  'tokens_output',
  'tokens_reasoning',
  'lost',
  'error',
] as const satisfies (typeof COLUMNS)[number][];

export type Row = {
  id: number;
  started_ms: number;
  state: number;
  client: string;
  client_version: string | null;
  caller: string | null;
  method: string;
  path: string;
  route: string | null;
  upstream: string | null;
  wire_in: WireFormat | null;
  wire_out: WireFormat | null;
  model_requested: string | null;
  model_used: string | null;
  status: number | null;
  streamed: number;
  ttfb_ms: number | null;
  duration_ms: number | null;
  request_bytes: number;
  reply_bytes: number;
  tokens_input: number | null;
  tokens_cached: number | null;
  tokens_cache_write: number | null;
  tokens_output: number | null;
  tokens_reasoning: number | null;
  lost: string | null;
  error: string | null;
  replay_of: number | null;
};

/** Values in the order of COLUMNS. */
export function toRow(call: Call): (string | number | null)[] {
  return [
    call.id,
    Date.parse(call.startedAt),
    STATES.indexOf(call.state),
    call.client,
    call.clientVersion,
    call.caller,
    call.method,
    call.path,
    call.route,
    call.upstream,
    call.wireIn,
    call.wireOut,
    call.modelRequested,
    call.modelUsed,
    call.status,
    call.streamed ? 1 : 0,
    call.ttfbMs,
    call.durationMs,
    call.requestBytes,
    call.replyBytes,
    call.usage?.input ?? null,
    call.usage?.cached ?? null,
    call.usage?.cacheWrite ?? null,
    call.usage?.output ?? null,
    call.usage?.reasoning ?? null,
    call.lost.length > 0 ? JSON.stringify(call.lost) : null,
    call.error,
    call.replayOf ?? null,
  ];
}

const AT_END = TOLD_AT_END.map((column) => COLUMNS.indexOf(column));

/** Values in the order of TOLD_AT_END, of those in the order of COLUMNS. */
export function endOf(row: readonly (string | number | null)[]): (string | number | null)[] {
  return AT_END.map((i) => row[i] ?? null);
}

export function fromRow(row: Row): Call {
  const state = STATES[row.state] ?? 'done';
  const counts = [row.tokens_input, row.tokens_cached, row.tokens_cache_write, row.tokens_output, row.tokens_reasoning];
  return {
    id: row.id,
    startedAt: new Date(row.started_ms).toISOString(),
    state,
    client: row.client,
    clientVersion: row.client_version,
    caller: row.caller,
    method: row.method,
    path: row.path,
    route: row.route,
    upstream: row.upstream,
    wireIn: row.wire_in,
    wireOut: row.wire_out,
    modelRequested: row.model_requested,
    modelUsed: row.model_used,
    status: row.status,
    streamed: row.streamed === 1,
    cut: state === 'cut',
    ttfbMs: row.ttfb_ms,
    durationMs: row.duration_ms,
    requestBytes: row.request_bytes,
    replyBytes: row.reply_bytes,
    usage: counts.every((value) => value === null)
      ? null
      : {
          input: row.tokens_input,
          cached: row.tokens_cached,
          cacheWrite: row.tokens_cache_write,
          output: row.tokens_output,
          reasoning: row.tokens_reasoning,
        },
    lost: row.lost === null ? [] : readLost(row.lost),
    error: row.error,
    ...(row.replay_of === null ? {} : { replayOf: row.replay_of }),
  };
}

function readLost(json: string): Loss[] {
  const value: unknown = JSON.parse(json);
  return Array.isArray(value)
    ? value.filter((entry): entry is Loss => typeof entry?.path === 'string' && typeof entry?.why === 'string')
    : [];
}
