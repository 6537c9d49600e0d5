import { describe, expect, it } from 'vitest';
import { PlanReply } from '../../bridges/codex/reply.ts';
import type { UpstreamFailure } from '../../bridges/upstreams/upstream.ts';
import type { TurnError } from '../../bridges/wire/turn.ts';

/** What becomes of a plan's stream for a client that asked for none. */
function whole(...events: object[]): { failed: UpstreamFailure | undefined; noted: TurnError[] } {
  let failed: UpstreamFailure | undefined;
  const noted: TurnError[] = [];
  const sink = { start: () => {}, data: () => true, end: () => {}, fail: (failure: UpstreamFailure) => (failed = failure) };
  const reply = new PlanReply(
    sink,
    false,
    (error) => noted.push(error),
    () => {},
  );
  reply.start(200, { 'content-type': 'text/event-stream' });
  for (const event of events) reply.data(Buffer.from(`data: ${JSON.stringify(event)}\n\n`));
  reply.end();
  return { failed, noted };
}

describe('a plan’s stream that fails, for a client that wants the reply in one piece', () => {
  const why = { code: 'rate_limit_exceeded', message: 'Rate limit reached. Please try again in 11s.' };
  const limit = { kind: 'rate_limited', message: why.message, retryAfter: 11 };
  it.each([
    ['response.failed', { type: 'response.failed', response: { id: 'resp_1', status: 'failed', error: why } }],
    ['an error event', { type: 'error', ...why, param: null, sequence_number: 1 }],
    ['an error event with its words inside', { type: 'error', error: why }],
  ])('is the error it tells, with its wait: %s', (_how, event) => {
    const { failed, noted } = whole({ type: 'response.created', response: { id: 'resp_1' } }, event);
    expect(failed).toMatchObject({ kind: 'refused', error: limit });
    expect(noted).toMatchObject([limit]);
  });
  it('is a cut where it tells nothing', () => {
    expect(whole({ type: 'response.created', response: { id: 'resp_1' } })).toMatchObject({ failed: { kind: 'cut' }, noted: [] });
  });
});

describe('a plan’s refusal', () => {
  const refused = (status: number, type: string, body: string): TurnError[] => {
    const noted: TurnError[] = [];
    const sink = { start: () => {}, data: () => true, end: () => {}, fail: () => {} };
    const reply = new PlanReply(
      sink,
      true,
      (error) => noted.push(error),
      () => {},
    );
    reply.start(status, { 'content-type': type });
    reply.data(Buffer.from(body));
    reply.end();
    return noted;
  };
  it('says nothing of the account where a page stands in for OpenAI', () => {
    expect(refused(403, 'text/html; charset=utf-8', '<!doctype html><title>Blocked by your organization</title>')).toEqual([
      { kind: 'upstream_failed', message: expect.stringMatching(/^What answered for OpenAI was something else/) },
    ]);
  });
  it.each([
    [403, 'application/json', '{"detail":"Forbidden"}', 'not_entitled'],
    [403, 'text/plain', 'no', 'not_entitled'],
    [429, 'text/html', '<html>Too many requests</html>', 'rate_limited'],
  ])('of %i as %s, %j, is read as it was', (status, type, body, kind) => expect(refused(status, type, body)).toMatchObject([{ kind }]));
});

describe('a plan’s stream that fails, for a client that reads the stream', () => {
  const told = (code: string): unknown => {
    let text = '';
    const sink = { start: () => {}, data: (chunk: Buffer) => ((text += chunk.toString()), true), end: () => {}, fail: () => {} };
    const reply = new PlanReply(
      sink,
      true,
      () => {},
      () => {},
    );
    reply.start(200, { 'content-type': 'text/event-stream' });
    const response = { id: 'resp_1', status: 'failed', error: { code, message: 'It reads so.' } };
    reply.data(Buffer.from(`event: response.failed\ndata: ${JSON.stringify({ type: 'response.failed', response })}\n\n`));
    const event: { response: { error: unknown } } = JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? '{}');
    return event.response.error;
  };
  // Codex repeats the call five times over where it does not know the code (SPEC 4.4).
  it.each([
    ['subscription_sharing_usage_limit_exceeded', 'insufficient_quota'],
    ['subscription_sharing_usage_unavailable', 'server_is_overloaded'],
    // Clients of other formats read from it that a person has to sign in.
    ['subscription_sharing_invalid_user', 'subscription_sharing_invalid_user'],
    ['usage_not_included', 'usage_not_included'],
    ['rate_limit_exceeded', 'rate_limit_exceeded'],
    ['new_code', 'new_code'],
  ])('says %s as %s', (code, known) => expect(told(code)).toEqual({ code: known, message: 'It reads so.' }));
});
