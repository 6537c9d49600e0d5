import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReplyReader } from '../../../bridges/upstreams/reply-reader.ts';

type Read = {
  status: number | undefined;
  headers: Record<string, string | string[]> | undefined;
  body: string;
  pieces: number;
  /** The bytes of the body that had come when a piece was told to be the last. */
  lastAt: number | undefined;
  done: boolean;
  lasting: boolean;
  problem: string | undefined;
  keepAliveMs: number | undefined;
};

/** Reads a reply that comes in these pieces, and then the connection's end where it is told so. */
function read(pieces: readonly string[], options: { bodiless?: boolean; ends?: boolean } = {}): Read {
  const got: Pick<Read, 'status' | 'headers' | 'body' | 'pieces' | 'lastAt'> = {
    status: undefined,
    headers: undefined,
    body: '',
    pieces: 0,
    lastAt: undefined,
  };
  const reader = new ReplyReader(
    {
      head(status, headers) {
        got.status = status;
        got.headers = { ...headers };
      },
      piece(bytes, last) {
        got.pieces += 1;
        got.body += bytes.toString('latin1');
        if (last) got.lastAt ??= got.body.length;
        return true;
      },
    },
    options.bodiless === true,
  );
  for (const piece of pieces) reader.read(Buffer.from(piece, 'latin1'));
  if (options.ends === true) reader.end();
  const { done, lasting, problem, keepAliveMs } = reader;
  return { ...got, done, lasting, problem, keepAliveMs };
}

const head = (...lines: string[]): string => `${['HTTP/1.1 200 OK', ...lines].join('\r\n')}\r\n\r\n`;
const CHUNKED = head('transfer-encoding: chunked');

describe('a reply', () => {
  it('with a length is done after that many bytes', () => {
    expect(read([`${head('Content-Length: 5', 'X-One: a')}hello`])).toMatchObject({
      status: 200,
      headers: { 'content-length': '5', 'x-one': 'a' },
      body: 'hello',
      done: true,
      lasting: true,
    });
  });

  it('in chunks is told without their framing, in one piece a read', () => {
    const got = read([`${CHUNKED}3\r\nabc\r\n0a;name="v"\r\n0123456789\r\n1\r\nZ\r\n0\r\nx-trailer: 1\r\n\r\n`]);
    expect(got).toMatchObject({ body: 'abc0123456789Z', pieces: 1, done: true, lasting: true });
  });

  it('tells which piece is its last one, where the end comes with it', () => {
    expect(read([`${head('content-length: 5')}he`, 'llo'])).toMatchObject({ pieces: 2, lastAt: 5 });
    expect(read([`${CHUNKED}2\r\nab\r\n`, '1\r\nc\r\n0\r\n\r\n'])).toMatchObject({ pieces: 2, lastAt: 3 });
    expect(read([`${CHUNKED}2\r\nab\r\n`, '0\r\n\r\n'])).toMatchObject({ pieces: 1, lastAt: undefined, done: true });
    expect(read([`${CHUNKED}2\r\nab\r\n0\r\nx: `, '1\r\n\r\n'])).toMatchObject({ pieces: 1, lastAt: undefined, done: true });
    expect(read([head(), 'ab'], { ends: true })).toMatchObject({ pieces: 1, lastAt: undefined, done: true });
  });

  it('may have an extension in each of its chunks', () => {
    const got = read([CHUNKED, '5;a=bcd\r\nhello\r\n'.repeat(5_000), '0\r\n\r\n']);
    expect(got).toMatchObject({ body: 'hello'.repeat(5_000), done: true, problem: undefined });
  });

  it('with neither ends with its connection, which carries no other', () => {
    expect(read([head(), 'some', 'thing'], { ends: true })).toMatchObject({ body: 'something', done: true, lasting: false });
  });

  it('to HEAD, and one of 204 or 304, has no body whatever its headers say', () => {
    expect(read([head('content-length: 5')], { bodiless: true })).toMatchObject({ done: true, lasting: true });
    for (const status of ['204 No Content', '304 Not Modified']) {
      expect(read([`HTTP/1.1 ${status}\r\ncontent-length: 5\r\n\r\n`])).toMatchObject({ done: true, body: '' });
    }
  });

  it('comes after interim ones, which are not told', () => {
    const got = read(['HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n', `${head('content-length: 2')}ok`]);
    expect(got).toMatchObject({ status: 200, headers: { 'content-length': '2' }, body: 'ok', done: true });
  });

  it('tells all values of a header, and blanks around a value are not part of it', () => {
    expect(read([head('Set-Cookie: a', 'set-cookie:\t b \t', 'x-empty:', 'content-length: 0')]).headers).toMatchObject({
      'set-cookie': ['a', 'b'],
      'x-empty': '',
    });
  });

  it('may name headers as objects name their own parts', () => {
    const got = read([head('constructor: a', '__proto__: b', '__proto__: c', 'content-length: 0')]);
    expect(got.problem).toBeUndefined();
    expect(got.headers?.['constructor']).toBe('a');
  });

  it('keeps bytes above ASCII in headers as they are', () => {
    expect(read([head('x-name: caf\xe9', 'content-length: 0')]).headers).toMatchObject({ 'x-name': 'caf\xe9' });
  });

  it.each([
    ['closes', head('connection: close', 'content-length: 0'), false],
    ['closes, among others', head('connection: Foo , Close', 'content-length: 0'), false],
    ['is kept', head('connection: keep-alive', 'content-length: 0'), true],
    ['is HTTP/1.0', 'HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n', false],
    ['is HTTP/1.0 and kept', 'HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 0\r\n\r\n', true],
    ['brings more than was asked for', `${head('content-length: 2')}okHTTP/1.1 200 OK`, false],
    ['brings more behind its last chunk', `${CHUNKED}1\r\na\r\n0\r\n\r\nX`, false],
  ])('says whether its connection carries another one: it %s', (_what, bytes, lasting) => {
    expect(read([bytes])).toMatchObject({ done: true, lasting, problem: undefined });
  });

  it('says how long its server keeps the connection', () => {
    expect(read([head('keep-alive: timeout=5, max=100', 'content-length: 0')]).keepAliveMs).toBe(5_000);
  });
});

describe('what can be read in two ways, or in none', () => {
  const long = 'x'.repeat(17_000);
  it.each([
    ['a length and chunks', head('content-length: 3', 'transfer-encoding: chunked')],
    ['two lengths', head('content-length: 3', 'content-length: 3')],
    ['a list of lengths', head('content-length: 3, 3')],
    ['a signed length', head('content-length: +3')],
    ['a negative length', head('content-length: -1')],
    ['a length in hex', head('content-length: 0x10')],
    ['an endless length', head(`content-length: ${'9'.repeat(16)}`)],
    ['another coding', head('transfer-encoding: gzip, chunked')],
    ['a coding that looks like chunks', head('transfer-encoding: xchunked')],
    ['two codings', head('transfer-encoding: chunked', 'transfer-encoding: chunked')],
    ['a folded header', head('x-a: 1', ' folded')],
    ['a blank before the colon', head('x-a : 1')],
    ['no colon', head('x-a')],
    ['no name', head(': 1')],
    ['a lone line feed', 'HTTP/1.1 200 OK\nx-a: 1\r\n\r\n'],
    ['a lone carriage return', head('x-a: 1\rx-b: 2')],
    ['a NUL', head('x-a: \0')],
    ['an escape', head('x-a: \x1b[2J')],
    ['another protocol', 'HTTP/2 200\r\n\r\n'],
    ['no status', 'HTTP/1.1 OK\r\n\r\n'],
    ['a status of two digits', 'HTTP/1.1 99 No\r\n\r\n'],
    ['a change of protocol', 'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n'],
    ['a greeting of something else', 'SSH-2.0-OpenSSH_9.6\r\n\r\n'],
    ['headers without an end', `HTTP/1.1 200 OK\r\nx-a: ${long}`],
    ['headers that are too large', head(`x-a: ${long}`)],
    ['a chunk without a size', `${CHUNKED}\r\nabc\r\n`],
    ['a signed size', `${CHUNKED}+3\r\nabc\r\n`],
    ['a size with a prefix', `${CHUNKED}0x3\r\nabc\r\n`],
    ['a size that is too large', `${CHUNKED}${'f'.repeat(14)}\r\n`],
    ['a size that ends in a line feed', `${CHUNKED}3\nabc\r\n`],
    ['a carriage return without its line feed', `${CHUNKED}3\rabc\r\n`],
    ['a chunk that is longer than it said', `${CHUNKED}3\r\nabcd\r\n`],
    ['an endless extension', `${CHUNKED}3;${long}`],
    ['a line feed in an extension', `${CHUNKED}3;a\nabc\r\n`],
    ['endless trailers', `${CHUNKED}0\r\nx: ${long}`],
    ['a line feed in a trailer', `${CHUNKED}0\r\nx: 1\n\r\n`],
  ])('is no reply: %s', (_what, bytes) => {
    const got = read([bytes]);
    expect(got.problem).toBeTypeOf('string');
    expect(got).toMatchObject({ done: false, lasting: false });
  });

  it('is not read on', () => {
    const got = read([`${CHUNKED}3\r\nabcX`, '\r\n1\r\nd\r\n0\r\n\r\n']);
    expect(got).toMatchObject({ body: 'abc', done: false });
  });

  it.each([
    ['its head', 'HTTP/1.1 200 OK\r\n'],
    ['a body with a length', `${head('content-length: 5')}abc`],
    ['its chunks', `${CHUNKED}3\r\nabc\r\n`],
    ['its trailers', `${CHUNKED}0\r\n`],
  ])('is a reply that ends in the middle of %s', (_where, bytes) => {
    expect(read([bytes], { ends: true })).toMatchObject({ problem: expect.stringContaining('complete'), done: false });
  });
});

describe('any reply', () => {
  const chunk = fc.string({ minLength: 1, maxLength: 40, unit: 'binary-ascii' });
  const chunked = fc.array(chunk, { maxLength: 12 }).map((parts) => ({
    bytes: `${CHUNKED}${parts.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join('')}0\r\n\r\n`,
    body: parts.join(''),
  }));
  const sized = chunk.map((body) => ({ bytes: `${head(`content-length: ${body.length}`)}${body}`, body }));

  it('reads the same wherever it is split', () => {
    fc.assert(
      fc.property(fc.oneof(chunked, sized), fc.array(fc.nat(), { maxLength: 20 }), ({ bytes, body }, cuts) => {
        const at = [...new Set([0, ...cuts.map((cut) => cut % bytes.length), bytes.length])].toSorted((a, b) => a - b);
        const got = read(at.slice(1).map((end, i) => bytes.slice(at[i], end)));
        expect(got).toMatchObject({ status: 200, body, done: true, lasting: true, problem: undefined });
      }),
    );
  });

  it('byte by byte reads as it does at once', () => {
    fc.assert(
      fc.property(fc.oneof(chunked, sized), ({ bytes, body }) => {
        expect(read(bytes.split(''))).toMatchObject({ status: 200, body, done: true, lasting: true });
      }),
      { numRuns: 30 },
    );
  });

  it('that is cut anywhere is never taken for whole', () => {
    fc.assert(
      fc.property(fc.oneof(chunked, sized), fc.nat(), ({ bytes }, cut) => {
        expect(read([bytes.slice(0, cut % bytes.length)], { ends: true }).done).toBe(false);
      }),
    );
  });

  it('of any bytes at all ends in a reply or a problem, and never throws', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary-ascii', maxLength: 60 })), fc.boolean(), (pieces, ok) => {
        const got = read(ok ? [CHUNKED, ...pieces] : pieces, { ends: true });
        expect(got.done || got.problem !== undefined).toBe(true);
      }),
    );
  });
});
