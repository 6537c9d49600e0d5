import http from 'node:http';
import net from 'node:net';
import { expect, it, vi } from 'vitest';
import type { OpenCall } from '../../bridges/capture/recorder.ts';
import { ForwardedReply } from '../../bridges/companion/forward.ts';
import { unheardCall } from '../support/unheard-call.ts';

/** Writes down what it is told to write. */
class NotedResponse extends http.ServerResponse {
  readonly noted: string[] = [];
  override write(piece: Buffer): boolean {
    this.noted.push(`write ${piece.toString()}`);
    return true;
  }
  override end(piece?: unknown): this {
    this.noted.push(Buffer.isBuffer(piece) ? `end ${piece.toString()}` : 'end');
    return super.end();
  }
}

const flow = { resume: () => undefined, abort: () => undefined };

function forwardedInto(res: http.ServerResponse, begin: () => OpenCall = () => unheardCall): ForwardedReply {
  return new ForwardedReply(res, begin, 60_000, ({ message }) => ({ status: 502, headers: {}, body: message }));
}

const response = (): NotedResponse => new NotedResponse(new http.IncomingMessage(new net.Socket()));

it('The end of a reply leaves with the piece that is known to be the last', () => {
  const res = response();
  const reply = forwardedInto(res);
  reply.follow(flow);
  reply.start(200, { 'content-type': 'text/event-stream' });
  reply.data(Buffer.from('one'), false);
  reply.data(Buffer.from('two'), true);
  reply.end();
  expect(res.noted).toEqual(['write one', 'end two']);
});

it('The end of a reply leaves alone where its last piece was not known for one', () => {
  const res = response();
  const reply = forwardedInto(res);
  reply.follow(flow);
  reply.start(200, { 'content-type': 'text/event-stream' });
  reply.data(Buffer.from('one'));
  reply.end();
  expect(res.noted).toEqual(['write one', 'end']);
});

it('The record of a call begins once its request was sent', () => {
  const begin = vi.fn<() => OpenCall>(() => unheardCall);
  const reply = forwardedInto(response(), begin);
  expect(begin).not.toHaveBeenCalled();
  reply.follow(flow);
  reply.start(200, {});
  expect(begin).toHaveBeenCalledTimes(1);
});

it('The record of a call whose request fails at once begins with that', () => {
  const begin = vi.fn<() => OpenCall>(() => unheardCall);
  const reply = forwardedInto(response(), begin);
  reply.fail({ kind: 'unreachable', message: 'no' });
  reply.follow(flow);
  expect(begin).toHaveBeenCalledTimes(1);
});
