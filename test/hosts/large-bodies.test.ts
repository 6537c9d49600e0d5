import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startTestEngine, type TestEngine } from '../support/engine.ts';

/** An upstream that is asked what to do as soon as the head of a request is there. */
const upstream = http.createServer((req, res) => {
  asked += 1;
  answer(req, res);
});
let asked = 0;
let answer: (req: http.IncomingMessage, res: http.ServerResponse) => void;
let engine: TestEngine;

beforeAll(async () => {
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  const baseUrl = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  engine = await startTestEngine({
    settings: {
      companion: { aliases: { 'our-model': 'their-model' }, routes: [{ model: 'crossed-*', upstream: 'openai' }] },
      upstreams: { gateway: { baseUrl }, openai: { baseUrl } },
    },
  });
});
afterAll(async () => {
  await engine.stop();
  upstream.close();
  upstream.closeAllConnections();
});
beforeEach(() => {
  asked = 0;
  answer = answerWhenWhole;
});

function answerWhenWhole(req: http.IncomingMessage, res: http.ServerResponse): void {
  req.resume();
  req.on('end', () => res.writeHead(200, { 'content-type': 'application/json' }).end('{"id":"whole"}'));
}

/** A request whose body is given in pieces. */
function begin(length: number, path = '/v1/chat/completions', credential?: Record<string, string>): http.ClientRequest {
  return http.request({
    host: '127.0.0.1',
    port: engine.port,
    path,
    method: 'POST',
    headers: { ...(credential ?? { authorization: `Bearer ${engine.key}` }), 'content-type': 'application/json', 'content-length': length },
  });
}
async function replyTo(req: http.ClientRequest): Promise<{ status: number; body: string }> {
  const [res] = (await once(req, 'response')) as [http.IncomingMessage];
  return { status: res.statusCode ?? 0, body: (await bytesOf(res)).toString() };
}
async function bytesOf(stream: http.IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
const bodyOf = (model: string, end = '"}]}', size = 600_000): Buffer =>
  Buffer.from(`{"model":"${model}","messages":[{"role":"user","content":"${'lorem ipsum '.repeat(size / 12)}${end}`);
const HALF = 300_000;

describe('a large request', () => {
  it('is on its way before its end has come, and arrives and is kept byte for byte', async () => {
    const body = bodyOf('ahead');
    const seen = Promise.withResolvers<Buffer>();
    const head = Promise.withResolvers<http.IncomingHttpHeaders>();
    answer = (req, res) => {
      head.resolve(req.headers);
      void bytesOf(req).then(seen.resolve);
      answerWhenWhole(req, res);
    };
    const req = begin(body.length);
    req.write(body.subarray(0, HALF));
    expect(await head.promise).toMatchObject({ 'content-length': String(body.length), 'content-type': 'application/json' });
    req.end(body.subarray(HALF));
    expect(await replyTo(req)).toEqual({ status: 200, body: '{"id":"whole"}' });
    expect((await seen.promise).equals(body)).toBe(true);
    const row = await engine.call((call) => call.modelRequested === 'ahead');
    expect(row).toMatchObject({ upstream: 'gateway', status: 200, cut: false, requestBytes: body.length });
    const kept = await engine.headless.engine.capture.get(row.id);
    const side = kept?.sides.find((one) => one.side === 'clientRequest');
    expect(Buffer.from(side?.body ?? []).equals(body)).toBe(true);
    expect(asked).toBe(1);
  });

  it.each([
    ['is no JSON after all', 'broken', '"}'],
    ['names where it wants to go', 'redirected', '"}],"base_url":"http://127.0.0.1:1"}'],
    ['is no text', 'binary', '\xff"}]}'],
  ])('that %s is refused, and its end never reaches the upstream', async (_what, model, end) => {
    const whole = bodyOf(model, '');
    const body = Buffer.concat([whole, Buffer.from(end, 'latin1')]);
    const ended = Promise.withResolvers<boolean>();
    answer = (req) => {
      req.resume();
      req.on('end', () => ended.resolve(true));
      req.on('close', () => ended.resolve(false));
    };
    const req = begin(body.length);
    req.on('error', () => undefined);
    req.end(body);
    const { status, body: told } = await replyTo(req);
    expect(status).toBe(400);
    expect(JSON.parse(told)).toMatchObject({ error: { type: 'invalid_request_error' } });
    expect(await ended.promise).toBe(false);
  });

  it('that its client leaves in the middle is left at the upstream too', async () => {
    const left = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    answer = (req) => {
      req.resume();
      begun.resolve();
      req.on('close', left.resolve);
    };
    const body = bodyOf('left');
    const req = begin(body.length);
    req.on('error', () => undefined);
    req.write(body.subarray(0, HALF));
    await begun.promise;
    req.destroy();
    await left.promise;
  });

  it('whose upstream answers before it has read it all gets that answer', async () => {
    const body = bodyOf('early-answer', '"}]}', 6_000_000);
    answer = (req, res) => {
      req.resume();
      res.writeHead(429, { 'retry-after': '7' }).end('{"error":"slow down"}');
    };
    const req = begin(body.length);
    req.end(body);
    expect(await replyTo(req)).toEqual({ status: 429, body: '{"error":"slow down"}' });
    expect(await engine.call((call) => call.modelRequested === 'early-answer')).toMatchObject({ status: 429, requestBytes: body.length });
  });

  it('whose upstream goes away is told so in the client’s format', async () => {
    const body = bodyOf('gone');
    answer = (req) => void req.once('data', () => req.destroy());
    const req = begin(body.length, '/v1/messages');
    req.end(body);
    const { status, body: told } = await replyTo(req);
    expect(status).toBe(502);
    expect(JSON.parse(told)).toMatchObject({ type: 'error', error: { type: 'api_error' } });
    expect((await engine.call((call) => call.modelRequested === 'gone')).status).toBe(502);
  });

  it('whose upstream can’t be reached at all is told so, too', async () => {
    const closed = net.createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const gone = { gateway: { baseUrl: `http://127.0.0.1:${(closed.address() as AddressInfo).port}` } };
    closed.close();
    await once(closed, 'close');
    const before = engine.headless.engine.settings.current().upstreams;
    engine.headless.engine.settings.update({ upstreams: gone });
    try {
      const body = Buffer.from(JSON.stringify({ model: 'some-model', messages: [{ role: 'user', content: 'x'.repeat(4_000_000) }] }));
      const req = begin(body.length);
      req.end(body);
      const { status, body: told } = await replyTo(req);
      expect(status).toBe(502);
      expect(told).toContain('refused the connection');
    } finally {
      engine.headless.engine.settings.update({ upstreams: { gateway: before.gateway } });
    }
  });

  it('whose upstream reads no more of it until its early answer was read gets that answer', async () => {
    const told = JSON.stringify({ error: 'x'.repeat(400_000) });
    // Past Node's own reply, at whose end it would read what is left of the request.
    answer = (req) => void req.socket.write(`HTTP/1.1 413 Too Large\r\ncontent-length: ${told.length}\r\n\r\n${told}`);
    const body = bodyOf('early-and-long', '"}]}', 24_000_000);
    const req = begin(body.length);
    req.end(body);
    expect(await replyTo(req)).toEqual({ status: 413, body: told });
  });

  it('waits where its upstream does not read', async () => {
    const body = bodyOf('held-back', '"}]}', 30_000_000);
    const reading = Promise.withResolvers<http.IncomingMessage>();
    answer = (req, res) => {
      req.pause();
      req.on('end', () => res.end('{}'));
      reading.resolve(req);
    };
    const req = begin(body.length);
    let written = 0;
    const more = (): void => {
      while (written < body.length) {
        const piece = body.subarray(written, written + 64 * 1024);
        written += piece.length;
        if (!req.write(piece)) return void req.once('drain', more);
      }
      req.end();
    };
    more();
    const paused = await reading.promise;
    let before = -1;
    await expect
      .poll(() => {
        const still = written === before;
        before = written;
        return still;
      })
      .toBe(true);
    expect(written).toBeLessThan(body.length);
    paused.resume();
    expect((await replyTo(req)).status).toBe(200);
  });

  it.each([
    ['names its model last', Buffer.from(`{"messages":[{"role":"user","content":"${'x'.repeat(400_000)}"}],"model":"last"}`), 'last'],
    ['names two models', bodyOf('first', '"}],"model":"second"}'), 'second'],
    ['names an alias', bodyOf('our-model'), 'their-model'],
  ])('that %s arrives as it should', async (_what, body, model) => {
    const models: unknown[] = [];
    answer = (req, res) => {
      void bytesOf(req).then(
        (bytes) => models.push(JSON.parse(bytes.toString()).model) && res.end('{}'),
        () => undefined,
      );
    };
    const req = begin(body.length);
    req.end(body);
    expect((await replyTo(req)).status).toBe(200);
    expect(models).toEqual([model]);
  });

  it('is kept as it was although its memory is used again for others', async () => {
    const { capture } = engine.headless.engine;
    const bodies = new Map<string, Buffer>();
    for (let round = 0; round < 6; round += 1) {
      // Two conversations that grow, and one body like no other; each round's are under way at once.
      const turns = `${'grows '.repeat(70_000)}"},{"role":"user","content":"${'and grows '.repeat(round * 9_000)}`;
      const made = [
        ['a', `alpha ${turns}`],
        ['b', `beta ${turns}`],
        ['c', `${round}`.repeat(300_000 + round * 17_001)],
      ].map(([name, text]) => {
        const model = `again-${name}-${round}`;
        return [model, Buffer.from(`{"model":"${model}","messages":[{"role":"user","content":"${text}"}]}`)] as const;
      });
      await Promise.all(
        made.map(async ([model, body]) => {
          bodies.set(model, body);
          const req = begin(body.length);
          req.end(body);
          expect((await replyTo(req)).status).toBe(200);
          await engine.call((call) => call.modelRequested === model);
        }),
      );
    }
    for (const row of await capture.list(100, undefined, {})) {
      const body = bodies.get(row.modelRequested ?? '');
      if (body === undefined) continue;
      const side = (await capture.get(row.id))?.sides.find((one) => one.side === 'clientRequest');
      expect(Buffer.from(side?.body ?? []).equals(body)).toBe(true);
      bodies.delete(row.modelRequested ?? '');
    }
    expect([...bodies.keys()]).toEqual([]);
  });

  it('that is translated arrives whole, and both sides of it are kept as they were', async () => {
    const got = new Map<string, Buffer>();
    answer = (req, res) => {
      const reply = (bytes: Buffer): void => {
        const { model } = JSON.parse(bytes.toString());
        got.set(model, bytes);
        res.writeHead(200, { 'content-type': 'application/json' });
        res.end(JSON.stringify({ id: 'r', object: 'response', status: 'completed', model, output: [], usage: null }));
      };
      void bytesOf(req).then(reply);
    };
    const sent = new Map<string, Buffer>();
    for (let round = 0; round < 4; round += 1) {
      await Promise.all(
        ['a', 'b'].map(async (name) => {
          const model = `crossed-${name}-${round}`;
          const text = `${name}${round} `.repeat(400_000 + round * 10_000);
          const body = Buffer.from(JSON.stringify({ model, max_tokens: 9, messages: [{ role: 'user', content: text }] }));
          sent.set(model, body);
          const req = begin(body.length, `/k/${engine.key}/v1/messages`, { 'x-api-key': 'own' });
          req.end(body);
          expect((await replyTo(req)).status).toBe(200);
          await engine.call((call) => call.modelRequested === model);
        }),
      );
    }
    for (const [model, body] of sent) {
      const row = await engine.call((call) => call.modelRequested === model);
      const kept = await engine.headless.engine.capture.get(row.id);
      const bytes = (side: string): Buffer => Buffer.from(kept?.sides.find((one) => one.side === side)?.body ?? []);
      expect(bytes('clientRequest').equals(body)).toBe(true);
      expect(bytes('upstreamRequest').equals(got.get(model) ?? Buffer.alloc(0))).toBe(true);
      expect(JSON.stringify(JSON.parse(bytes('upstreamRequest').toString()).input)).toContain(
        JSON.parse(body.toString()).messages[0].content,
      );
    }
  });

  it('that is translated and refused by its upstream before it was read is told so', async () => {
    answer = (req, res) => {
      req.resume();
      res.writeHead(401, { 'content-type': 'application/json' }).end('{"error":{"message":"who are you"}}');
    };
    const body = Buffer.from(
      JSON.stringify({ model: 'crossed-early', max_tokens: 9, messages: [{ role: 'user', content: 'x'.repeat(8_000_000) }] }),
    );
    const req = begin(body.length, `/k/${engine.key}/v1/messages`, { 'x-api-key': 'own' });
    req.end(body);
    const { status, body: told } = await replyTo(req);
    expect(status).toBe(401);
    expect(JSON.parse(told)).toMatchObject({ type: 'error', error: { type: 'authentication_error' } });
    expect(await engine.call((call) => call.modelRequested === 'crossed-early')).toMatchObject({ status: 401, cut: false });
  });
});
