import type { ErrorClient, RenderedError } from '../codec.ts';
import {
  errorFields,
  errorMessage,
  header,
  headerNumber,
  isFeatureRefused,
  kindOfClass,
  kindOfStatus,
  retryAfterHeader,
  retryAfterSeconds,
  TOO_LONG,
  type Headers,
} from '../errors.ts';
import { asNumber, asString } from '../json.ts';
import type { ErrorKind, JsonObject, JsonValue, TurnError } from '../turn.ts';

// ---------------------------------------------------------------------------------------------- reading

/** Reads an upstream's error reply: this format's own shape, and those of servers that only resemble it. */
export function parseError(status: number, headers: Headers, body: JsonValue): TurnError {
  const error = readError(body, status);
  error.status = status;
  // A subscription that is used up answers like any other rate limit, but for these headers.
  if (error.kind === 'rate_limited' && header(headers, 'anthropic-ratelimit-unified-status') === 'rejected') error.kind = 'quota_exceeded';
  const retryAfter = retryAfterSeconds(headers);
  if (retryAfter !== undefined) error.retryAfter = retryAfter;
  const resetsAt = headerNumber(headers, 'anthropic-ratelimit-unified-reset');
  if (error.kind === 'quota_exceeded' && resetsAt !== undefined) error.resetsAt = resetsAt;
  return error;
}

/** Reads an error object, from an error reply or from inside a stream, where there is no status. */
export function readError(body: JsonValue, status?: number): TurnError {
  const detail = errorFields(body);
  const type = asString(detail.type);
  const code = asString(detail.code);
  const message = errorMessage(detail, body, status);
  const error: TurnError = { kind: kindOf(status ?? asNumber(detail.status), type, message), message };
  if (type !== undefined && type !== 'error') error.type = type;
  if (code !== undefined) error.code = code;
  return error;
}

const KIND_BY_TYPE = new Map<string | undefined, ErrorKind>([
  ['authentication_error', 'sign_in_needed'],
  ['permission_error', 'not_entitled'],
  ['billing_error', 'quota_exceeded'],
  ['not_found_error', 'not_found'],
  ['request_too_large', 'body_too_large'],
  ['rate_limit_error', 'rate_limited'],
  ['overloaded_error', 'overloaded'],
  ['timeout_error', 'timeout'],
  ['not_supported', 'not_supported'],
]);

/** Types that servers send with everything; a status tells more than they do. */
const KIND_BY_COARSE_TYPE = new Map<string | undefined, ErrorKind>([
  ['invalid_request_error', 'invalid_request'],
  ['api_error', 'upstream_failed'],
]);

const USED_UP = /credit balance is too low|usage limit|spend(ing)? limit|quota/i;
const ABOUT_A_MODEL = /\bmodels?\b/i;

function kindOf(status: number | undefined, type: string | undefined, message: string): ErrorKind {
  const kind = KIND_BY_TYPE.get(type) ?? kindOfStatus(status) ?? KIND_BY_COARSE_TYPE.get(type) ?? kindOfClass(status);
  if ((kind === 'invalid_request' || kind === 'body_too_large') && TOO_LONG.test(message)) return 'context_too_long';
  if ((kind === 'invalid_request' || kind === 'rate_limited' || kind === 'not_entitled') && USED_UP.test(message)) return 'quota_exceeded';
  return kind === 'not_found' && ABOUT_A_MODEL.test(message) ? 'model_unknown' : kind;
}

// ---------------------------------------------------------------------------------------------- rendering

/** `isFinal`: trying again can't help. Claude Code repeats even a 401 for minutes unless it is told so (SPEC 8.5). */
type Row = { status: number; type: string; isFinal?: boolean };

/** The error table (SPEC 10.6), for clients of this format. */
const ROWS: Readonly<Record<ErrorKind, Row>> = {
  key_rejected: { status: 401, type: 'authentication_error', isFinal: true },
  sign_in_needed: { status: 401, type: 'authentication_error', isFinal: true },
  not_entitled: { status: 403, type: 'permission_error', isFinal: true },
  quota_exceeded: { status: 429, type: 'rate_limit_error', isFinal: true },
  rate_limited: { status: 429, type: 'rate_limit_error' },
  context_too_long: { status: 400, type: 'invalid_request_error', isFinal: true },
  body_too_large: { status: 413, type: 'request_too_large', isFinal: true },
  invalid_request: { status: 400, type: 'invalid_request_error', isFinal: true },
  model_unknown: { status: 404, type: 'not_found_error', isFinal: true },
  not_found: { status: 404, type: 'not_found_error', isFinal: true },
  overloaded: { status: 529, type: 'overloaded_error' },
  upstream_failed: { status: 502, type: 'api_error' },
  stream_cut: { status: 502, type: 'api_error' },
  content_refused: { status: 200, type: 'invalid_request_error', isFinal: true },
  not_supported: { status: 404, type: 'not_supported', isFinal: true },
  timeout: { status: 504, type: 'timeout_error' },
};

/** An error reply as clients of this format expect it. Refused content is no error to them, but a reply that refuses. */
export function renderError(error: TurnError, client: ErrorClient): RenderedError {
  const { kind } = error;
  const headers: Record<string, string> = { 'request-id': client.requestId };
  if (kind === 'content_refused') return { status: ROWS[kind].status, headers, body: refusal(error, client) };
  const row = rowOf(error);
  if (row.isFinal === true) headers['x-should-retry'] = 'false';
  const retryAfter = retryAfterHeader(error, row.isFinal === true);
  if (retryAfter !== undefined) headers['retry-after'] = retryAfter;
  return { status: row.status, headers, body: { ...errorBody(error), request_id: client.requestId } };
}

/** Where a feature was refused, clients must not look for another way to the endpoint. */
function rowOf(error: TurnError): Row {
  return isFeatureRefused(error) ? ROWS.invalid_request : ROWS[error.kind];
}

/** `{type:"error",error:{type,message}}`, the same in an error reply and inside a stream. */
export function errorBody(error: TurnError): JsonObject & { type: 'error' } {
  const message = error.kind === 'context_too_long' ? tooLongMessage(error.message) : error.message;
  return { type: 'error', error: { type: rowOf(error).type, message } };
}

function refusal({ message }: TurnError, { requestId }: ErrorClient): JsonObject {
  return {
    id: `msg_${requestId}`,
    type: 'message',
    role: 'assistant',
    model: '',
    content: [{ type: 'text', text: message }],
    stop_reason: 'refusal',
    stop_sequence: null,
    usage: { input_tokens: 0, output_tokens: 0 },
  };
}

const EXACT = /prompt is too long: \d+ tokens > \d+ maximum/;
const NO_ROOM = /input length and `max_tokens` exceed context limit/;
/** What servers of OpenAI's formats say where the prompt would fit, but not with so much room for the answer. */
const REQUESTED = /maximum context length is ([\d,]+) tokens.*?requested (?:about )?([\d,]+) tokens.*?([\d,]+) in the completion/s;
const TOO_LARGE = /too large: ([\d,]+)\..*?maximum context length is ([\d,]+) tokens.*?([\d,]+) input tokens/s;
const NUMBER = /(?<=^|[\s(:>])\d[\d,_]{3,}(?=$|[\s.,;)])/g;

/** Claude Code compacts a conversation where it reads exactly these words (SPEC 8.5), and asks for less where it is the answer. */
function tooLongMessage(message: string): string {
  const exact = EXACT.exec(message);
  if (exact !== null) return exact[0];
  if (NO_ROOM.test(message)) return message;
  const room = roomIn(message);
  if (room !== undefined && room.input < room.context) {
    const { input, output, context } = room;
    return `input length and \`max_tokens\` exceed context limit: ${input} + ${output} > ${context}, decrease input length or \`max_tokens\` and try again`;
  }
  const [one, other] = Array.from(message.matchAll(NUMBER), ([digits]) => Number(digits.replaceAll(/[,_]/g, '')));
  if (one === undefined || other === undefined || one === other) {
    return message.startsWith('prompt is too long') ? message : `prompt is too long: ${message}`;
  }
  return `prompt is too long: ${Math.max(one, other)} tokens > ${Math.min(one, other)} maximum`;
}

/** Tokens of the prompt, of the answer that was asked for, and of both at most. */
function roomIn(message: string): { input: number; output: number; context: number } | undefined {
  const numbers = (pattern: RegExp): number[] => (pattern.exec(message) ?? []).slice(1).map((digits) => Number(digits.replaceAll(',', '')));
  const [context, requested, completion] = numbers(REQUESTED);
  if (context !== undefined && requested !== undefined && completion !== undefined)
    return { input: requested - completion, output: completion, context };
  const [output, most, input] = numbers(TOO_LARGE);
  return output === undefined || most === undefined || input === undefined ? undefined : { input, output, context: most };
}
