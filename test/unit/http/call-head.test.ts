import http from 'node:http';
import { duplexPair } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCallHead, type CallHead } from '../../../bridges/http/call-head.ts';

type Read = { target: string; headers: http.IncomingHttpHeaders; rawHeaders: string[]; httpVersion: string; lasts: boolean; body: string };

/** What Node's server makes of the same bytes: every request in them, up to the first that it refuses. */
async function nodeReads(bytes: Buffer): Promise<Read[]> {
  const read: Read[] = [];
  const server = http.createServer({ maxHeaderSize: 16 * 1024, requireHostHeader: false }, (req, res) => {
    const request: Read = {
      target: req.url ?? '',
      headers: req.headers,
      rawHeaders: req.rawHeaders,
      httpVersion: req.httpVersion,
      lasts: res.shouldKeepAlive,
      body: '',
    };
    req.on('data', (piece: Buffer) => (request.body += piece.toString('latin1')));
    req.on('end', () => {
      read.push(request);
      res.end();
    });
  });
  const [ours, theirs] = duplexPair();
  const closed = new Promise<void>((resolve) => ours.once('close', resolve));
  server.on('clientError', (_error, socket) => socket.destroy());
  server.emit('connection', theirs);
  ours.resume();
  theirs.once('close', () => ours.destroy());
  ours.on('error', () => ours.destroy());
  ours.end(bytes);
  await closed;
  return read;
}

/** What Node's server has to make of a head that was read here. */
function asNodeReads({ target, headers, rawHeaders }: CallHead, body: string): Read {
  return { target, headers, rawHeaders, httpVersion: '1.1', lasts: true, body };
}

const AFTER = 'POST /after HTTP/1.1\r\ncontent-length: 0\r\n\r\n';
const BODY = 'hello';
const head = (lines: string, target = '/v1/x'): string => `POST ${target} HTTP/1.1\r\n${lines}\r\n`;
const plain = (more: string): string => head(`Host: a\r\ncontent-length: 5\r\n${more}`);
const read = (text: string): ReturnType<typeof readCallHead> => readCallHead(Buffer.from(text, 'latin1'));

describe('a head in the plainest form', () => {
  it.each([
    ['a call', plain('')],
    ['names in any case', head('HOST: a\r\nContent-LENGTH: 5\r\nX-One: 1\r\n')],
    ['no blank behind the colon', head('host:a\r\ncontent-length:5\r\nx:y\r\n')],
    ['blanks and tabs around values', head('host: \t a \t\r\ncontent-length: \t5 \r\nx:\t y z \t\r\n')],
    ['an empty value', plain('x:\r\ny: \t \r\n')],
    ['a blank of Latin-1 in a value', plain('x: \xa0a\xa0\r\n')],
    ['other Latin-1 in a value', plain('x: \xe4\x80\xff\r\n')],
    ['a connection that lasts', plain('Connection: Keep-Alive\r\n')],
    ['a hint how long', plain('keep-alive: timeout=5\r\n')],
    ['a length with noughts before it', head('content-length: 0005\r\n')],
    ['names that objects have', plain('constructor: 2\r\nhasownproperty: 3\r\ntoString: 4\r\n')],
    ['every character of a name', plain("!#$%&'*+-.^_`|~09azAZ: x\r\n")],
    ['colons in a value', plain('x: a:b: c\r\n')],
    ['a cookie', plain('cookie: a=b; c=d\r\n')],
    ['a query and a fragment', head('content-length: 5\r\n', '/v1/x?a=b&c=%20?#d')],
    ['all that a target may hold', head('content-length: 5\r\n', '/!"$%&\'()*+,-./:;<=>?@[\\]^_`{|}~#a')],
    ['no header but the length', head('content-length: 5\r\n')],
    ['a hundred headers', plain(Array.from({ length: 98 }, (_, i) => `x${i}: ${i}\r\n`).join(''))],
  ])('(%s) is read as Node reads it', async (_what, text) => {
    const bytes = Buffer.from(text + BODY + AFTER, 'latin1');
    const ours = readCallHead(bytes);
    if (ours === undefined) throw new Error('it was left');
    const [first, second] = await nodeReads(bytes);
    expect(first).toEqual(asNodeReads(ours, bytes.toString('latin1', ours.end, ours.end + ours.length)));
    expect(second?.target).toBe('/after');
    expect(ours.length).toBe(5);
  });

  it('tells a body of nothing', () => expect(read(head('content-length: 0\r\n'))).toMatchObject({ length: 0, end: 42 }));
});

describe('a head that is anything else', () => {
  it.each([
    ['another method', 'GET /v1/x HTTP/1.1\r\ncontent-length: 5\r\n\r\n'],
    ['a method in small letters', 'post /v1/x HTTP/1.1\r\ncontent-length: 5\r\n\r\n'],
    ['HTTP/1.0', 'POST /v1/x HTTP/1.0\r\ncontent-length: 5\r\n\r\n'],
    ['HTTP/1.2', 'POST /v1/x HTTP/1.2\r\ncontent-length: 5\r\n\r\n'],
    ['no version', 'POST /v1/x\r\ncontent-length: 5\r\n\r\n'],
    ['a version in small letters', 'POST /v1/x http/1.1\r\ncontent-length: 5\r\n\r\n'],
    ['two blanks before the target', 'POST  /v1/x HTTP/1.1\r\ncontent-length: 5\r\n\r\n'],
    ['two blanks behind it', 'POST /v1/x  HTTP/1.1\r\ncontent-length: 5\r\n\r\n'],
    ['a blank behind the version', 'POST /v1/x HTTP/1.1 \r\ncontent-length: 5\r\n\r\n'],
    ['a tab before the target', 'POST\t/v1/x HTTP/1.1\r\ncontent-length: 5\r\n\r\n'],
    ['no target', 'POST HTTP/1.1\r\ncontent-length: 5\r\n\r\n'],
    ['an empty line before it', '\r\nPOST /v1/x HTTP/1.1\r\ncontent-length: 5\r\n\r\n'],
    ['a target with an origin', head('content-length: 5\r\n', 'http://a/v1/x')],
    ['a target that is a star', head('content-length: 5\r\n', '*')],
    ['a target of Latin-1', head('content-length: 5\r\n', '/v1/\xe4')],
    ['a target with a control', head('content-length: 5\r\n', '/v1/\x01')],
    ['a target with DEL', head('content-length: 5\r\n', '/v1/\x7f')],
    ['a name that Node loses', plain('__proto__: 1\r\n')],
    ['no length', head('host: a\r\n')],
    ['an empty length', head('content-length:\r\n')],
    ['a length with a sign', head('content-length: +5\r\n')],
    ['a length below nought', head('content-length: -5\r\n')],
    ['a length with a point', head('content-length: 5.0\r\n')],
    ['a length told twice in one', head('content-length: 5, 5\r\n')],
    ['a length told twice', head('content-length: 5\r\nContent-Length: 5\r\n')],
    ['two lengths', head('content-length: 5\r\ncontent-length: 6\r\n')],
    ['a length in hexadecimal', head('content-length: 0x5\r\n')],
    ['a length with an exponent', head('content-length: 5e0\r\n')],
    ['a length with a blank in it', head('content-length: 5 5\r\n')],
    ['a length beyond all numbers', head('content-length: 9999999999999999\r\n')],
    ['a length behind a blank of Latin-1', head('content-length: \xa05\r\n')],
    ['chunks', head('transfer-encoding: chunked\r\n')],
    ['chunks and a length', plain('transfer-encoding: chunked\r\n')],
    ['chunks of another spelling', plain('Transfer-Encoding: xchunked\r\n')],
    ['a wish to be asked for the body', plain('expect: 100-continue\r\n')],
    ['an offer of another protocol', plain('upgrade: h2c\r\n')],
    ['trailers', plain('trailer: x\r\n')],
    ['a wish for trailers', plain('te: trailers\r\n')],
    ['a connection that ends', plain('connection: close\r\n')],
    ['a connection with names', plain('connection: keep-alive, x\r\n')],
    ['a connection of nothing', plain('connection:\r\n')],
    ['a connection to a proxy that ends', plain('Proxy-Connection: close\r\n')],
    ['a cookie that is set', plain('set-cookie: a=b\r\n')],
    ['a header twice', plain('x: 1\r\nX: 2\r\n')],
    ['Host twice', plain('host: a\r\n')],
    ['a blank before the colon', plain('x : 1\r\n')],
    ['a tab before the colon', head('content-length\t: 5\r\n')],
    ['a folded line', plain('x: 1\r\n 2\r\n')],
    ['a line folded with a tab', plain('x: 1\r\n\t2\r\n')],
    ['a first line that is folded', head(' x: 1\r\ncontent-length: 5\r\n')],
    ['a line without a colon', plain('x\r\n')],
    ['a header without a name', plain(': x\r\n')],
    ['a name of Latin-1', plain('x\xe4: 1\r\n')],
    ['a name with a bracket', plain('x(: 1\r\n')],
    ['NUL in a value', plain('x: a\0b\r\n')],
    ['a control in a value', plain('x: a\x01b\r\n')],
    ['DEL in a value', plain('x: a\x7fb\r\n')],
    ['a lone LF', plain('x: 1\ny: 2\r\n')],
    ['a lone CR', plain('x: 1\ry: 2\r\n')],
    ['an LF behind the first line', 'POST /v1/x HTTP/1.1\ncontent-length: 5\r\n\r\n'],
    ['no CR before the body', 'POST /v1/x HTTP/1.1\r\ncontent-length: 5\r\n\n'],
    ['a hundred and one headers', plain(Array.from({ length: 99 }, (_, i) => `x${i}: ${i}\r\n`).join(''))],
    ['a long head', plain(`x: ${'y'.repeat(12 * 1024)}\r\n`)],
    ['no end', head('content-length: 5\r\n').slice(0, -1)],
    ['nothing', ''],
  ])('(%s) is left', (_what, text) => {
    expect(read(`${text}hello`)).toBeUndefined();
  });

  it('is left wherever it is split', () => {
    const whole = plain('x: y\r\n');
    for (let at = 0; at < whole.length; at += 1) expect(read(whole.slice(0, at))).toBeUndefined();
    expect(read(whole)).toBeDefined();
  });
});

const byte = fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code));
const blanks = fc.oneof({ weight: 20, arbitrary: fc.constantFrom('', ' ', '\t', ' \t ', '\xa0') }, fc.constantFrom('\v', '\r'));
const name = fc.oneof(
  { weight: 8, arbitrary: fc.stringMatching(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,12}$/) },
  fc.constantFrom(
    'Host',
    'Authorization',
    'set-cookie',
    'cookie',
    '__proto__',
    'proxy-connection',
    'keep-alive',
    'x y',
    'etag',
    'age',
    'from',
  ),
  fc.string({ unit: byte, maxLength: 4 }),
);
const value = fc.oneof(
  { weight: 8, arbitrary: fc.stringMatching(/^[\t\x20-\x7e\x80-\xff]{0,20}$/) },
  fc.string({ unit: byte, maxLength: 6 }),
  fc.constantFrom('close', 'keep-alive', 'chunked', 'x, close', 'a\r\n b'),
);
const line = fc
  .tuple(name, fc.oneof({ weight: 20, arbitrary: fc.constant(':') }, fc.constant(' :')), blanks, value, blanks)
  .map((parts) => `${parts.join('')}\r\n`);
const length = fc.oneof({ weight: 8, arbitrary: fc.constantFrom('5', '05', ' 5\t') }, fc.constantFrom('+5', '5,5', ''));
const target = fc.oneof(
  { weight: 6, arbitrary: fc.stringMatching(/^\/[\x21-\x7e]{0,20}$/) },
  fc.string({ unit: byte, maxLength: 6 }).map((odd) => `/${odd}`),
);

it('whatever is read here, Node reads in the same way', async () => {
  let accepted = 0;
  await fc.assert(
    fc.asyncProperty(target, fc.array(line, { maxLength: 6 }), length, fc.nat(6), async (to, lines, told, at) => {
      const text = head(lines.toSpliced(at, 0, `Content-Length:${told}\r\n`).join(''), to);
      const bytes = Buffer.from(text + BODY + AFTER, 'latin1');
      const ours = readCallHead(bytes);
      if (ours === undefined) return;
      accepted += 1;
      const [first, second] = await nodeReads(bytes);
      expect(first).toEqual(asNodeReads(ours, BODY));
      expect(ours.end).toBe(text.length);
      expect(second?.target).toBe('/after');
    }),
    { numRuns: 1_500 },
  );
  expect(accepted).toBeGreaterThan(0);
});
