import type { ErrorClient, RenderedError } from './codec.ts';
import { isFeatureRefused, retryAfterHeader } from './errors.ts';
import type { ErrorKind, JsonObject, TurnError } from './turn.ts';

type Row = {
  status: number;
  type: string;
  code: string | null;
  /** The upstream's own words say more than ours and are kept. */
  keeps?: 'code' | 'all';
  param?: string;
  /** Trying again can't help: clients are told so, whatever the status. */
  final?: boolean;
};

const INVALID = 'invalid_request_error';

/** The error table (SPEC 10.6) for clients of the two OpenAI formats. */
const ROWS: Readonly<Record<ErrorKind, Row>> = {
  key_rejected: { status: 401, type: INVALID, code: 'invalid_api_key', final: true },
  sign_in_needed: { status: 401, type: 'authentication_error', code: 'auth_required', final: true },
  not_entitled: { status: 403, type: 'permission_error', code: 'not_entitled', keeps: 'code', final: true },
  quota_exceeded: { status: 429, type: 'insufficient_quota', code: 'insufficient_quota', final: true },
  rate_limited: { status: 429, type: 'rate_limit_error', code: 'rate_limit_exceeded' },
  context_too_long: { status: 400, type: INVALID, code: 'context_length_exceeded', final: true },
  body_too_large: { status: 413, type: INVALID, code: 'request_too_large', final: true },
  invalid_request: { status: 400, type: INVALID, code: null, keeps: 'all', final: true },
  model_unknown: { status: 404, type: INVALID, code: 'model_not_found', param: 'model', final: true },
  not_found: { status: 404, type: INVALID, code: 'not_found', keeps: 'code', final: true },
  overloaded: { status: 503, type: 'server_error', code: 'server_is_overloaded' },
  upstream_failed: { status: 502, type: 'server_error', code: 'upstream_failed', keeps: 'code' },
  stream_cut: { status: 502, type: 'server_error', code: 'stream_cut' },
  content_refused: { status: 400, type: INVALID, code: 'content_filter', final: true },
  not_supported: { status: 404, type: INVALID, code: 'not_supported', keeps: 'code', final: true },
  timeout: { status: 504, type: 'server_error', code: 'timeout' },
};

/** Codex repeats 401, 403 and 413 five times over, so what no repeating can mend is a 400 (SPEC 4.4). */
const FINAL_FOR_CODEX: ReadonlySet<ErrorKind> = new Set([
  'key_rejected',
  'sign_in_needed',
  'not_entitled',
  'body_too_large',
  'invalid_request',
]);

function rowOf(error: TurnError, client: ErrorClient['family']): Row {
  const row = ROWS[error.kind];
  if (client === 'codex' && FINAL_FOR_CODEX.has(error.kind))
    return { ...row, status: 400, ...(error.kind !== 'invalid_request' && { type: INVALID }) };
  // Codex reads when a used-up plan is filled again only where the error has this type and no code.
  if (client === 'codex' && error.kind === 'quota_exceeded') return { ...row, type: 'usage_limit_reached', code: null };
  if (error.kind === 'invalid_request') return { ...row, status: refusalStatus(error.status) };
  if (isFeatureRefused(error)) return { ...row, status: 400 };
  return row;
}

function refusalStatus(status: number | undefined): number {
  return status !== undefined && status >= 400 && status < 500 ? status : 400;
}

/** An error reply as a client of either OpenAI format expects it. `history` is the field the format keeps the conversation in. */
export function renderOpenAiError(error: TurnError, client: ErrorClient, history: string): RenderedError {
  const row = rowOf(error, client.family);
  const headers: Record<string, string> = { 'x-request-id': client.requestId };
  if (row.final === true) headers['x-should-retry'] = 'false';
  // To Codex any wait is a reason to repeat the call: it learns of a used-up plan's from `resets_at`.
  const retryAfter = client.family === 'codex' && error.kind === 'quota_exceeded' ? undefined : retryAfterHeader(error, row.final === true);
  if (retryAfter !== undefined) headers['retry-after'] = retryAfter;
  return { status: row.status, headers, body: { error: describe(error, row, history) } };
}

/** `{error:{message,type,code,param}}`, as it stands inside a stream. */
export function openAiErrorBody(error: TurnError, history: string): JsonObject {
  return { error: describe(error, rowOf(error, 'other'), history) };
}

function describe(error: TurnError, row: Row, history: string): JsonObject {
  const described: JsonObject = {
    message: error.message,
    type: row.keeps === 'all' ? (error.type ?? row.type) : row.type,
    code: row.keeps === undefined ? row.code : (error.code ?? row.code),
    param: error.param ?? row.param ?? (error.kind === 'context_too_long' ? history : null),
  };
  if (error.kind === 'quota_exceeded' && error.planType !== undefined) described.plan_type = error.planType;
  if (error.kind === 'quota_exceeded' && error.resetsAt !== undefined) described.resets_at = error.resetsAt;
  return described;
}
