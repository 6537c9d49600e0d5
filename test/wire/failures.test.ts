import { expect, it } from 'vitest';
import { checkStream } from '../../bridges/wire/grammar.ts';
import type { WireFormat } from '../../bridges/wire/turn.ts';
import { between } from './between.ts';
import { post } from './post.ts';

const at = between([
  { model: '*', wire: 'messages', upstream: 'openai' },
  { model: '*', upstream: 'anthropic' },
]);

/** Asks for a stream across formats, from a provider that refuses. */
async function refusedStream(wire: WireFormat, client: string, body: object, refusal: object): Promise<Response> {
  at.answers(JSON.stringify(refusal), 'application/json', 400);
  return post(at.engine, wire, JSON.stringify({ model: 'some-model', stream: true, ...body }), { 'user-agent': client });
}

it('content that a provider refused is a reply that refuses to Claude Code', async () => {
  const ask = { max_tokens: 9, messages: [{ role: 'user', content: 'hi' }] };
  const error = { error: { message: 'The filter said no.', type: 'invalid_request_error', code: 'content_filter' } };
  const res = await refusedStream('messages', 'claude-cli/2.1.329 (external, cli)', ask, error);
  const text = await res.text();
  expect(res.status).toBe(200);
  expect(res.headers.get('content-type')).toContain('text/event-stream');
  expect(checkStream('messages', text)).toEqual([]);
  expect(text).toContain('The filter said no.');
  expect(text).toContain('"stop_reason":"refusal"');
});

it('a conversation that is too long fails in the stream of Codex, and the call says why', async () => {
  const error = { type: 'error', error: { type: 'invalid_request_error', message: 'prompt is too long: 250000 tokens > 200000 maximum' } };
  const res = await refusedStream('responses', 'codex_exec/0.169.0', { input: 'hi' }, error);
  const text = await res.text();
  expect(res.status).toBe(200);
  expect(checkStream('responses', text)).toEqual([]);
  expect(text).toContain('"code":"context_length_exceeded"');
  const call = await at.engine.call((each) => each.wireIn === 'responses');
  expect(call.error).toContain('prompt is too long');
});

// In less than the ten seconds after which a sign of life would bring it, too.
it('the head of a translated stream is there as soon as the upstream’s is', async () => {
  at.provider.answer = (_req, res) => res.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
  const client = new AbortController();
  const res = await fetch(`${at.engine.origin}/k/${at.engine.key}/v1/responses`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer of-the-client' },
    body: JSON.stringify({ model: 'some-model', stream: true, input: 'hi' }),
    signal: client.signal,
  });
  expect([res.status, res.headers.get('content-type')]).toEqual([200, expect.stringContaining('text/event-stream')]);
  client.abort();
}, 8_000);
