import { describe, expect, it } from 'vitest';
import { codecs } from '../../../bridges/wire/codecs.ts';
import type { ErrorClient } from '../../../bridges/wire/codec.ts';
import type { ErrorKind, JsonValue, TurnError, WireFormat } from '../../../bridges/wire/turn.ts';

/** status, type, code (null: none), and whether the client is told not to repeat. */
type Cell = readonly [status: number, type: string, code: string | null, final: boolean];
const INVALID = 'invalid_request_error';

/** The error table of the protocol description, row by row, for each family of clients. */
const TABLE: Readonly<Record<ErrorKind, { claude: readonly [number, string, boolean]; codex: Cell; other: Cell }>> = {
  key_rejected: {
    claude: [401, 'authentication_error', true],
    codex: [400, INVALID, 'invalid_api_key', true],
    other: [401, INVALID, 'invalid_api_key', true],
  },
  sign_in_needed: {
    claude: [401, 'authentication_error', true],
    codex: [400, INVALID, 'auth_required', true],
    other: [401, 'authentication_error', 'auth_required', true],
  },
  not_entitled: {
    claude: [403, 'permission_error', true],
    codex: [400, INVALID, 'not_entitled', true],
    other: [403, 'permission_error', 'not_entitled', true],
  },
  quota_exceeded: {
    claude: [429, 'rate_limit_error', true],
    codex: [429, 'usage_limit_reached', null, true],
    other: [429, 'insufficient_quota', 'insufficient_quota', true],
  },
  rate_limited: {
    claude: [429, 'rate_limit_error', false],
    codex: [429, 'rate_limit_error', 'rate_limit_exceeded', false],
    other: [429, 'rate_limit_error', 'rate_limit_exceeded', false],
  },
  context_too_long: {
    claude: [400, INVALID, true],
    codex: [400, INVALID, 'context_length_exceeded', true],
    other: [400, INVALID, 'context_length_exceeded', true],
  },
  body_too_large: {
    claude: [413, 'request_too_large', true],
    codex: [400, INVALID, 'request_too_large', true],
    other: [413, INVALID, 'request_too_large', true],
  },
  invalid_request: { claude: [400, INVALID, true], codex: [400, INVALID, null, true], other: [400, INVALID, null, true] },
  model_unknown: {
    claude: [404, 'not_found_error', true],
    codex: [404, INVALID, 'model_not_found', true],
    other: [404, INVALID, 'model_not_found', true],
  },
  not_found: { claude: [404, 'not_found_error', true], codex: [404, INVALID, 'not_found', true], other: [404, INVALID, 'not_found', true] },
  overloaded: {
    claude: [529, 'overloaded_error', false],
    codex: [503, 'server_error', 'server_is_overloaded', false],
    other: [503, 'server_error', 'server_is_overloaded', false],
  },
  upstream_failed: {
    claude: [502, 'api_error', false],
    codex: [502, 'server_error', 'upstream_failed', false],
    other: [502, 'server_error', 'upstream_failed', false],
  },
  stream_cut: {
    claude: [502, 'api_error', false],
    codex: [502, 'server_error', 'stream_cut', false],
    other: [502, 'server_error', 'stream_cut', false],
  },
  content_refused: {
    claude: [200, 'message', false],
    codex: [400, INVALID, 'content_filter', true],
    other: [400, INVALID, 'content_filter', true],
  },
  not_supported: {
    claude: [404, 'not_supported', true],
    codex: [404, INVALID, 'not_supported', true],
    other: [404, INVALID, 'not_supported', true],
  },
  timeout: {
    claude: [504, 'timeout_error', false],
    codex: [504, 'server_error', 'timeout', false],
    other: [504, 'server_error', 'timeout', false],
  },
};
const KINDS = Object.entries(TABLE) as [ErrorKind, (typeof TABLE)[ErrorKind]][];

function rendered(error: TurnError, wire: WireFormat, family: ErrorClient['family']) {
  return codecs[wire].renderError(error, { family, requestId: 'req_1' });
}

describe('the error table', () => {
  it.each(KINDS)('says %s the same to clients of chat and of responses', (kind, { codex, other }) => {
    for (const [family, [status, type, code, final]] of [
      ['codex', codex],
      ['other', other],
    ] as const) {
      for (const wire of ['chat', 'responses'] as const) {
        const { headers, ...reply } = rendered({ kind, message: 'why' }, wire, family);
        expect(reply).toMatchObject({ status, body: { error: { message: 'why', type, code } } });
        expect(headers).toEqual({ 'x-request-id': 'req_1', ...(final && { 'x-should-retry': 'false' }) });
      }
    }
  });

  it.each(KINDS)('says %s as Claude Code reads it', (kind, { claude: [status, type, final] }) => {
    const { headers, ...reply } = rendered({ kind, message: 'why' }, 'messages', 'claude-code');
    expect(reply).toMatchObject({
      status,
      body: kind === 'content_refused' ? { type, stop_reason: 'refusal' } : { type: 'error', error: { type } },
    });
    expect(headers).toEqual({ 'request-id': 'req_1', ...(final && { 'x-should-retry': 'false' }) });
  });

  it.each(['chat', 'responses', 'messages'] as const)(
    'tells a known wait in %s where waiting helps, and none where it does not',
    (wire) => {
      const wait = (error: Omit<TurnError, 'message'>, family: ErrorClient['family'] = 'other') =>
        rendered({ message: 'm', ...error }, wire, family).headers['retry-after'];
      expect(wait({ kind: 'rate_limited', retryAfter: 1.2 })).toBe('2');
      expect(wait({ kind: 'overloaded', retryAfter: 7 })).toBe('7');
      expect(wait({ kind: 'invalid_request', retryAfter: 7 })).toBeUndefined();
      expect(wait({ kind: 'quota_exceeded' })).toBeUndefined();
      expect(wait({ kind: 'quota_exceeded', resetsAt: 1_800_000_000 })).toBe('Fri, 15 Jan 2027 08:00:00 GMT');
      expect(wait({ kind: 'rate_limited', retryAfter: 3 }, 'codex')).toBe('3');
      if (wire !== 'messages') expect(wait({ kind: 'quota_exceeded', retryAfter: 3, resetsAt: 1_800_000_000 }, 'codex')).toBeUndefined();
    },
  );

  it.each(['chat', 'responses', 'messages'] as const)('tells a feature the upstream refused from an endpoint it has not, in %s', (wire) => {
    expect(rendered({ kind: 'not_supported', message: 'm', status: 400 }, wire, 'other').status).toBe(400);
    expect(rendered({ kind: 'not_supported', message: 'm', status: 501 }, wire, 'other').status).toBe(404);
    const body = { error: { message: 'm', code: 'subscription_sharing_unsupported_capability' } };
    for (const family of ['claude-code', 'codex', 'other'] as const)
      expect(rendered(codecs.responses.parseError(403, {}, body), wire, family).status).toBe(400);
  });

  it('tells such a feature the same inside a stream', () => {
    const error: TurnError = { kind: 'not_supported', message: 'm', code: 'subscription_sharing_unsupported_capability' };
    const context = { model: 'm', now: 0, newId: String, seal: () => '', includeUsage: false, wantsReasoning: false };
    const told = codecs.messages.streamRenderer(context).push({ type: 'error', error });
    expect(told).toContain('"type":"invalid_request_error"');
  });
});

it.each(['chat', 'responses', 'messages'] as const)('reads an error that stands in a list, in %s', (wire) => {
  const read = (body: JsonValue): TurnError => codecs[wire].parseError(400, {}, body);
  const error = { code: 400, message: 'maximum context length exceeded', status: 'INVALID_ARGUMENT' };
  expect(read([{ error }])).toMatchObject({ kind: 'context_too_long', message: error.message, status: 400 });
  for (const body of [[], [[{ error }]], ['x']]) expect(read(body).message).toBe('The upstream answered 400 without saying why.');
});

const TOO_LONG = [
  'request (5021 tokens) exceeds the available context size (4096 tokens), try increasing it',
  'The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).',
  "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",
  'Invalid request: Your request exceeded model token limit: 262144',
  'Prompt exceeds max length',
  'Input is too long for requested model.',
];

it.each(TOO_LONG)('knows a conversation that is too long in every format by what other servers say of it: %s', (message) => {
  for (const codec of Object.values(codecs)) {
    expect(codec.parseError(400, {}, { error: { code: 400, message, type: 'invalid_request_error' } }).kind).toBe('context_too_long');
  }
});

it.each(['chat', 'responses', 'messages'] as const)('tells what a list of errors says first, in %s', (wire) => {
  const read = (body: JsonValue): string => codecs[wire].parseError(422, {}, body).message;
  const missing = { type: 'missing', loc: ['body', 'messages', 0, 'content'], msg: 'Field required', input: {} };
  expect(read({ detail: [missing, { ...missing, msg: 'other' }] })).toBe('messages.0.content: Field required');
  expect(read({ detail: [{ msg: 'Field required', loc: ['body'] }] })).toBe('Field required');
  expect(read({ success: false, errors: [{ code: 10_000, message: 'Authentication error' }] })).toBe('Authentication error');
  expect(read({ errors: ['in a word'] })).toBe('in a word');
});

it.each(['chat', 'responses'] as const)('knows the status of an error inside a stream also where it is a text, in %s', (wire) => {
  const read = (code: JsonValue): string | undefined => {
    const data = JSON.stringify({ ...(wire === 'responses' && { type: 'error' }), error: { message: 'm', type: 'None', code } });
    const event = codecs[wire].streamParser().push({ event: undefined, data }).at(-1);
    return event?.type === 'error' ? event.error.kind : undefined;
  };
  expect([read('429'), read(429), read('503'), read('none'), read('12')]).toEqual([
    'rate_limited',
    'rate_limited',
    'overloaded',
    'upstream_failed',
    'upstream_failed',
  ]);
});
