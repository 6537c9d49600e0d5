import { expect, it } from 'vitest';
import { Ahead } from '../../bridges/companion/ahead.ts';
import type { StreamingUpstream } from '../../bridges/upstreams/upstream.ts';

it('sends no more of a body once a piece of it holds a handle: another body goes in its place', () => {
  let aborts = 0;
  let body: unknown;
  const upstream: StreamingUpstream = {
    id: 'u',
    send(request) {
      body = request.body;
      return { resume: () => undefined, abort: () => void (aborts += 1) };
    },
    stop: () => Promise.resolve(),
  };
  const ahead = new Ahead(upstream, { method: 'POST', target: '/v1/messages', headers: [] }, 100);
  ahead.body.onWanted(() => undefined);
  ahead.body.write(Buffer.from('{"a":"db1.x"'));
  expect([ahead.aborted, aborts]).toEqual([false, 0]);
  ahead.body.write(Buffer.from(',"signature":"db1.x"'));
  expect([ahead.aborted, aborts]).toEqual([true, 1]);
  expect(body).toMatchObject({ destroyed: true });
  expect(ahead.body.write(Buffer.from('}'))).toBe(true);
});
