import { once } from 'node:events';
import type http from 'node:http';
import net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { startListener } from '../../bridges/http/listener.ts';
import { cutUnread } from '../../bridges/http/unread.ts';
import { startFakeUpstream } from '../fakes/upstream.ts';
import { startTestEngine } from '../support/engine.ts';
import { sendRaw, statusOf } from '../support/raw.ts';

const opened: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).toReversed()) await close();
});

/** More than the system holds for a connection. Bytes. */
const LARGE = 24 * 1024 * 1024;
const get = (port: number, path = '/', connection = 'keep-alive'): string =>
  `GET ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nconnection: ${connection}\r\n\r\n`;

/** A caller that reads nothing for now. */
function call(port: number, bytes: string): net.Socket {
  const socket = net.connect(port, '127.0.0.1');
  opened.push(() => socket.destroy());
  socket.on('error', () => undefined);
  socket.pause();
  socket.write(bytes);
  return socket;
}
/** Polls until the one place that there is can be had. */
const placeAt = (port: number, path: string): Promise<void> =>
  expect.poll(() => sendRaw(port, get(port, path, 'close')).then(statusOf, () => 0)).toBe(200);

describe('a reply that nobody reads', () => {
  it.each([true, false])('gives its place back although its upstream has long ended (streamed: %s)', async (stream) => {
    const provider = await startFakeUpstream((_req, res) => {
      const content = [{ type: 'output_text', text: 'x'.repeat(LARGE), annotations: [] }];
      const output = [{ type: 'message', id: 'm', role: 'assistant', status: 'completed', content }];
      res.writeHead(200, { 'content-type': 'application/json' });
      res.end(JSON.stringify({ id: 'r', object: 'response', created_at: 1, status: 'completed', model: 'm', output }));
    });
    opened.push(() => provider.stop());
    const engine = await startTestEngine({
      settings: {
        limits: { connections: 1, idleMs: 100 },
        companion: { routes: [{ model: 'large', upstream: 'openai' }] },
        upstreams: { openai: { baseUrl: provider.baseUrl } },
      },
    });
    opened.push(() => engine.stop());
    const body = JSON.stringify({ model: 'large', max_tokens: 5, stream, messages: [{ role: 'user', content: 'x' }] });
    const head = `POST /k/${engine.key}/v1/messages HTTP/1.1\r\nhost: 127.0.0.1:${engine.port}\r\nauthorization: Bearer own\r\n`;
    call(engine.port, `${head}content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    expect(await engine.call((row) => row.modelRequested === 'large')).toMatchObject({ status: 200 });
    await placeAt(engine.port, '/health');
  });
});

describe('the end of a reply', () => {
  /** A listener with one place, that cuts replies which are not read for 100 ms. */
  async function listen(serve: (req: http.IncomingMessage, res: http.ServerResponse) => void): Promise<number> {
    const listener = await startListener({
      port: 0,
      limits: { headersMs: 1_000, connections: 1 },
      serve(req, res) {
        req.resume();
        serve(req, res);
        if (res.writableEnded) cutUnread(res, 100);
      },
      renderError: ({ status, code }) => ({ status, headers: {}, body: code }),
    });
    opened.push(() => listener.stop(0));
    return listener.port;
  }
  const LENGTH = { 'content-length': LARGE };

  it.each([1, 2])('that is not read gives its place back, although %i of them wait', async (count) => {
    const port = await listen((req, res) => void (req.url === '/' ? res.writeHead(200, LENGTH).end(Buffer.alloc(LARGE)) : res.end()));
    call(port, get(port).repeat(count));
    await placeAt(port, '/small');
  });

  it('leaves the next reply on its connection the time it needs', async () => {
    const slow = Promise.withResolvers<http.ServerResponse>();
    const port = await listen((req, res) => {
      if (req.url === '/slow') slow.resolve(res);
      else res.writeHead(200, LENGTH).end(Buffer.alloc(LARGE));
    });
    const socket = call(port, get(port) + get(port, '/slow', 'close'));
    const res = await slow.promise;
    let end = '';
    socket.on('data', (chunk) => (end = (end + chunk.toString('latin1')).slice(-200)));
    socket.resume();
    if (res.socket === null) await once(res, 'socket');
    expect(res.socket?.timeout ?? 0).toBe(0);
    res.end('the next');
    await once(socket, 'close');
    expect(end).toContain('the next');
  });
});
