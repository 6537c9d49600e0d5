import { describe, expect, test } from 'vitest';
import { chat } from '../../../bridges/wire/chat/index.ts';
import type { ErrorKind, JsonObject, JsonValue } from '../../../bridges/wire/turn.ts';
import { recordedAnswer } from '../../wire/recorded.ts';

const client = { family: 'other', requestId: 'req_1' } as const;

function openai(code: string | null, message = 'm', type = 't'): JsonObject {
  return { error: { message, type, code, param: null } };
}

describe('reading errors', () => {
  test('a recorded one', () => {
    const recorded = recordedAnswer('copilot-cli-1.0.102/byok_http_429/01.response.json');
    expect(chat.parseError(recorded.status, recorded.headers, recorded.body)).toEqual({
      kind: 'rate_limited',
      message: 'err 429',
      status: 429,
      code: 'y',
      type: 'x',
      retryAfter: 1,
    });
  });

  test.each<[number, JsonValue, ErrorKind]>([
    [401, openai('invalid_api_key'), 'key_rejected'],
    [401, openai(null), 'sign_in_needed'],
    [401, openai('token_expired'), 'sign_in_needed'],
    [402, openai(null), 'quota_exceeded'],
    [403, openai(null), 'not_entitled'],
    [403, openai('chatpass_v2_plan'), 'not_entitled'],
    [466, openai(null), 'not_entitled'],
    [429, openai('insufficient_quota'), 'quota_exceeded'],
    [429, openai(null, 'm', 'insufficient_quota'), 'quota_exceeded'],
    [429, openai(null, 'm', 'usage_limit_reached'), 'quota_exceeded'],
    [429, openai('free_quota_exceeded'), 'quota_exceeded'],
    [429, openai('overage_limit_reached'), 'quota_exceeded'],
    [429, openai('user_model_rate_limited'), 'rate_limited'],
    [429, openai('model_overloaded'), 'overloaded'],
    [429, openai(null), 'rate_limited'],
    [400, openai('context_length_exceeded'), 'context_too_long'],
    [400, openai(null, "This model's maximum context length is 8192 tokens."), 'context_too_long'],
    [400, openai('model_max_prompt_tokens_exceeded'), 'context_too_long'],
    [413, openai(null), 'body_too_large'],
    [400, openai('unsupported_parameter'), 'invalid_request'],
    [400, { detail: 'Unsupported parameter: temperature' }, 'invalid_request'],
    [422, { detail: [{ loc: ['body'], msg: 'field required' }] }, 'invalid_request'],
    [422, openai('content_filtered'), 'content_refused'],
    [400, openai('content_policy_violation'), 'content_refused'],
    [400, openai('model_not_supported'), 'model_unknown'],
    [404, openai(null, 'The model `x` does not exist'), 'model_unknown'],
    [404, openai('model_not_found'), 'model_unknown'],
    [404, 'nothing here', 'not_found'],
    [405, openai(null), 'not_supported'],
    [408, openai(null), 'timeout'],
    [500, openai(null), 'upstream_failed'],
    [502, '<html>Bad gateway</html>', 'upstream_failed'],
    [503, openai(null), 'overloaded'],
    [504, openai(null), 'timeout'],
    [529, { type: 'error', error: { type: 'overloaded_error', message: 'm' } }, 'overloaded'],
  ])('%i %j is %s', (status, body, kind) => {
    expect(chat.parseError(status, {}, body)).toMatchObject({ kind, status });
  });

  test('its message is the upstream’s own where there is one, and never a page', () => {
    expect(chat.parseError(500, {}, openai(null, 'as it was')).message).toBe('as it was');
    expect(chat.parseError(500, {}, { detail: 'flat' }).message).toBe('flat');
    expect(chat.parseError(500, {}, { error: 'one string' }).message).toBe('one string');
    expect(chat.parseError(500, {}, { message: 'bare' }).message).toBe('bare');
    expect(chat.parseError(500, {}, 'plain text').message).toBe('plain text');
    expect(chat.parseError(500, {}, '<html>').message).toBe('The upstream answered 500 without saying why.');
    expect(chat.parseError(500, {}, null).message).toBe('The upstream answered 500 without saying why.');
  });

  test.each<[Record<string, string>, string, number | undefined]>([
    [{ 'retry-after': '7' }, 'm', 7],
    [{ 'Retry-After': '7' }, 'm', 7],
    [{ 'retry-after-ms': '1500', 'retry-after': '7' }, 'm', 1.5],
    [{ 'retry-after': 'Fri, 20 Nov 2026 14:00:30 GMT', date: 'Fri, 20 Nov 2026 14:00:00 GMT' }, 'm', 30],
    [{ 'retry-after': 'Fri, 20 Nov 2026 14:00:30 GMT' }, 'm', undefined],
    [{ 'retry-after': 'soon' }, 'm', undefined],
    [{}, 'Please try again in 1.5s.', 1.5],
    [{}, 'Please try again in 20ms.', 0.02],
    [{}, 'Please try again in 2 minutes.', 120],
  ])('%j with "%s" waits for %j seconds', (headers, message, seconds) => {
    expect(chat.parseError(429, headers, openai(null, message)).retryAfter).toBe(seconds);
  });

  test('what a used-up plan says of itself is kept', () => {
    const body = {
      error: { type: 'usage_limit_reached', message: 'm', plan_type: 'plus', resets_at: 1_800_000_000, resets_in_seconds: 60 },
    };
    expect(chat.parseError(429, {}, body)).toMatchObject({
      kind: 'quota_exceeded',
      planType: 'plus',
      resetsAt: 1_800_000_000,
      retryAfter: 60,
    });
  });
});

describe('writing errors', () => {
  test.each<[ErrorKind, number, string | null, boolean]>([
    ['key_rejected', 401, 'invalid_api_key', true],
    ['sign_in_needed', 401, 'auth_required', true],
    ['not_entitled', 403, 'not_entitled', true],
    ['quota_exceeded', 429, 'insufficient_quota', true],
    ['rate_limited', 429, 'rate_limit_exceeded', false],
    ['context_too_long', 400, 'context_length_exceeded', true],
    ['body_too_large', 413, 'request_too_large', true],
    ['invalid_request', 400, null, true],
    ['model_unknown', 404, 'model_not_found', true],
    ['not_found', 404, 'not_found', true],
    ['overloaded', 503, 'server_is_overloaded', false],
    ['upstream_failed', 502, 'upstream_failed', false],
    ['stream_cut', 502, 'stream_cut', false],
    ['content_refused', 400, 'content_filter', true],
    ['not_supported', 404, 'not_supported', true],
    ['timeout', 504, 'timeout', false],
  ])('%s is %i %s, and read back as what it was', (kind, status, code, final) => {
    const rendered = chat.renderError({ kind, message: 'why' }, client);
    expect(rendered).toMatchObject({ status, headers: { 'x-request-id': 'req_1' }, body: { error: { message: 'why', code } } });
    expect(rendered.headers['x-should-retry']).toBe(final ? 'false' : undefined);
    expect(Object.keys(Object(rendered.body.error))).toEqual(['message', 'type', 'code', 'param']);
    const back = chat.parseError(rendered.status, rendered.headers, rendered.body);
    expect(back).toMatchObject({ kind: kind === 'stream_cut' ? 'upstream_failed' : kind, message: 'why' });
  });

  test('the wait is told in whole seconds, and nothing is made up where none is known', () => {
    expect(chat.renderError({ kind: 'rate_limited', message: 'm', retryAfter: 1.2 }, client).headers['retry-after']).toBe('2');
    expect(chat.renderError({ kind: 'quota_exceeded', message: 'm' }, client).headers).not.toHaveProperty('retry-after');
  });

  test('the upstream’s own code stays where ours says less', () => {
    expect(
      chat.renderError({ kind: 'invalid_request', message: 'm', code: 'unsupported_value', param: 'temperature' }, client).body,
    ).toEqual({
      error: { message: 'm', type: 'invalid_request_error', code: 'unsupported_value', param: 'temperature' },
    });
    expect(chat.renderError({ kind: 'rate_limited', message: 'm', code: 'user_model_rate_limited' }, client).body).toMatchObject({
      error: { code: 'rate_limit_exceeded' },
    });
  });

  test('a used-up plan says when it is filled again', () => {
    expect(
      chat.renderError({ kind: 'quota_exceeded', message: 'm', planType: 'plus', resetsAt: 1_800_000_000 }, client).body,
    ).toMatchObject({
      error: { plan_type: 'plus', resets_at: 1_800_000_000 },
    });
  });
});
