import type { Call, Loss, WireFormat } from '../contract/index.ts';

const STATES = ['open', 'done', 'cut'] as const;

/**
 * Columns of the calls table that make up a Call, in the order of `toRow`, and what tells them: a call's beginning, or its
 * end. To write all of them at its end would be to write all their indexes again.
 */
const TOLD_BY: Readonly<Record<keyof Row, 'beginning' | 'end'>> = {
  id: 'beginning',
  started_ms: 'beginning',
  state: 'end',
  client: 'beginning',
  client_version: 'beginning',
  caller: 'beginning',
  method: 'beginning',
  path: 'beginning',
  route: 'beginning',
  upstream: 'beginning',
  wire_in: 'beginning',
  wire_out: 'beginning',
  model_requested: 'beginning',
  model_used: 'end',
  status: 'end',
  streamed: 'end',
  ttfb_ms: 'end',
  duration_ms: 'end',
  request_bytes: 'beginning',
  reply_bytes: 'end',
  tokens_input: 'end',
  tokens_cached: 'end',
  tokens_cache_write: 'end',
  tokens_output: 'end',
  tokens_reasoning: 'end',
  tool_calls: 'end',
  lost: 'end',
  error: 'end',
  replay_of: 'beginning',
};
const AT_END = Object.values(TOLD_BY).map((by) => by === 'end');

export const COLUMNS = Object.keys(TOLD_BY);
export const TOLD_AT_END = COLUMNS.filter((_, i) => AT_END[i]);

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
  tool_calls: number | null;
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
    call.toolCalls ?? null,
    call.lost.length > 0 ? JSON.stringify(call.lost) : null,
    call.error,
    call.replayOf ?? null,
  ];
}

/** Of values in the order of COLUMNS, those of TOLD_AT_END. */
export function endOf<Value>(row: readonly Value[]): Value[] {
  return row.filter((_, i) => AT_END[i]);
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
    ...(row.tool_calls === null ? {} : { toolCalls: row.tool_calls }),
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
