import type { ErrorClient, RenderedError } from '../codec.ts';
import {
  errorFields,
  errorMessage,
  kindOfClass,
  kindOfStatus,
  retryAfterSeconds,
  secondsInMessage,
  TOO_LONG,
  toldStatus,
  type Headers,
} from '../errors.ts';
import { asNumber, asString, isObject } from '../json.ts';
import { openAiErrorBody, renderOpenAiError } from '../openai-errors.ts';
import type { ErrorKind, JsonObject, JsonValue, TurnError } from '../turn.ts';

/** Reads an upstream's error reply: OpenAI's shape, and the shapes of servers that only resemble it. */
export function parseError(status: number, headers: Headers, body: JsonValue): TurnError {
  const error = readError(body, status);
  error.status = status;
  const retryAfter = retryAfterSeconds(headers) ?? error.retryAfter;
  if (retryAfter !== undefined) error.retryAfter = retryAfter;
  return error;
}

/**
 * Reads an error object, wherever it was found: in an error reply, a stream, or a reply that claimed to be fine.
 * Without a status (inside a stream) the kind is told by the error's own words.
 */
export function readError(body: JsonValue, status?: number): TurnError {
  const detail = errorFields(body);
  const code = textOf(detail.code);
  const type = textOf(detail.type);
  const message = errorMessage(detail, body, status);
  const error: TurnError = { kind: kindOf(status ?? toldStatus(detail.code) ?? toldStatus(detail.status), code, type, message), message };
  if (code !== undefined) error.code = code;
  if (type !== undefined) error.type = type;
  const param = asString(detail.param);
  if (param !== undefined) error.param = param;
  const resetsAt = asNumber(detail.resets_at);
  if (resetsAt !== undefined) error.resetsAt = resetsAt;
  const planType = asString(detail.plan_type);
  if (planType !== undefined) error.planType = planType;
  const retryAfter = asNumber(detail.resets_in_seconds) ?? (error.kind === 'rate_limited' ? secondsInMessage(message) : undefined);
  if (retryAfter !== undefined) error.retryAfter = retryAfter;
  return error;
}

function textOf(value: JsonValue | undefined): string | undefined {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Codes and types, most telling first. They are matched against the error's code, then its type. */
const KINDS_BY_WORD: readonly [RegExp, ErrorKind][] = [
  [/context_length_exceeded|context_window|model_max_prompt_tokens_exceeded/, 'context_too_long'],
  [/insufficient_quota|quota_exceeded|overage_limit_reached|billing_not_configured|billing_hard_limit|usage_limit/, 'quota_exceeded'],
  [/model_overloaded|server_is_overloaded|overloaded|slow_down|usage_unavailable/, 'overloaded'],
  [/rate_limit/, 'rate_limited'],
  [/invalid_api_key|incorrect_api_key/, 'key_rejected'],
  [/auth_required|authentication|token_expired|subscription_sharing_invalid_user|unauthorized/, 'sign_in_needed'],
  [/user_not_eligible|chatpass_v2|not_entitled|permission/, 'not_entitled'],
  [/model_not_found|model_not_supported|unknown_model/, 'model_unknown'],
  [/content_filter|content_policy|responsibleai|moderation_blocked/, 'content_refused'],
  [/request_too_large|payload_too_large/, 'body_too_large'],
  [/^not_supported$|not_implemented/, 'not_supported'],
  [/timeout/, 'timeout'],
  [/unsupported|invalid_request|invalid_value|missing_required|bad_request/, 'invalid_request'],
  [/^not_found/, 'not_found'],
];

const UNKNOWN_MODEL = /model\b.*\b(not found|does not exist|not supported|unknown)/i;
const FILTERED = /content (management )?(filter|policy)|responsible ai/i;

function kindOf(status: number | undefined, code: string | undefined, type: string | undefined, message: string): ErrorKind {
  const byCode = kindByWord(code);
  if (byCode !== undefined && byCode !== 'invalid_request') return byCode;
  if (status === undefined || status === 400 || status === 404 || status === 422) {
    if (TOO_LONG.test(message)) return 'context_too_long';
    if (UNKNOWN_MODEL.test(message)) return 'model_unknown';
    if (FILTERED.test(message)) return 'content_refused';
  }
  // A status tells more than a type: types are coarse, and some servers send `invalid_request_error` with everything.
  const byStatus = status === undefined ? undefined : kindByStatus(status);
  return refinedByType(byStatus, kindByWord(type)) ?? byCode ?? 'upstream_failed';
}

function kindByStatus(status: number): ErrorKind | undefined {
  return kindOfStatus(status) ?? (status >= 400 ? kindOfClass(status) : undefined);
}

/** One status covers a used-up plan and a short limit; only the type tells them apart. */
function refinedByType(byStatus: ErrorKind | undefined, byType: ErrorKind | undefined): ErrorKind | undefined {
  if (byStatus === undefined) return byType;
  return byStatus === 'rate_limited' && byType === 'quota_exceeded' ? byType : byStatus;
}

function kindByWord(word: string | undefined): ErrorKind | undefined {
  if (word === undefined) return undefined;
  const lower = word.toLowerCase();
  return KINDS_BY_WORD.find(([pattern]) => pattern.test(lower))?.[1];
}

/** The field that holds the conversation. */
const HISTORY = 'messages';

/** An error reply as clients of Chat Completions expect it. */
export function renderError(error: TurnError, client: ErrorClient): RenderedError {
  return renderOpenAiError(error, client, HISTORY);
}

/** `{error:{message,type,code,param}}`, the same inside a stream. */
export function errorBody(error: TurnError): JsonObject {
  return openAiErrorBody(error, HISTORY);
}

/** The error inside a body that should have been a reply, or nothing. */
export function hiddenError(body: JsonObject): TurnError | undefined {
  if (isObject(body.error) || (typeof body.error === 'string' && body.error !== '')) return readError(body);
  return body.object === 'error' ? readError(body) : undefined;
}
