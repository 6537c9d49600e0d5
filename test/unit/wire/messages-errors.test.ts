import { describe, expect, it } from 'vitest';
import type { ErrorClient } from '../../../bridges/wire/codec.ts';
import { messages } from '../../../bridges/wire/messages/index.ts';
import type { ErrorKind, JsonValue, TurnError } from '../../../bridges/wire/turn.ts';
import { recordedAnswer } from '../../wire/recorded.ts';

const client: ErrorClient = { family: 'claude-code', requestId: 'req_1' };
const read = (status: number, body: JsonValue, headers: Record<string, string> = {}): TurnError =>
  messages.parseError(status, headers, body);
const render = (error: Partial<TurnError> & { kind: ErrorKind }): ReturnType<typeof messages.renderError> =>
  messages.renderError({ message: 'why', ...error }, client);
const errorBody = (type: string, message: string): JsonValue => ({ type: 'error', error: { type, message }, request_id: 'r' });

describe('an error from an upstream', () => {
  it.each<[string, Partial<TurnError>]>([
    ['http_401', { kind: 'sign_in_needed', status: 401 }],
    ['http_429', { kind: 'rate_limited', status: 429, message: 'slow', retryAfter: 1 }],
    ['http_529', { kind: 'overloaded', status: 529 }],
    ['http_400_toolong', { kind: 'context_too_long', message: 'prompt is too long: 250000 tokens > 200000 maximum' }],
  ])('is read as it was recorded: %s', (scenario, expected) => {
    const { status, headers, body } = recordedAnswer(`claude-code-2.1.329/${scenario}/02.response.json`);
    expect(read(status, body, headers)).toMatchObject(expected);
  });

  it.each<[ErrorKind, number, JsonValue]>([
    ['not_entitled', 403, errorBody('permission_error', 'no')],
    ['quota_exceeded', 402, errorBody('billing_error', 'no')],
    ['quota_exceeded', 400, errorBody('invalid_request_error', 'Your credit balance is too low to access the API.')],
    ['model_unknown', 404, errorBody('not_found_error', 'model: claude-9')],
    ['not_found', 404, errorBody('not_found_error', 'no such file')],
    ['body_too_large', 413, errorBody('request_too_large', 'big')],
    [
      'context_too_long',
      400,
      errorBody('invalid_request_error', 'input length and `max_tokens` exceed context limit: 190000 + 32000 > 200000'),
    ],
    ['context_too_long', 400, { message: 'Input is too long for requested model.' }],
    ['invalid_request', 400, errorBody('invalid_request_error', 'tools.0: bad')],
    ['sign_in_needed', 401, errorBody('invalid_request_error', 'who?')],
    ['timeout', 504, errorBody('timeout_error', 'slow')],
    ['upstream_failed', 500, errorBody('api_error', 'oops')],
    ['overloaded', 503, 'Service Unavailable'],
    ['upstream_failed', 502, '<html>bad gateway</html>'],
    ['invalid_request', 422, { detail: [] }],
  ])('is told as %s for a %i', (kind, status, body) => {
    expect(read(status, body)).toMatchObject({ kind, status });
  });

  it('has a message in every case', () => {
    expect(read(502, '<html>no</html>').message).toBe('The upstream answered 502 without saying why.');
    expect(read(502, 'plain words').message).toBe('plain words');
    expect(read(500, { error: 'as a string' }).message).toBe('as a string');
    expect(read(500, null).message).toContain('500');
  });

  it('says when to come back', () => {
    expect(read(429, {}, { 'Retry-After': '7' }).retryAfter).toBe(7);
    expect(read(429, {}, { 'retry-after-ms': '1500' }).retryAfter).toBe(1.5);
    const dates = { date: 'Thu, 20 Nov 2026 10:00:00 GMT', 'retry-after': 'Thu, 20 Nov 2026 10:00:30 GMT' };
    expect(read(429, {}, dates).retryAfter).toBe(30);
    expect(read(429, {}, { 'retry-after': 'later' })).not.toHaveProperty('retryAfter');
  });

  it('is a used-up plan where a subscription says so', () => {
    const headers = { 'anthropic-ratelimit-unified-status': 'rejected', 'anthropic-ratelimit-unified-reset': '1800000000' };
    expect(read(429, errorBody('rate_limit_error', 'limit'), headers)).toMatchObject({ kind: 'quota_exceeded', resetsAt: 1_800_000_000 });
  });
});

describe('an error for a client', () => {
  it.each<[ErrorKind, number, string, boolean]>([
    ['key_rejected', 401, 'authentication_error', true],
    ['sign_in_needed', 401, 'authentication_error', true],
    ['not_entitled', 403, 'permission_error', true],
    ['quota_exceeded', 429, 'rate_limit_error', true],
    ['rate_limited', 429, 'rate_limit_error', false],
    ['body_too_large', 413, 'request_too_large', true],
    ['invalid_request', 400, 'invalid_request_error', true],
    ['model_unknown', 404, 'not_found_error', true],
    ['not_found', 404, 'not_found_error', true],
    ['overloaded', 529, 'overloaded_error', false],
    ['upstream_failed', 502, 'api_error', false],
    ['stream_cut', 502, 'api_error', false],
    ['not_supported', 404, 'not_supported', true],
    ['timeout', 504, 'timeout_error', false],
  ])('%s is a %i %s', (kind, status, type, isFinal) => {
    expect(render({ kind })).toEqual({
      status,
      headers: { 'request-id': 'req_1', ...(isFinal && { 'x-should-retry': 'false' }) },
      body: { type: 'error', error: { type, message: 'why' }, request_id: 'req_1' },
    });
  });

  it.each([
    ['prompt is too long: 250000 tokens > 200000 maximum', 'prompt is too long: 250000 tokens > 200000 maximum'],
    [
      "This model's maximum context length is 128,000 tokens. However, you requested 132,001 tokens (100000 in the messages).",
      'prompt is too long: 132001 tokens > 128000 maximum',
    ],
    [
      "'max_tokens' or 'max_completion_tokens' is too large: 32000. This model's maximum context length is 32768 tokens and your request has 15000 input tokens (32000 > 32768 - 15000). (parameter=max_tokens, value=32000)",
      'input length and `max_tokens` exceed context limit: 15000 + 32000 > 32768, decrease input length or `max_tokens` and try again',
    ],
    [
      "This model's maximum context length is 32768 tokens. However, you requested 42000 tokens (9000 in the messages, 1000 in the functions, and 32000 in the completion). Please reduce the length of the messages or completion.",
      'input length and `max_tokens` exceed context limit: 10000 + 32000 > 32768, decrease input length or `max_tokens` and try again',
    ],
    [
      "This model's maximum context length is 32768 tokens. However, you requested 72000 tokens (40000 in the messages, 32000 in the completion).",
      'prompt is too long: 72000 tokens > 32768 maximum',
    ],
    ['prompt token count of 150000 exceeds the limit of 128000', 'prompt is too long: 150000 tokens > 128000 maximum'],
    ['Your input exceeds the context window of gpt-4-0613.', 'prompt is too long: Your input exceeds the context window of gpt-4-0613.'],
    [
      'input length and `max_tokens` exceed context limit: 190000 + 32000 > 200000',
      'input length and `max_tokens` exceed context limit: 190000 + 32000 > 200000',
    ],
  ])('too long a prompt is told in the words that clients look for: %s', (message, expected) => {
    expect(render({ kind: 'context_too_long', message })).toMatchObject({
      status: 400,
      body: { error: { type: 'invalid_request_error', message: expected } },
    });
  });

  it('says when to come back only where that helps', () => {
    expect(render({ kind: 'rate_limited', retryAfter: 1.2 }).headers['retry-after']).toBe('2');
    expect(render({ kind: 'overloaded', retryAfter: -1 }).headers['retry-after']).toBe('0');
    expect(render({ kind: 'invalid_request', retryAfter: 5 }).headers).not.toHaveProperty('retry-after');
    expect(render({ kind: 'quota_exceeded' }).headers).not.toHaveProperty('retry-after');
    expect(render({ kind: 'quota_exceeded', retryAfter: 60 }).headers['retry-after']).toBe('60');
    expect(render({ kind: 'quota_exceeded', resetsAt: 1_800_000_000 }).headers['retry-after']).toBe('Fri, 15 Jan 2027 08:00:00 GMT');
  });

  it('a feature that the upstream refused is a bad request, not a missing endpoint', () => {
    expect(render({ kind: 'not_supported', status: 400 })).toMatchObject({
      status: 400,
      body: { error: { type: 'invalid_request_error' } },
    });
  });

  it('refused content is a reply that refuses', () => {
    expect(render({ kind: 'content_refused' })).toMatchObject({
      status: 200,
      body: { type: 'message', role: 'assistant', content: [{ type: 'text', text: 'why' }], stop_reason: 'refusal' },
    });
  });

  it('means the same when it is read again', () => {
    const kinds: ErrorKind[] = [
      'sign_in_needed',
      'not_entitled',
      'rate_limited',
      'body_too_large',
      'invalid_request',
      'overloaded',
      'upstream_failed',
      'not_supported',
      'timeout',
    ];
    for (const kind of kinds) {
      const { status, headers, body } = render({ kind });
      expect(messages.parseError(status, headers, body).kind).toBe(kind);
    }
  });
});
