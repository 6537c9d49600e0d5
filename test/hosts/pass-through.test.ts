import http from 'node:http';
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import zlib from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startFakeUpstream, type FakeUpstream } from '../fakes/upstream.ts';
import { startTestEngine, type TestEngine } from '../support/engine.ts';

let engine: TestEngine;
let provider: FakeUpstream;
let gateway: FakeUpstream;

beforeAll(async () => {
  provider = await startFakeUpstream();
  gateway = await startFakeUpstream();
  engine = await startTestEngine({
    settings: {
      upstreams: {
        anthropic: { baseUrl: provider.baseUrl },
        openai: { baseUrl: provider.baseUrl },
        chatgpt: { baseUrl: provider.baseUrl },
        gateway: { baseUrl: `${gateway.baseUrl}/team/v1` },
      },
    },
  });
});
afterAll(async () => {
  await engine.stop();
  await provider.stop();
  await gateway.stop();
});
beforeEach(() => {
  provider.seen.length = 0;
  gateway.seen.length = 0;
});

type Sent = { method?: string; path: string; headers?: Record<string, string>; body?: string | Buffer };

/** Sends a call and gives the response as soon as its head is there. */
async function send(sent: Sent): Promise<http.IncomingMessage & { req: http.ClientRequest }> {
  const req = http.request({
    host: '127.0.0.1',
    port: engine.port,
    path: sent.path,
    method: sent.method ?? 'POST',
    headers: { 'content-type': 'application/json', ...sent.headers },
  });
  req.end(sent.body);
  const [res] = (await once(req, 'response')) as [http.IncomingMessage];
  return Object.assign(res, { req });
}
async function bytesOf(res: http.IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of res) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
const own = (path: string): Sent => ({ path: `/k/${engine.key}${path}`, headers: { authorization: 'Bearer own-credential' } });

describe('a call to the client’s own provider', () => {
  it('arrives byte for byte, with the client’s credential and headers, and comes back the same way', async () => {
    const reply = zlib.gzipSync('{"model":"gpt-real","usage":{"prompt_tokens":3,"completion_tokens":4}}');
    provider.answer = (_req, res) =>
      void res.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip', 'x-ratelimit-remaining': '7' }).end(reply);
    const body = '{ "messages" : [ {"role":"user","content":"h\\u00e9 \\ud83d\\ude00"} ],\n\t"model":"gpt-asked", "unknown": [1e3] }';
    const res = await send({ ...own('/v1/chat/completions?beta=true'), body });
    expect(res.statusCode).toBe(200);
    expect(await bytesOf(res)).toEqual(reply);
    expect(res.headers).toMatchObject({ 'content-encoding': 'gzip', 'x-ratelimit-remaining': '7' });
    const [seen] = provider.seen;
    expect(seen?.body.toString()).toBe(body);
    expect(seen?.url).toBe('/v1/chat/completions?beta=true');
    expect(seen?.headers['authorization']).toBe('Bearer own-credential');
    const row = await engine.call((call) => call.modelRequested === 'gpt-asked');
    expect(row).toMatchObject({
      upstream: 'openai',
      route: 'own provider',
      wireIn: 'chat',
      wireOut: 'chat',
      modelUsed: 'gpt-real',
      status: 200,
      usage: { input: 3, output: 4 },
      lost: [],
    });
    expect(row.requestBytes).toBe(Buffer.byteLength(body));
    expect(row.replyBytes).toBe(reply.length);
    const detail = await engine.control.calls.get({ id: row.id });
    expect(detail.client.request.body?.content).toBe(body);
    expect(detail.client.reply.body?.content).toContain('gpt-real');
    expect(detail.upstream).toBeNull();
  });

  it.each(['gzip', 'zstd'] as const)('may send a %s body: it is read for its model and passed on as it came', async (encoding) => {
    provider.answer = (_req, res) => void res.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    const plain = Buffer.from(`{"model":"packed-${encoding}","input":[]}`);
    const packed = encoding === 'gzip' ? zlib.gzipSync(plain) : zlib.zstdCompressSync(plain);
    const target = own('/backend-api/codex/responses');
    const res = await send({ ...target, headers: { ...target.headers, 'content-encoding': encoding }, body: packed });
    expect(res.statusCode).toBe(200);
    await bytesOf(res);
    expect(provider.seen[0]?.body).toEqual(packed);
    expect(provider.seen[0]?.url).toBe('/backend-api/codex/responses');
    const row = await engine.call((call) => call.modelRequested === `packed-${encoding}`);
    expect((await engine.control.calls.get({ id: row.id })).client.request.body?.content).toBe(plain.toString());
  });

  it('whose packed body is still being unpacked when the client leaves is no call', async () => {
    provider.answer = (_req, res) => void res.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    const packed = (model: string): Buffer => zlib.gzipSync(`{"model":"${model}","input":"${' '.repeat(60_000_000)}"}`);
    const target = own('/v1/responses');
    const body = packed('left-while-packed');
    const head = `POST ${target.path} HTTP/1.1\r\nhost: 127.0.0.1:${engine.port}\r\nauthorization: Bearer own\r\n`;
    const socket = net.connect(engine.port, '127.0.0.1');
    socket.write(`${head}content-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: ${body.length}\r\n\r\n`);
    socket.write(body, () => socket.destroy());
    await once(socket, 'close');
    const later = await send({ ...target, headers: { ...target.headers, 'content-encoding': 'gzip' }, body: packed('stayed') });
    await bytesOf(later);
    await engine.call((row) => row.modelRequested === 'stayed');
    const rows = await engine.headless.engine.capture.list(1000, undefined, {});
    expect(rows.filter((row) => row.modelRequested === 'left-while-packed')).toEqual([]);
    expect(provider.seen).toHaveLength(1);
  });

  it('reads other paths of ChatGPT’s backend through the same door', async () => {
    provider.answer = (_req, res) => void res.writeHead(200, { 'content-type': 'application/json' }).end('{"accounts":[]}');
    const res = await send({ ...own('/backend-api/wham/accounts/check'), method: 'GET' });
    expect((await bytesOf(res)).toString()).toBe('{"accounts":[]}');
    expect(provider.seen[0]).toMatchObject({ method: 'GET', url: '/backend-api/wham/accounts/check' });
  });

  it('is refused without a credential of the client’s own', async () => {
    const res = await send({
      path: '/backend-api/codex/responses',
      headers: { authorization: `Bearer ${engine.key}` },
      body: '{"model":"gpt","input":[]}',
    });
    expect(res.statusCode).toBe(401);
    expect((await bytesOf(res)).toString()).toContain('/k/<key>');
    expect(provider.seen).toHaveLength(0);
  });
});

describe('a stream', () => {
  it('is flushed event by event', async () => {
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const;
    provider.answer = async (_req, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.write('data: {"n":1}\n\n');
      await gates[0].promise;
      res.write('data: {"n":2}\n\n');
      await gates[1].promise;
      res.end('data: [DONE]\n\n');
    };
    const res = await send({ ...own('/v1/chat/completions'), body: '{"model":"flushed","stream":true}' });
    expect(String((await once(res, 'data'))[0])).toBe('data: {"n":1}\n\n');
    gates[0].resolve();
    expect(String((await once(res, 'data'))[0])).toBe('data: {"n":2}\n\n');
    gates[1].resolve();
    expect(String((await once(res, 'data'))[0])).toBe('data: [DONE]\n\n');
    const row = await engine.call((call) => call.modelRequested === 'flushed');
    expect(row).toMatchObject({ streamed: true, cut: false });
    expect((await engine.control.calls.get({ id: row.id })).timeline.length).toBe(3);
  });

  it('has its head sent before its first event', async () => {
    const gate = Promise.withResolvers<void>();
    provider.answer = async (_req, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.flushHeaders();
      await gate.promise;
      res.end('data: [DONE]\n\n');
    };
    const res = await send({ ...own('/v1/chat/completions'), body: '{"model":"early-head","stream":true}' });
    expect(res.statusCode).toBe(200);
    gate.resolve();
    await bytesOf(res);
  });

  it('that a client leaves is ended at the upstream at once, and marked cut', async () => {
    const left = Promise.withResolvers<void>();
    provider.answer = (_req, res) => {
      res.on('close', () => left.resolve());
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.write('data: {"n":1}\n\n');
    };
    const res = await send({ ...own('/v1/chat/completions'), body: '{"model":"left","stream":true}' });
    await once(res, 'data');
    res.req.destroy();
    await left.promise;
    expect(await engine.call((call) => call.modelRequested === 'left')).toMatchObject({ cut: true, state: 'cut' });
  });

  it('that the upstream cuts never ends cleanly for the client', async () => {
    provider.answer = (_req, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.write('data: {"n":1}\n\n', () => res.destroy());
    };
    const res = await send({ ...own('/v1/chat/completions'), body: '{"model":"cut-upstream","stream":true}' });
    await expect(bytesOf(res)).rejects.toThrow(/aborted/);
    expect(await engine.call((call) => call.modelRequested === 'cut-upstream')).toMatchObject({ cut: true, status: 200 });
  });

  it('that the upstream cuts never ends cleanly for a client of HTTP/1.0, which knows no other end than that of its connection', async () => {
    const begun = Promise.withResolvers<http.ServerResponse>();
    provider.answer = (_req, res) => {
      res.writeHead(200, { 'content-type': 'application/json' }).write('{"n":1');
      begun.resolve(res);
    };
    const { path } = own('/v1/chat/completions');
    const body = '{"model":"cut-old"}';
    const socket = net.connect(engine.port, '127.0.0.1');
    let got = '';
    socket.on('data', (chunk) => (got += chunk.toString('latin1')));
    const ended = new Promise((resolve) => {
      socket.on('error', resolve);
      socket.on('close', resolve);
    });
    const head = `POST ${path} HTTP/1.0\r\nhost: 127.0.0.1:${engine.port}\r\nauthorization: Bearer own\r\n`;
    socket.write(`${head}content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    await expect.poll(() => got).toMatch(/\{"n":1$/);
    (await begun.promise).destroy();
    expect(await ended).toMatchObject({ code: 'ECONNRESET' });
  });

  it('that ends without its terminal event is marked cut although its bytes ended well', async () => {
    provider.answer = (_req, res) =>
      void res.writeHead(200, { 'content-type': 'text/event-stream' }).end('data: {"choices":[{"delta":{"content":"a"}}]}\n\n');
    await bytesOf(await send({ ...own('/v1/chat/completions'), body: '{"model":"no-terminal","stream":true}' }));
    expect((await engine.call((call) => call.modelRequested === 'no-terminal')).cut).toBe(true);
  });

  it('holds the upstream back while the client does not read', async () => {
    let written = 0;
    const total = 64 * 1024 * 1024;
    provider.answer = (_req, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      const block = Buffer.alloc(64 * 1024, 0x20);
      const more = (): void => {
        while (written < total) {
          written += block.length;
          if (!res.write(block)) return void res.once('drain', more);
        }
        res.end();
      };
      more();
    };
    const res = await send({ ...own('/v1/chat/completions'), body: '{"model":"held-back","stream":true}' });
    res.pause();
    let before = -1;
    await expect
      .poll(() => {
        const still = written === before && written > 0;
        before = written;
        return still;
      })
      .toBe(true);
    expect(written).toBeLessThan(total);
    expect((await bytesOf(res)).length).toBe(total);
  });
});

describe('an upstream’s error', () => {
  it('reaches the client untouched', async () => {
    const body = '{"type":"error","error":{"type":"rate_limit_error","message":"slow down, please"}}';
    provider.answer = (_req, res) =>
      void res.writeHead(429, { 'content-type': 'application/json', 'retry-after': '17', 'x-should-retry': 'true' }).end(body);
    const res = await send({ ...own('/v1/messages'), body: '{"model":"limited","messages":[]}' });
    expect(res.statusCode).toBe(429);
    expect(res.headers).toMatchObject({ 'retry-after': '17', 'x-should-retry': 'true' });
    expect((await bytesOf(res)).toString()).toBe(body);
    expect(await engine.call((call) => call.modelRequested === 'limited')).toMatchObject({
      status: 429,
      upstream: 'anthropic',
      wireIn: 'messages',
    });
  });

  it.each([
    ['before its body', 'content-length: 5\r\n\r\n', { end: true }],
    ['in the size of its first chunk', 'transfer-encoding: chunked\r\n\r\nZZ\r\n', { end: false }],
  ])('is told in the client’s format where the reply breaks off %s', async (_where, rest, { end }) => {
    const broken = net.createServer((socket) => {
      socket.once('data', () => {
        socket.write(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n${rest}`);
        if (end) socket.end();
      });
    });
    broken.listen(0, '127.0.0.1');
    await once(broken, 'listening');
    const { port } = broken.address() as AddressInfo;
    engine.headless.engine.settings.update({ upstreams: { anthropic: { baseUrl: `http://127.0.0.1:${port}` } } });
    const model = `broken-${port}`;
    const res = await send({ ...own('/v1/messages'), body: `{"model":"${model}","messages":[]}` });
    expect(res.statusCode).toBe(502);
    expect(JSON.parse((await bytesOf(res)).toString())).toMatchObject({ type: 'error', error: { type: 'api_error' } });
    expect(await engine.call((call) => call.modelRequested === model)).toMatchObject({ status: 502, cut: false });
    engine.headless.engine.settings.update({ upstreams: { anthropic: { baseUrl: provider.baseUrl } } });
    broken.close();
  });

  it('is told in the client’s format where the upstream can’t be reached', async () => {
    const gone = await startFakeUpstream();
    await gone.stop();
    engine.headless.engine.settings.update({ upstreams: { anthropic: { baseUrl: gone.baseUrl } } });
    const res = await send({ ...own('/v1/messages'), body: '{"model":"gone","messages":[]}' });
    expect(res.statusCode).toBe(502);
    const body = JSON.parse((await bytesOf(res)).toString());
    expect(body).toMatchObject({ type: 'error', error: { type: 'api_error' } });
    expect(body.error.message).toMatch(/refused the connection/);
    expect(body.error.message).not.toMatch(/at .*\.ts|Error:/);
    engine.headless.engine.settings.update({ upstreams: { anthropic: { baseUrl: provider.baseUrl } } });
  });
});

describe('a call to the gateway', () => {
  it('by an alias arrives with the model that it stands for, and is otherwise as it was', async () => {
    gateway.answer = (_req, res) => void res.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    engine.headless.engine.settings.update({ companion: { aliases: { 'our-model': 'their-model' } } });
    const body = '{ "model" : "our-model", "input":"x", "seed":9223372036854775807, "top_p":1.0, "x":"\\u00e9" }';
    await bytesOf(await send({ path: '/v1/responses', headers: { authorization: `Bearer ${engine.key}` }, body }));
    expect(gateway.seen[0]?.body.toString()).toBe(body.replace('our-model', 'their-model'));
  });

  it('goes below its base path, without the client’s key', async () => {
    gateway.answer = (_req, res) => void res.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    await bytesOf(
      await send({ path: '/v1/responses', headers: { authorization: `Bearer ${engine.key}` }, body: '{"model":"team-model","input":"x"}' }),
    );
    expect(gateway.seen[0]?.url).toBe('/team/v1/responses');
    expect(gateway.seen[0]?.headers['authorization']).toBeUndefined();
    expect(await engine.call((call) => call.modelRequested === 'team-model')).toMatchObject({ upstream: 'gateway', route: 'gateway' });
  });

  it('keeps its connection for the next call', async () => {
    gateway.answer = (_req, res) => void res.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    const once = async (): Promise<number> => {
      await bytesOf(
        await send({ path: '/v1/responses', headers: { authorization: `Bearer ${engine.key}` }, body: '{"model":"kept","input":"x"}' }),
      );
      return gateway.connections();
    };
    const first = await once();
    expect(await once()).toBe(first);
  });
});
