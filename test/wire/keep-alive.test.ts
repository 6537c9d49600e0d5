import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { CallEnd } from '../../bridges/capture/recorder.ts';
import { CrossedReply } from '../../bridges/companion/crossed.ts';
import { checkStream } from '../../bridges/wire/grammar.ts';
import type { JsonObject, WireFormat } from '../../bridges/wire/turn.ts';
import { cross } from './hub.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

/** A reply that crosses, and what its client has been sent. */
function replying(from: WireFormat, to: WireFormat, more: JsonObject = {}) {
  const ask = from === 'responses' ? { input: 'hi' } : { max_tokens: 9, messages: [{ role: 'user', content: 'hi' }] };
  const res = new ServerResponse(new IncomingMessage(new Socket()));
  const sent = { status: 0, text: '', end: undefined as CallEnd | undefined };
  const call = {
    id: 1,
    replyStart: (status: number) => void (sent.status = status),
    replyData: (bytes: Buffer) => void (sent.text += bytes.toString()),
    upstreamRequest: () => {},
    upstreamReplyStart: () => {},
    upstreamReplyData: () => {},
    end: (end: CallEnd) => void (sent.end = end),
  };
  const crossing = cross(from, to, { model: 'm', stream: true, ...ask, ...more });
  const reply = new CrossedReply(res, () => call, { crossing, idleMs: 60_000, headers: {} });
  const stream = (): void => reply.start(200, { 'content-type': 'text/event-stream' });
  const data = (...events: object[]): void =>
    void reply.data(Buffer.from(events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('')));
  /** Seconds go by. Returns what the client got meanwhile. */
  const wait = (seconds: number): string => {
    const before = sent.text.length;
    vi.advanceTimersByTime(seconds * 1000);
    return sent.text.slice(before);
  };
  return { reply, sent, stream, data, wait, said: (bytes: string) => reply.data(Buffer.from(bytes)) };
}

const LIFE: [from: WireFormat, to: WireFormat, sign: string][] = [
  ['responses', 'chat', 'event: response.in_progress'],
  ['chat', 'responses', ': keep-alive'],
  ['messages', 'chat', 'event: ping'],
];

it.each(LIFE)('a %s client hears that we live every ten seconds while a %s upstream is silent', (from, to, sign) => {
  const { stream, wait, sent } = replying(from, to);
  stream();
  expect(wait(9.9)).toBe('');
  expect(wait(0.2)).toContain(sign);
  expect(sent.status).toBe(200);
  expect(wait(10)).toContain(sign);
});

it.each(LIFE)('to a %s client comments of a %s upstream are silence', (from, to, sign) => {
  const { stream, said, wait } = replying(from, to);
  stream();
  said(': here\n\n');
  wait(6);
  said(': here\n\n');
  expect(wait(6)).toContain(sign);
});

it('input that is held back until it is whole is silence, too', () => {
  const tools = [{ type: 'custom', name: 'patch' }];
  const { stream, data, wait, reply, sent } = replying('responses', 'messages', { tools });
  stream();
  data(
    { type: 'message_start', message: { id: 'm', model: 'c', content: [] } },
    { type: 'content_block_start', index: 0, content_block: { type: 'tool_use', id: 't', name: 'patch', input: {} } },
  );
  for (const piece of ['{"inp', 'ut":', '"x"}']) {
    wait(4);
    data({ type: 'content_block_delta', index: 0, delta: { type: 'input_json_delta', partial_json: piece } });
  }
  expect(sent.text.match(/event: response.in_progress/g)).toHaveLength(2);
  data({ type: 'content_block_stop', index: 0 }, { type: 'message_stop' });
  reply.end();
  expect(checkStream('responses', sent.text)).toEqual([]);
});

it('what the client gets puts the sign of life off', () => {
  const { stream, data, wait } = replying('messages', 'chat');
  stream();
  wait(6);
  data({ choices: [{ index: 0, delta: { content: 'a' } }] });
  expect(wait(9.9)).toBe('');
  expect(wait(0.2)).toContain('event: ping');
});

it.each(LIFE)('an error of the upstream is told in the stream of a %s client that heard a sign of life', (from, to) => {
  const { stream, data, wait, reply, sent } = replying(from, to);
  stream();
  wait(10);
  data({ type: 'error', code: 'rate_limit_exceeded', error: { message: 'Slow down.', code: 'rate_limit_exceeded' } });
  reply.end();
  expect(sent.text).toContain('Slow down.');
  expect(checkStream(from, sent.text)).toEqual([]);
  expect(sent.end).toMatchObject({ cut: true, error: 'Slow down.' });
});

it.each(LIFE)('nothing is told to a %s client before the %s upstream has answered: its error keeps its status', (from, to) => {
  const { reply, wait, sent } = replying(from, to);
  expect(wait(60)).toBe('');
  reply.start(429, { 'content-type': 'application/json' });
  reply.data(Buffer.from('{"error":{"message":"Slow down.","code":"rate_limit_exceeded"}}'));
  reply.end();
  expect(sent.status).toBe(429);
});
