import { once } from 'node:events';
import type http from 'node:http';
import net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { startListener, type Listener } from '../../bridges/http/listener.ts';
import { connect, statusOf, type Client } from '../support/raw.ts';

const opened: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0)) await close();
});

const answerAtOnce = (req: http.IncomingMessage, res: http.ServerResponse): void => {
  req.resume();
  res.end('ok');
};

/** A listener, and the connections that it took. */
async function listen(connections: number, serve = answerAtOnce): Promise<Listener & { sockets: net.Socket[] }> {
  const sockets: net.Socket[] = [];
  const listener = await startListener({
    port: 0,
    limits: { headersMs: 100, connections },
    serve,
    renderError: ({ status, code }) => ({ status, headers: {}, body: code }),
    onConnection: (socket) => sockets.push(socket),
  });
  opened.push(() => {
    for (const socket of sockets) socket.destroy();
    return listener.stop(0);
  });
  return { ...listener, sockets };
}

/** A caller that sends this, and never closes its end. */
async function call(port: number, bytes: string): Promise<Client> {
  const client = await connect(port);
  opened.push(() => client.socket.destroy());
  client.socket.write(bytes);
  return client;
}

const get = (port: number, headers = ''): string => `GET / HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\n${headers}\r\n`;
const upgrade = (to: string): string => `connection: upgrade\r\nupgrade: ${to}\r\n`;

describe('a caller that was refused and keeps its end open', () => {
  it.each([
    ['an upgrade', 426, (port: number) => get(port, upgrade('websocket'))],
    ['a tunnel', 405, (port: number) => `CONNECT x:1 HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\n\r\n`],
    ['what is no HTTP', 400, () => 'rubbish\r\n\r\n'],
    ['a head that never ends', 408, () => 'GET / HT'],
    ['another method', 405, (port: number) => get(port).replace('GET', 'PUT')],
  ])('for %s keeps neither its place nor a listener that stops', async (_what, status, bytes) => {
    const listener = await listen(1);
    const client = await call(listener.port, bytes(listener.port));
    await client.ended;
    expect(statusOf(client.got)).toBe(status);
    const [taken] = listener.sockets;
    if (taken?.closed === false) await once(taken, 'close');
    const next = await call(listener.port, get(listener.port));
    await expect.poll(() => statusOf(next.got)).toBe(200);
    next.socket.destroy();
    await listener.stop(60_000);
    expect(client.socket.writable).toBe(true);
  });
});

describe('bytes behind a request', () => {
  it.each([
    ['no HTTP', () => 'rubbish\r\n\r\n'],
    ['a head that never ends', () => 'GET / HT'],
    ['an upgrade', (port: number) => get(port, upgrade('websocket'))],
    ['a tunnel', (port: number) => `CONNECT x:1 HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\n\r\n`],
  ])('that are %s put nothing into the reply under way', async (_what, bytes) => {
    let begun: http.ServerResponse | undefined;
    const listener = await listen(1, (_req, res) => {
      begun = res;
      res.write('the beginning');
    });
    const client = await call(listener.port, get(listener.port));
    await expect.poll(() => client.got).toContain('the beginning');
    client.socket.write(bytes(listener.port));
    await client.ended;
    expect(begun?.writableEnded).toBe(false);
    expect(client.got).toMatch(/the beginning\r\n$/);
  });

  it('of a request that waits its turn put nothing into the reply before it', async () => {
    const asked: http.ServerResponse[] = [];
    const listener = await listen(1, (_req, res) => asked.push(res));
    const client = await call(listener.port, get(listener.port) + get(listener.port));
    await expect.poll(() => asked.length).toBe(2);
    asked[0]?.write('the beginning');
    await expect.poll(() => client.got).toContain('the beginning');
    client.socket.write('rubbish\r\n\r\n');
    await client.ended;
    expect(client.got).toMatch(/the beginning\r\n$/);
  });

  it('that are no HTTP are told so once the reply is whole', async () => {
    const listener = await listen(1);
    const client = await call(listener.port, `${get(listener.port)}rubbish\r\n\r\n`);
    await client.ended;
    expect(client.got.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 400']);
  });
});

describe('an offer of another protocol', () => {
  it.each([
    ['h2c', 200],
    ['TLS/1.2', 200],
    ['websocket', 426],
    ['WebSocket', 426],
    ['h2c, websocket', 426],
  ])('(%s) gets %i', async (protocol, status) => {
    const listener = await listen(1);
    const client = await call(listener.port, get(listener.port, upgrade(protocol)));
    await expect.poll(() => statusOf(client.got)).toBe(status);
  });
});

it('a connection that the system could not hand over ends nothing', async () => {
  const listener = await listen(2);
  const first = await call(listener.port, get(listener.port, 'connection: close\r\n'));
  await first.ended;
  const server: unknown = Reflect.get(listener.sockets[0] ?? {}, 'server');
  if (!(server instanceof net.Server)) throw new Error('no server');
  server.emit('error', Object.assign(new Error('accept ENOBUFS'), { code: 'ENOBUFS' }));
  const second = await call(listener.port, get(listener.port, 'connection: close\r\n'));
  await second.ended;
  expect(statusOf(second.got)).toBe(200);
});
