import { describe, expect, it } from 'vitest';
import type { ErrorClient } from '../../../bridges/wire/codec.ts';
import { isObject } from '../../../bridges/wire/json.ts';
import { responses } from '../../../bridges/wire/responses/index.ts';
import type { ErrorKind, JsonObject, JsonValue, TurnError } from '../../../bridges/wire/turn.ts';
import { recordedAnswer } from '../../wire/recorded.ts';
import { parseEvents } from './responses.helpers.ts';

const codex: ErrorClient = { family: 'codex', requestId: 'req_1' };
const other: ErrorClient = { family: 'other', requestId: 'req_1' };

/** The field an error is about, where its kind says so. */
const PARAMS: Partial<Record<ErrorKind, string>> = { model_unknown: 'model', context_too_long: 'input' };

function parseRecorded(path: string): TurnError {
  const { status, headers, body } = recordedAnswer(path);
  return responses.parseError(status, headers, body);
}

function errorOf(body: JsonObject): JsonObject {
  return isObject(body.error) ? body.error : {};
}

describe('reading an error', () => {
  it.each<[string, Partial<TurnError>]>([
    ['http_400', { kind: 'invalid_request', message: 'bad request here', param: 'input', status: 400 }],
    ['http_429', { kind: 'rate_limited', retryAfter: 1 }],
    ['http_429_usage_limit_reached', { kind: 'quota_exceeded', planType: 'plus', resetsAt: expect.any(Number) }],
    ['http_503', { kind: 'overloaded' }],
    ['chatgpt_plan_err_detail403', { kind: 'not_entitled', message: 'not eligible' }],
    ['chatgpt_plan_err_unsupported', { kind: 'not_supported', param: 'tools[2]' }],
  ])('of the recording %s', (scenario, expected) => {
    expect(parseRecorded(`codex-0.169.0/${scenario}/01.response.json`)).toMatchObject(expected);
  });

  it.each<[number, JsonValue, ErrorKind]>([
    [401, { error: { message: 'x', code: 'invalid_api_key' } }, 'key_rejected'],
    [401, { detail: 'Unauthorized' }, 'sign_in_needed'],
    [403, { detail: { error_code: 'chatpass_v2_blocked', message: 'x' } }, 'not_entitled'],
    [402, 'payment needed', 'quota_exceeded'],
    [429, { error: { message: 'x', code: 'subscription_sharing_usage_limit_exceeded' } }, 'quota_exceeded'],
    [429, { error: { message: 'x', type: 'insufficient_quota' } }, 'quota_exceeded'],
    [400, { error: { message: 'Your input exceeds the context window of this model.' } }, 'context_too_long'],
    [400, { detail: 'Unsupported parameter: max_output_tokens' }, 'not_supported'],
    [404, { error: { message: 'The model `x` does not exist', code: null } }, 'model_unknown'],
    [404, { error: { message: 'no route' } }, 'not_found'],
    [413, '', 'body_too_large'],
    [422, { error: { message: 'x' } }, 'invalid_request'],
    [500, '<html>oops</html>', 'upstream_failed'],
    [503, { error: { message: 'x', type: 'server_error' } }, 'overloaded'],
    [504, null, 'timeout'],
  ])('with status %i and body %j', (status, body, kind) => {
    const error = responses.parseError(status, {}, body);
    expect(error.kind).toBe(kind);
    expect(error.message).not.toBe('');
    expect(error.message).not.toContain('<');
  });

  it.each<[string | null, string]>([
    [null, 'Your input exceeds the context window of this model. Please adjust your input and try again.'],
    ['invalid_request_error', 'Your input exceeds the context window of this model.'],
    ['invalid_prompt', 'prompt is too long: 250000 tokens > 200000 maximum'],
    ['context_length_exceeded', 'x'],
  ])('that tells of a conversation that is too long in a stream, with the code %j', (code, message) => {
    for (const event of [
      { type: 'response.failed', response: { error: { code, message } } },
      { type: 'error', code, message },
    ]) {
      expect(parseEvents(event).at(-1)).toMatchObject({ type: 'error', error: { kind: 'context_too_long', message } });
    }
  });

  it('that names its cause is of that cause, whatever it says', () => {
    const error = { code: 'rate_limit_exceeded', message: 'Too many tokens for the context window. Please try again in 2s.' };
    expect(parseEvents({ type: 'response.failed', response: { error } }).at(-1)).toMatchObject({ error: { kind: 'rate_limited' } });
  });

  it('reads how long to wait, in every form the header may have', () => {
    const after = (headers: Record<string, string>): number | undefined => responses.parseError(429, headers, '').retryAfter;
    expect(after({ 'Retry-After': '7' })).toBe(7);
    expect(after({ 'retry-after-ms': '1500' })).toBe(1.5);
    expect(after({ 'retry-after': 'Wed, 21 Oct 2026 07:28:30 GMT', date: 'Wed, 21 Oct 2026 07:28:00 GMT' })).toBe(30);
    expect(after({ 'retry-after': 'soon' })).toBeUndefined();
  });
});

describe('rendering an error', () => {
  it.each<[ErrorKind, number, string | null, number, string | null]>([
    ['key_rejected', 400, 'invalid_api_key', 401, 'invalid_api_key'],
    ['sign_in_needed', 400, 'auth_required', 401, 'auth_required'],
    ['not_entitled', 400, 'not_entitled', 403, 'not_entitled'],
    ['quota_exceeded', 429, null, 429, 'insufficient_quota'],
    ['rate_limited', 429, 'rate_limit_exceeded', 429, 'rate_limit_exceeded'],
    ['context_too_long', 400, 'context_length_exceeded', 400, 'context_length_exceeded'],
    ['body_too_large', 400, 'request_too_large', 413, 'request_too_large'],
    ['invalid_request', 400, null, 400, null],
    ['model_unknown', 404, 'model_not_found', 404, 'model_not_found'],
    ['not_found', 404, 'not_found', 404, 'not_found'],
    ['overloaded', 503, 'server_is_overloaded', 503, 'server_is_overloaded'],
    ['upstream_failed', 502, 'upstream_failed', 502, 'upstream_failed'],
    ['stream_cut', 502, 'stream_cut', 502, 'stream_cut'],
    ['content_refused', 400, 'content_filter', 400, 'content_filter'],
    ['not_supported', 404, 'not_supported', 404, 'not_supported'],
    ['timeout', 504, 'timeout', 504, 'timeout'],
  ])('%s as Codex and as others want it', (kind, codexStatus, codexCode, otherStatus, otherCode) => {
    const forCodex = responses.renderError({ kind, message: 'why' }, codex);
    const forOthers = responses.renderError({ kind, message: 'why' }, other);
    expect([forCodex.status, errorOf(forCodex.body).code]).toEqual([codexStatus, codexCode]);
    expect([forOthers.status, errorOf(forOthers.body).code]).toEqual([otherStatus, otherCode]);
    expect(forOthers.body).toEqual({ error: { message: 'why', type: expect.any(String), code: otherCode, param: PARAMS[kind] ?? null } });
    expect(forOthers.headers['x-request-id']).toBe('req_1');
  });

  it('tells Codex when a used-up plan is filled again, and no retry-after, which would make it repeat', () => {
    const error: TurnError = { kind: 'quota_exceeded', message: 'used up', planType: 'plus', resetsAt: 1_795_190_000, retryAfter: 9 };
    const { headers, body } = responses.renderError(error, codex);
    expect(errorOf(body)).toMatchObject({ type: 'usage_limit_reached', plan_type: 'plus', resets_at: 1_795_190_000 });
    expect(headers).not.toHaveProperty('retry-after');
  });

  it('says how long to wait at a short limit', () => {
    expect(responses.renderError({ kind: 'rate_limited', message: 'x', retryAfter: 1.2 }, codex).headers['retry-after']).toBe('2');
  });

  it("keeps the upstream's own words for a wrong request", () => {
    const error = responses.parseError(422, {}, { error: { message: 'm', type: 't', code: 'c', param: 'p' } });
    expect(responses.renderError(error, other)).toMatchObject({
      status: 422,
      body: { error: { message: 'm', type: 't', code: 'c', param: 'p' } },
    });
  });
});
