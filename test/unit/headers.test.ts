import { describe, expect, it } from 'vitest';
import { forwardHeaders, returnHeaders } from '../../bridges/companion/headers.ts';

describe('what belongs to one connection', () => {
  it('does not go on to an upstream', () => {
    const offer = ['Connection', 'Upgrade, HTTP2-Settings', 'Upgrade', 'h2c', 'HTTP2-Settings', 'AAEAAEAAAAIAAAABAAMAAABk'];
    expect(forwardHeaders([...offer, 'X-Own', '1', 'TE', 'trailers'], { kind: 'own' })).toEqual(['X-Own', '1']);
  });

  it.each([
    [['connection', 'close, X-Hop'], ['x-end']],
    [['connection', 'X-Hop', 'Connection', 'x-end'], []],
    [
      ['connection', 'close'],
      ['x-hop', 'x-end'],
    ],
  ])('does not go on where a client names it: %j', (connection, kept) => {
    const sent = forwardHeaders(['x-hop', 'a', ...connection, 'x-end', 'b'], { kind: 'own' });
    expect(sent.filter((_, i) => i % 2 === 0)).toEqual(kept);
  });

  it.each([
    ['keep-alive', ['x-hop', 'x-end']],
    ['Keep-Alive, X-Hop', ['x-end']],
    ['close ,x-hop,x-end', []],
    [['keep-alive', 'x-hop'], ['x-end']],
    ['content-length', ['x-hop', 'x-end']],
  ])('does not come back to a client: connection: %s', (connection, kept) => {
    const back = returnHeaders({ connection, 'content-length': '3', 'keep-alive': 'timeout=5', 'x-hop': 'a', 'x-end': 'b' });
    expect(Object.keys(back)).toEqual(['content-length', ...kept]);
  });
});
