import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import zlib from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startFakeUpstream, type FakeUpstream } from '../fakes/upstream.ts';
import { startTestEngine, type TestEngine } from '../support/engine.ts';
import { sendRaw, statusOf } from '../support/raw.ts';

let engine: TestEngine;
let provider: FakeUpstream;

beforeAll(async () => {
  provider = await startFakeUpstream(
    (_req, res) => void res.writeHead(200, { 'content-type': 'application/json' }).end('{"model":"real","choices":[]}'),
  );
  engine = await startTestEngine({
    settings: {
      limits: { headersMs: 300, idleMs: 400, connections: 64, bodyBytes: 1024 * 1024 },
      upstreams: { openai: { baseUrl: provider.baseUrl }, anthropic: { baseUrl: provider.baseUrl } },
    },
  });
});
afterAll(async () => {
  await engine.stop();
  await provider.stop();
});

const GOOD_BODY = '{"model":"practice/echo","messages":[{"role":"user","content":"hello"}]}';
const host = (): string => `127.0.0.1:${engine.port}`;

/** A request that would be served, with some of its parts replaced. `undefined` leaves a header out. */
function request(change: { line?: string; headers?: Record<string, string | string[] | undefined>; body?: string } = {}): string {
  const body = change.body ?? GOOD_BODY;
  const headers: Record<string, string | string[] | undefined> = {
    host: host(),
    authorization: `Bearer ${engine.key}`,
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
    ...change.headers,
  };
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [value].flat().map((one) => `${name}: ${one}`),
  );
  return `${change.line ?? 'POST /v1/chat/completions HTTP/1.1'}\r\n${lines.join('\r\n')}\r\n\r\n${body}`;
}
const status = async (change: Parameters<typeof request>[0]): Promise<number> => statusOf(await sendRaw(engine.port, request(change)));

it('serves the request all of these are variations of', async () => {
  expect(await status({})).toBe(200);
});

describe('who is addressed', () => {
  it.each(['evil.com', '0.0.0.0', '127.0.0.1.nip.io', 'localhost.', '127.0.0.1', '127.0.0.1:1', '[::1]', '192.168.0.1'])(
    'refuses the host %s',
    async (name) => {
      const value = /:\d+$/.test(name) ? name : name === '127.0.0.1' ? name : `${name}:${engine.port}`;
      expect(await status({ headers: { host: value } })).toBe(421);
    },
  );
  it('accepts localhost with the right port', async () => {
    expect(await status({ headers: { host: `localhost:${engine.port}` } })).toBe(200);
  });
  it('refuses a request without a host, and one with two', async () => {
    expect(await status({ headers: { host: undefined } })).toBe(400);
    expect(await status({ headers: { host: [host(), 'evil.com'] } })).toBe(400);
  });
  it.each([
    'http://evil.com/v1/chat/completions',
    '//evil.com/v1/chat/completions',
    '/v1/%2e%2e/x',
    '/v1%2fmodels',
    '/v1/models/..%2f..%2fchat',
    '/v1/models/a%2f%2e%2e%2fb',
    '/v1/models/a%2fb/c',
    '/v1/models/a%2fb%00',
    '/v1/%00',
    '/v1/..\\x',
    '/v1/../v1/models',
    '*',
  ])('refuses the target %s', async (target) => {
    expect(await status({ line: `POST ${target} HTTP/1.1` })).toBe(400);
  });
});

describe('who calls', () => {
  it.each(['https://evil.com', 'null', 'http://localhost:5173', 'http://127.0.0.1:11435', 'vscode-webview://x'])(
    'refuses the origin %s',
    async (origin) => {
      expect(await status({ headers: { origin } })).toBe(403);
    },
  );
  it.each(['cross-site', 'same-site', 'same-origin', 'none'])('refuses a browser (sec-fetch-site: %s)', async (site) => {
    expect(await status({ headers: { 'sec-fetch-site': site } })).toBe(403);
  });
  it('refuses a preflight and never answers with CORS headers', async () => {
    const preflight = await sendRaw(
      engine.port,
      request({
        line: 'OPTIONS /v1/chat/completions HTTP/1.1',
        headers: { origin: 'https://evil.com', 'access-control-request-method': 'POST' },
      }),
    );
    expect(statusOf(preflight)).toBe(403);
    expect(preflight.toLowerCase()).not.toContain('access-control-allow');
    expect((await sendRaw(engine.port, request())).toLowerCase()).not.toContain('access-control-allow');
  });
  it('refuses a cross-origin WebSocket, and declines others with 426', async () => {
    const upgrade = {
      line: 'GET /v1/responses HTTP/1.1',
      headers: {
        upgrade: 'websocket',
        connection: 'Upgrade',
        'sec-websocket-key': 'x',
        'content-type': undefined,
        'content-length': undefined,
      },
      body: '',
    };
    expect(await status(upgrade)).toBe(426);
    expect(await status({ ...upgrade, headers: { ...upgrade.headers, origin: 'https://evil.com' } })).toBe(403);
  });
  it.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', undefined])(
    'refuses the content type %s',
    async (type) => {
      expect(await status({ headers: { 'content-type': type } })).toBe(415);
    },
  );
});

describe('the key', () => {
  it('is wanted, must be known, and is compared as a whole', async () => {
    expect(await status({ headers: { authorization: undefined } })).toBe(401);
    expect(await status({ headers: { authorization: 'Bearer db_wrong' } })).toBe(401);
    expect(await status({ headers: { authorization: `Bearer ${engine.key.slice(0, -1)}` } })).toBe(401);
    expect(await status({ headers: { authorization: `Bearer ${engine.key}x` } })).toBe(401);
  });
  it('is taken as a bearer token, as x-api-key, and from the path', async () => {
    expect(await status({ headers: { authorization: undefined, 'x-api-key': engine.key } })).toBe(200);
    expect(await status({ line: `POST /k/${engine.key}/v1/chat/completions HTTP/1.1`, headers: { authorization: undefined } })).toBe(200);
  });
  it('is not taken from the query, and not written down there', async () => {
    expect(await status({ line: `POST /v1/chat/completions?key=${engine.key} HTTP/1.1`, headers: { authorization: undefined } })).toBe(401);
  });
  it('is refused twice', async () => {
    expect(await status({ headers: { authorization: [`Bearer ${engine.key}`, 'Bearer other'] } })).toBe(400);
  });
  it('is not replaced by a claim to be near', async () => {
    expect(await status({ headers: { authorization: undefined, 'x-forwarded-for': '127.0.0.1', 'x-real-ip': '127.0.0.1' } })).toBe(401);
  });
  it('leaves the body unread while it is missing', async () => {
    const answer = await sendRaw(
      engine.port,
      request({ headers: { authorization: undefined, expect: '100-continue', 'content-length': '100000' }, body: '' }),
    );
    expect(statusOf(answer)).toBe(401);
    expect(answer).not.toContain('100 Continue');
  });
  it('is asked for before a body with Expect: 100-continue is', async () => {
    const answer = await sendRaw(engine.port, request({ headers: { expect: '100-continue' } }));
    expect(answer).toMatch(/^HTTP\/1\.1 100 Continue/);
    expect(answer).toContain('HTTP/1.1 200');
  });
});

describe('smuggling', () => {
  const cases: [string, Record<string, string | string[] | undefined>, string?][] = [
    ['a length and chunks', { 'transfer-encoding': 'chunked' }, `0\r\n\r\n`],
    ['two lengths', { 'content-length': ['5', '6'] }],
    ['a space before the colon', { 'transfer-encoding ': 'chunked' }],
    ['an unknown coding', { 'content-length': undefined, 'transfer-encoding': 'xchunked' }],
    ['a coding after chunked', { 'content-length': undefined, 'transfer-encoding': 'chunked, identity' }],
    ['a folded header', { 'x-a': 'b\r\n c' }],
    ['a signed length', { 'content-length': '+5' }],
    ['a negative length', { 'content-length': '-1' }],
  ];
  it.each(cases)('refuses %s', async (_name, headers, body) => {
    expect(await status({ headers, ...(body === undefined ? {} : { body }) })).toBe(400);
  });
  it('refuses bare line feeds, an HTTP/2 preface and a TLS hello', async () => {
    expect(statusOf(await sendRaw(engine.port, request().replaceAll('\r\n', '\n')))).toBe(400);
    expect(statusOf(await sendRaw(engine.port, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'))).toBeGreaterThanOrEqual(400);
    expect(statusOf(await sendRaw(engine.port, Buffer.from('16030100c8010000c40303', 'hex')))).toBe(400);
  });
  it('does not serve what is pipelined behind a refusal', async () => {
    const answer = await sendRaw(engine.port, request({ headers: { host: 'evil.com', connection: 'keep-alive' } }) + request());
    expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(statusOf(answer)).toBe(421);
  });
  it.each(['PUT', 'TRACE', 'DELETE', 'PATCH', 'PROPFIND'])('refuses the method %s', async (method) => {
    expect(await status({ line: `${method} /v1/chat/completions HTTP/1.1` })).toBe(405);
  });
  it('is no forward proxy', async () => {
    expect(statusOf(await sendRaw(engine.port, `CONNECT evil.com:443 HTTP/1.1\r\nhost: evil.com:443\r\n\r\n`))).toBe(405);
  });
});

describe('sizes', () => {
  it('refuses a header bomb', async () => {
    expect(await status({ headers: { 'x-big': 'a'.repeat(20_000) } })).toBe(431);
    expect(await status({ headers: Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`x-${i}`, 'a'])) })).toBe(431);
  });
  it('refuses a declared length over the cap at once', async () => {
    expect(await status({ headers: { 'content-length': String(2 * 1024 * 1024) }, body: '' })).toBe(413);
  });
  it('refuses chunks over the cap', async () => {
    const chunk = `${(64 * 1024).toString(16)}\r\n${'a'.repeat(64 * 1024)}\r\n`;
    const answer = await sendRaw(
      engine.port,
      request({ headers: { 'content-length': undefined, 'transfer-encoding': 'chunked' }, body: chunk.repeat(20) }),
    );
    expect(statusOf(answer)).toBe(413);
  });
  it.each(['gzip', 'zstd'] as const)('refuses a small %s body that stands for a large one', async (encoding) => {
    const bomb = (encoding === 'gzip' ? zlib.gzipSync : zlib.zstdCompressSync)(Buffer.alloc(8 * 1024 * 1024, 0x20));
    const head = request({ headers: { 'content-length': String(bomb.length), 'content-encoding': encoding }, body: '' });
    expect(statusOf(await sendRaw(engine.port, Buffer.concat([Buffer.from(head), bomb])))).toBe(413);
  });
  it('refuses deep nesting, broken JSON and bad UTF-8', async () => {
    expect(await status({ body: `{"model":"practice/echo","messages":${'['.repeat(100)}${']'.repeat(100)}}` })).toBe(400);
    expect(await status({ body: '{"model":"practice/echo",' })).toBe(400);
    const bad = Buffer.from(GOOD_BODY.replace('hello', 'h\u00e9llo'), 'latin1');
    const head = request({ headers: { 'content-length': String(bad.length) }, body: '' });
    expect(statusOf(await sendRaw(engine.port, Buffer.concat([Buffer.from(head), bad])))).toBe(400);
  });
  it('leaves __proto__ in a body without effect', async () => {
    expect(await status({ body: GOOD_BODY.replace('{', '{"__proto__":{"polluted":true},') })).toBe(200);
    expect('polluted' in {}).toBe(false);
  });
  it('refuses more sockets than allowed', async () => {
    const sockets = await Promise.all(
      Array.from({ length: 100 }, () => {
        const socket = net.connect(engine.port, '127.0.0.1');
        socket.on('error', () => {});
        return new Promise<net.Socket>((resolve) => {
          socket.once('connect', () => resolve(socket));
        });
      }),
    );
    const refused = sockets.map(
      (socket) =>
        new Promise<boolean>((resolve) => {
          socket.once('close', () => resolve(true));
        }),
    );
    await Promise.race(refused);
    for (const socket of sockets) socket.destroy();
    // The rest of the tests need the places back.
    await expect.poll(() => status({})).toBe(200);
  });
});

describe('slow senders', () => {
  it('gives up on headers that dribble', async () => {
    const socket = net.connect(engine.port, '127.0.0.1');
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
    socket.write('POST /v1/chat/completions HTTP/1.1\r\nhost: ');
    await new Promise((resolve) => {
      socket.once('close', resolve);
    });
    expect(statusOf(answer)).toBe(408);
  });
  it('gives up on a body that stops', async () => {
    const answer = await sendRaw(engine.port, request({ headers: { 'content-length': '1000' }, body: '{"model":' }));
    expect(statusOf(answer)).toBe(408);
  });
  it.each(['POST /health', 'POST /', 'GET /health', 'GET /v1/models', 'GET /backend-api/x'])(
    'closes on a body that %s has no use for, however slowly it comes',
    async (line) => {
      provider.answer = (_req, res) => void res.end('{}');
      const socket = net.connect(engine.port, '127.0.0.1');
      let closed = false;
      let answer = '';
      socket.on('error', () => {});
      socket.on('close', () => (closed = true));
      socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
      const [method, target] = line.split(' ');
      const authorization = 'Bearer own';
      const path = target?.startsWith('/h') === true || target === '/' ? target : `/k/${engine.key}${target}`;
      const chunked = { authorization, connection: 'keep-alive', 'content-length': undefined, 'transfer-encoding': 'chunked' };
      socket.write(request({ line: `${method} ${path} HTTP/1.1`, headers: chunked, body: '' }));
      await expect
        .poll(() => {
          socket.write('1\r\nx\r\n');
          return closed;
        })
        .toBe(true);
      expect(statusOf(answer)).toBeGreaterThan(199);
    },
  );
  it('cuts a client that never reads its reply', async () => {
    provider.answer = (_req, res) => {
      res.writeHead(200, { 'content-type': 'application/json' });
      const block = Buffer.alloc(256 * 1024, 0x20);
      const more = (): void => {
        while (!res.destroyed && res.write(block));
      };
      res.on('drain', more);
      more();
    };
    const socket = net.connect(engine.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.pause();
    socket.write(
      request({
        line: `POST /k/${engine.key}/v1/chat/completions HTTP/1.1`,
        headers: { authorization: 'Bearer own', connection: 'keep-alive' },
        body: GOOD_BODY.replace('practice/echo', 'big'),
      }),
    );
    const call = await engine.call((row) => row.modelRequested === 'big');
    expect(call.cut).toBe(true);
    socket.destroy();
  });
});

describe('where calls go', () => {
  it.each(['base_url', 'api_base', 'endpoint', 'proxy', 'api\\u005fbase', '\\u0070roxy'])('refuses %s in a body', async (field) => {
    expect(await status({ body: GOOD_BODY.replace('{', `{"${field}":"https://evil.com",`) })).toBe(400);
  });
  it('chooses by the model that the upstream reads, however its name is written', async () => {
    provider.seen.length = 0;
    provider.answer = (_req, res) => void res.end('{}');
    const body = GOOD_BODY.replace('"messages"', '"mod\\u0065l":"gpt","messages"');
    await status({ line: `POST /k/${engine.key}/v1/chat/completions HTTP/1.1`, headers: { authorization: 'Bearer own' }, body });
    expect(provider.seen.map((seen) => seen.body.toString())).toEqual([body]);
  });
  it('does not follow an upstream that redirects', async () => {
    provider.answer = (_req, res) => void res.writeHead(307, { location: 'https://evil.com/' }).end();
    expect(
      await status({
        line: `POST /k/${engine.key}/v1/chat/completions HTTP/1.1`,
        headers: { authorization: 'Bearer own' },
        body: GOOD_BODY.replace('practice/echo', 'gpt'),
      }),
    ).toBe(502);
  });
  it('never passes its own key on', async () => {
    provider.answer = (_req, res) => void res.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    await status({
      line: `POST /k/${engine.key}/v1/chat/completions HTTP/1.1`,
      headers: { authorization: 'Bearer own', 'x-api-key': engine.key, cookie: 'session=1', origin: undefined },
      body: GOOD_BODY.replace('practice/echo', 'gpt'),
    });
    const last = provider.seen.at(-1);
    expect(JSON.stringify(last?.rawHeaders)).not.toContain(engine.key);
    expect(last?.headers['cookie']).toBeUndefined();
    expect(last?.url).toBe('/v1/chat/completions');
    expect(last?.headers['authorization']).toBe('Bearer own');
  });
});

describe('what is bound', () => {
  it('is 127.0.0.1 and nothing else', () => {
    const listening = execFileSync('cat', ['/proc/net/tcp', '/proc/net/tcp6']).toString();
    const hex = engine.port.toString(16).toUpperCase().padStart(4, '0');
    const addresses = listening.split('\n').flatMap((line) => {
      const [, local, , state] = line.trim().split(/\s+/);
      return local?.endsWith(`:${hex}`) === true && state === '0A' ? [local] : [];
    });
    expect(addresses).toEqual([`0100007F:${hex}`]);
  });
  it('is not reached on the address of the network', async () => {
    const lan = Object.values(os.networkInterfaces())
      .flat()
      .find((entry) => entry?.family === 'IPv4' && !entry.internal)?.address;
    if (lan === undefined) return;
    await expect(new Promise((_resolve, reject) => net.connect(engine.port, lan).once('error', reject))).rejects.toThrow('ECONNREFUSED');
  });
});

describe('what is written down', () => {
  it('holds no secret that was sent in any place', async () => {
    const canary = 'canary9f8e7d6c5b4a3f2e1d0c';
    provider.answer = (_req, res) =>
      void res
        .writeHead(500, { 'content-type': 'application/json', 'set-cookie': `s=${canary}` })
        .end(`{"error":{"message":"\u001b[31mbad Bearer ${canary}\u001b[0m"}}`);
    const req = http.request({
      port: engine.port,
      host: '127.0.0.1',
      path: `/k/${engine.key}/v1/chat/completions?api_key=${canary}&token=${canary}`,
      method: 'POST',
    });
    for (const [name, value] of Object.entries({
      authorization: `Bearer ${canary}`,
      'x-api-key': canary,
      cookie: `a=${canary}`,
      'cf-access-client-secret': canary,
      'chatgpt-account-id': canary,
      'content-type': 'application/json',
    })) {
      req.setHeader(name, value);
    }
    req.end('{"model":"canary-model","messages":[]}');
    await new Promise((resolve) => {
      req.once('response', (res) => res.resume().once('end', resolve));
    });
    const row = await engine.call((call) => call.modelRequested === 'canary-model');
    const detail = await engine.control.calls.get({ id: row.id });
    const { body: _reply, ...replyHead } = detail.client.reply;
    expect(JSON.stringify([row, detail.client.request, replyHead])).not.toContain(canary);
    expect(JSON.stringify(row)).not.toContain(engine.key);
    const logs = path.join(engine.home, 'logs');
    const written = readdirSync(logs)
      .map((name) => readFileSync(path.join(logs, name), 'utf8'))
      .join('');
    expect(written).not.toContain(canary);
    expect(written).not.toContain(engine.key);
    expect(written).not.toContain('\u001b');
    expect(readFileSync(path.join(engine.home, 'keys.json'), 'utf8')).not.toContain(engine.key);
  });
});
