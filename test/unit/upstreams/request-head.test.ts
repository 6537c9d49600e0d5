import { describe, expect, it } from 'vitest';
import { requestHead } from '../../../bridges/upstreams/request-head.ts';

describe('the head of a request', () => {
  it('names the host and the length itself, and keeps the order and the case of what it is given', () => {
    expect(requestHead('POST', '/v1/x?y=1', 'host:1', ['X-B', '2', 'x-a', 'é'], 3)).toBe(
      'POST /v1/x?y=1 HTTP/1.1\r\nhost: host:1\r\nconnection: keep-alive\r\nX-B: 2\r\nx-a: é\r\ncontent-length: 3\r\n\r\n',
    );
  });

  it('says of a POST that it has no body, and of a GET nothing', () => {
    expect(requestHead('POST', '/', 'h', [], undefined)).toContain('content-length: 0\r\n');
    expect(requestHead('GET', '/', 'h', [], undefined)).not.toContain('content-length');
  });

  it.each([
    ['a line break in a value', '/', ['x-a', '1\r\nx-b: 2']],
    ['a lone line feed in a value', '/', ['x-a', '1\nx-b: 2']],
    ['a NUL in a value', '/', ['x-a', '\0']],
    ['a character of more than a byte in a value', '/', ['x-a', '…']],
    ['a colon in a name', '/', ['x:a', '1']],
    ['an empty name', '/', ['', '1']],
    ['a blank in the path', '/a b', []],
    ['a line break in the path', '/\r\nx: y', []],
    ['an empty path', '', []],
  ])('can’t hold %s', (_what, target, headers) => {
    expect(() => requestHead('GET', target, 'h', headers, undefined)).toThrow(/can’t carry/);
  });
});
