import http from 'node:http';
import net from 'node:net';
import { afterEach, expect, it, vi } from 'vitest';
import { CrossedReply } from '../../bridges/companion/crossed.ts';
import { memoryHandleStore } from '../../bridges/wire/opaque.ts';
import { crossRequest } from '../../bridges/wire/translate.ts';
import { unheardCall } from '../support/unheard-call.ts';

afterEach(() => void vi.useRealTimers());

/** A reply whose client reads nothing. */
class UnreadResponse extends http.ServerResponse {
  writes = 0;
  override write(): boolean {
    this.writes += 1;
    return false;
  }
}

const START =
  'event: message_start\ndata: {"type":"message_start","message":{"id":"a","type":"message","role":"assistant","model":"m","content":[],"usage":{"input_tokens":1,"output_tokens":1}}}\n\n';

function crossedInto(res: http.ServerResponse): CrossedReply {
  const crossing = crossRequest({
    body: { model: 'm', stream: true, messages: [{ role: 'user', content: 'x' }] },
    from: 'chat',
    to: 'messages',
    store: memoryHandleStore({ max: 10, bytes: 1_000, random: () => 'r' }),
    upstream: 'gateway',
    now: 0,
    newId: (prefix) => `${prefix}_1`,
    wantsReasoning: true,
    client: { family: 'other', requestId: 'r' },
  });
  const reply = new CrossedReply(res, () => unheardCall, { crossing, idleMs: 60_000, headers: {} });
  reply.follow({ resume: () => undefined, abort: () => undefined });
  return reply;
}

it('A translated stream that its client does not read is cut in time, and nothing is added to it meanwhile', () => {
  vi.useFakeTimers();
  const res = new UnreadResponse(new http.IncomingMessage(new net.Socket()));
  const reply = crossedInto(res);
  reply.start(200, { 'content-type': 'text/event-stream' });
  expect(reply.data(Buffer.from(START))).toBe(false);
  const { writes } = res;
  vi.advanceTimersByTime(59_000);
  expect(res.writes).toBe(writes);
  expect(res.listenerCount('drain')).toBe(1);
  expect(res.destroyed).toBe(false);
  vi.advanceTimersByTime(1_000);
  expect(res.destroyed).toBe(true);
});

it.each(['text/event-stream', 'Text/Event-Stream;charset=UTF-8'])('A stream is translated while it comes: %s', (type) => {
  vi.useFakeTimers();
  const res = new UnreadResponse(new http.IncomingMessage(new net.Socket()));
  const reply = crossedInto(res);
  reply.start(200, { 'content-type': type });
  reply.data(Buffer.from(START));
  expect(res.writes).toBe(1);
});
