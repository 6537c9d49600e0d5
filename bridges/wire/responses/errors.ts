import type { ErrorClient, RenderedError } from '../codec.ts';
import {
  errorFields,
  errorMessage,
  headerNumber,
  kindOfClass,
  kindOfStatus,
  retryAfterSeconds,
  secondsInMessage,
  TOO_LONG,
  toldStatus,
  type Headers,
} from '../errors.ts';
import { asNumber, asString } from '../json.ts';
import { renderOpenAiError } from '../openai-errors.ts';
import type { ErrorKind, JsonObject, JsonValue, TurnError } from '../turn.ts';

/** What upstreams of this format call their errors, in `code` or `type`. */
const KIND_BY_CODE = new Map<string, ErrorKind>([
  ['invalid_api_key', 'key_rejected'],
  ['incorrect_api_key_provided', 'key_rejected'],
  ['auth_required', 'sign_in_needed'],
  ['token_expired', 'sign_in_needed'],
  ['token_revoked', 'sign_in_needed'],
  ['invalid_grant', 'sign_in_needed'],
  ['subscription_sharing_invalid_user', 'sign_in_needed'],
  ['subscription_sharing_user_not_eligible', 'not_entitled'],
  ['usage_not_included', 'not_entitled'],
  ['not_entitled', 'not_entitled'],
  ['insufficient_quota', 'quota_exceeded'],
  ['usage_limit_reached', 'quota_exceeded'],
  ['subscription_sharing_usage_limit_exceeded', 'quota_exceeded'],
  ['quota_exceeded', 'quota_exceeded'],
  ['free_quota_exceeded', 'quota_exceeded'],
  ['overage_limit_reached', 'quota_exceeded'],
  ['billing_not_configured', 'quota_exceeded'],
  ['billing_hard_limit_reached', 'quota_exceeded'],
  ['rate_limit_exceeded', 'rate_limited'],
  ['rate_limit_error', 'rate_limited'],
  ['rate_limited', 'rate_limited'],
  ['user_model_rate_limited', 'rate_limited'],
  ['user_global_rate_limited', 'rate_limited'],
  ['integration_rate_limited', 'rate_limited'],
  ['context_length_exceeded', 'context_too_long'],
  ['request_too_large', 'body_too_large'],
  ['subscription_sharing_unsupported_capability', 'not_supported'],
  ['not_supported', 'not_supported'],
  ['model_not_found', 'model_unknown'],
  ['server_is_overloaded', 'overloaded'],
  ['slow_down', 'overloaded'],
  ['model_overloaded', 'overloaded'],
  ['subscription_sharing_usage_unavailable', 'overloaded'],
  ['content_filter', 'content_refused'],
  ['content_policy_violation', 'content_refused'],
  ['image_content_policy_violation', 'content_refused'],
  ['bio_policy', 'content_refused'],
  ['cyber_policy', 'content_refused'],
  ['invalid_prompt', 'invalid_request'],
]);

/** Reads an error reply of an upstream that speaks this format, in any of the shapes of SPEC 3.1.6. */
export function parseError(status: number, headers: Headers, body: JsonValue): TurnError {
  const fields = errorFields(body);
  const message = errorMessage(fields, body, status);
  const error = describe(kindOf(status, fields, message), message, fields);
  error.status = status;
  const retryAfter = retryAfterSeconds(headers) ?? asNumber(fields.resets_in_seconds);
  const resetsAt =
    asNumber(fields.resets_at) ?? (error.kind === 'quota_exceeded' ? headerNumber(headers, 'x-codex-primary-reset-at') : undefined);
  if (retryAfter !== undefined) error.retryAfter = retryAfter;
  if (resetsAt !== undefined) error.resetsAt = resetsAt;
  return error;
}

/** Reads the error of a `response.failed` or `error` event. */
export function parseStreamError(fields: JsonObject): TurnError {
  const message = errorMessage(fields, fields, undefined);
  const error = describe(kindOf(toldStatus(fields.status) ?? toldStatus(fields.code) ?? 0, fields, message), message, fields);
  const retryAfter = asNumber(fields.resets_in_seconds) ?? secondsInMessage(message);
  const resetsAt = asNumber(fields.resets_at);
  if (retryAfter !== undefined) error.retryAfter = retryAfter;
  if (resetsAt !== undefined) error.resetsAt = resetsAt;
  return error;
}

/** The `code` and `message` of a `response.failed` event: the codes Codex acts on (SPEC 4.4). */
export function streamError(error: TurnError): { code: string; message: string } {
  const code = streamCode(error.kind);
  if (code !== 'rate_limit_exceeded' || error.retryAfter === undefined || secondsInMessage(error.message) !== undefined) {
    return { code, message: error.message };
  }
  return { code, message: `${error.message} Please try again in ${error.retryAfter}s.` };
}

/** An error reply as clients of Responses expect it (SPEC 10.6). */
export function renderError(error: TurnError, client: ErrorClient): RenderedError {
  return renderOpenAiError(error, client, 'input');
}

/** Codex takes codes it does not know for a reason to retry, so only those it knows are used. */
function streamCode(kind: ErrorKind): string {
  switch (kind) {
    case 'quota_exceeded':
      return 'insufficient_quota';
    case 'rate_limited':
      return 'rate_limit_exceeded';
    case 'context_too_long':
      return 'context_length_exceeded';
    case 'overloaded':
      return 'server_is_overloaded';
    case 'upstream_failed':
    case 'stream_cut':
    case 'timeout':
      return 'server_error';
    case 'key_rejected':
    case 'sign_in_needed':
    case 'not_entitled':
    case 'body_too_large':
    case 'invalid_request':
    case 'model_unknown':
    case 'not_found':
    case 'content_refused':
    case 'not_supported':
      return 'invalid_prompt';
  }
}

function describe(kind: ErrorKind, message: string, fields: JsonObject): TurnError {
  const error: TurnError = { kind, message };
  const code = asString(fields.code);
  const type = asString(fields.type);
  const param = asString(fields.param);
  const planType = asString(fields.plan_type);
  if (code !== undefined) error.code = code;
  if (type !== undefined && type !== 'error') error.type = type;
  if (param !== undefined) error.param = param;
  if (planType !== undefined) error.planType = planType;
  return error;
}

function kindOf(status: number, fields: JsonObject, message: string): ErrorKind {
  const named = kindOfName(asString(fields.code)) ?? kindOfName(asString(fields.type));
  if (named !== undefined && named !== 'invalid_request') return named;
  // Inside a stream there is no status.
  const mayBeTooLong = status === 0 || (status >= 400 && status < 500);
  if (mayBeTooLong && TOO_LONG.test(message)) return 'context_too_long';
  if (named !== undefined) return named;
  if (status === 400 && /^unsupported\b/i.test(message)) return 'not_supported';
  if (status === 404 && /\bmodel\b/i.test(message)) return 'model_unknown';
  return kindOfStatus(status) ?? kindOfClass(status);
}

function kindOfName(name: string | undefined): ErrorKind | undefined {
  if (name === undefined) return undefined;
  return KIND_BY_CODE.get(name) ?? (name.startsWith('chatpass_v2_') ? 'not_entitled' : undefined);
}
