import { execFileSync } from 'node:child_process';
import dns from 'node:dns';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import tls from 'node:tls';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { callBegan, callOver, CROWD } from '../../bridges/http/departures.ts';
import { httpUpstream } from '../../bridges/upstreams/http.ts';
import type { Flow, StreamingUpstream, UpstreamFailure, UpstreamRequest } from '../../bridges/upstreams/upstream.ts';

/** A server that says exactly what a test wants, byte by byte. */
type Script = (socket: net.Socket, received: string) => void;

const opened: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).toReversed()) await close();
});

type Server = { port: number; connections: net.Socket[]; received: string[] };

/** `script` is called with all that a connection brought so far whenever more comes. */
async function serve(script: Script, listener: net.Server | tls.Server = net.createServer()): Promise<Server> {
  const server: Server = { port: 0, connections: [], received: [] };
  listener.on(listener instanceof tls.Server ? 'secureConnection' : 'connection', (socket: net.Socket) => {
    const index = server.connections.push(socket) - 1;
    server.received[index] = '';
    socket.on('error', () => undefined);
    socket.on('data', (bytes: Buffer) => {
      server.received[index] += bytes.toString('latin1');
      script(socket, server.received[index] ?? '');
    });
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  opened.push(async () => {
    for (const socket of server.connections) socket.destroy();
    listener.close();
    await once(listener, 'close');
  });
  const address = listener.address();
  server.port = typeof address === 'object' && address !== null ? address.port : 0;
  return server;
}

function upstreamTo(
  port: number,
  options: { timeoutMs?: number; now?: () => number; wallNow?: () => number; scheme?: string } = {},
): StreamingUpstream {
  const { scheme = 'http', timeoutMs = 30_000, ...rest } = options;
  const upstream = httpUpstream({ id: 'test', baseUrl: `${scheme}://localhost:${port}/base`, timeoutMs, publicOnly: false, ...rest });
  opened.push(() => upstream.stop());
  return upstream;
}

type Got = { status: number; headers: Record<string, string | string[]>; body: string } | UpstreamFailure;

/** Sends a request and resolves with the whole reply, or why there is none. */
function ask(upstream: StreamingUpstream, request: Parameters<StreamingUpstream['send']>[0] = CALL): Promise<Got> {
  return new Promise((resolve) => {
    const got = { status: 0, headers: {}, body: '' };
    upstream.send(request, {
      start: (status, headers) => Object.assign(got, { status, headers: { ...headers } }),
      data(chunk) {
        got.body += chunk.toString('latin1');
        return true;
      },
      end: () => resolve(got),
      fail: resolve,
    });
  });
}

const CALL: UpstreamRequest = { method: 'POST', target: '/v1/x', headers: ['x-a', '1'], body: Buffer.from('{"a":1}') };
const reply = (body: string, ...lines: string[]): string =>
  `${['HTTP/1.1 200 OK', `content-length: ${body.length}`, ...lines].join('\r\n')}\r\n\r\n${body}`;
/** Whole requests in what a connection brought: every call here ends in this. */
const calls = (received: string): number => received.split('{"a":1}').length - 1;

describe('a connection', () => {
  it('carries one call after the other', async () => {
    const server = await serve((socket, received) => socket.write(reply(`call ${calls(received)}`)));
    const upstream = upstreamTo(server.port);
    expect(await ask(upstream)).toMatchObject({ status: 200, body: 'call 1' });
    expect(await ask(upstream)).toMatchObject({ status: 200, body: 'call 2' });
    expect(server.connections).toHaveLength(1);
    expect(server.received[0]).toContain(
      `POST /base/v1/x HTTP/1.1\r\nhost: localhost:${server.port}\r\nconnection: keep-alive\r\nx-a: 1\r\ncontent-length: 7\r\n\r\n{"a":1}POST`,
    );
  });

  it('carries one call at a time: others open their own', async () => {
    const server = await serve((socket) => {
      if (server.connections.length === 3) for (const other of server.connections) other.write(reply('now'));
      else socket.resume();
    });
    const upstream = upstreamTo(server.port);
    const all = await Promise.all([ask(upstream), ask(upstream), ask(upstream)]);
    expect(all.map((got) => 'body' in got && got.body)).toEqual(['now', 'now', 'now']);
  });

  it.each([
    ['says that it closes', reply('ok', 'connection: close')],
    ['brings a second reply nobody asked for', `${reply('ok')}${reply('other')}`],
    ['says that it is kept for a second only', reply('ok', 'keep-alive: timeout=1')],
  ])('whose server %s carries no other call', async (_what, bytes) => {
    const server = await serve((socket) => socket.write(bytes));
    const upstream = upstreamTo(server.port);
    expect(await ask(upstream)).toMatchObject({ body: 'ok' });
    expect(await ask(upstream)).toMatchObject({ body: 'ok' });
    expect(server.connections).toHaveLength(2);
  });

  it('that brings bytes while nothing is asked is closed', async () => {
    const server = await serve((socket) => socket.write(reply('ok')));
    const upstream = upstreamTo(server.port);
    await ask(upstream);
    const [socket] = server.connections;
    socket?.write(reply('poison'));
    if (socket !== undefined) await once(socket, 'close');
    expect(await ask(upstream)).toMatchObject({ body: 'ok' });
    expect(server.connections).toHaveLength(2);
  });

  it('that its server closed while it rested is not used, even where that lies unread when the next call comes', async () => {
    const server = await serve((socket) => socket.write(reply('ok')));
    let now = 0;
    const upstream = upstreamTo(server.port, { now: () => now });
    await ask(upstream);
    const [socket] = server.connections;
    socket?.end();
    if (socket !== undefined) await once(socket, 'finish');
    // In this phase of the loop the end is in the socket, and nobody has read it yet.
    await setImmediate();
    now = 2_000;
    expect(await ask(upstream)).toMatchObject({ body: 'ok' });
    expect(server.connections).toHaveLength(2);
  });

  it.each([
    ['as long as we keep it', [], 60_000],
    ['as long as its server keeps it', ['keep-alive: timeout=5'], 4_000],
  ])('that rested while the machine slept is used for %s', async (_what, lines, keptMs) => {
    const server = await serve((socket) => socket.write(reply('ok', ...lines)));
    let slept = 0;
    const upstream = upstreamTo(server.port, { now: () => 0, wallNow: () => slept });
    await ask(upstream);
    slept += keptMs - 1;
    await ask(upstream);
    expect(server.connections).toHaveLength(1);
    slept += keptMs;
    expect(await ask(upstream)).toMatchObject({ body: 'ok' });
    expect(server.connections).toHaveLength(2);
    const [socket] = server.connections;
    if (socket?.closed === false) await once(socket, 'close');
  });

  it('that a call let go of before it was sent rests no longer for that', async () => {
    const server = await serve((socket) => socket.write(reply('ok', 'keep-alive: timeout=2')));
    let now = 0;
    const upstream = upstreamTo(server.port, { now: () => now });
    await ask(upstream);
    now = 1_500;
    const heard = (): never => expect.unreachable();
    upstream.send(CALL, { start: heard, data: heard, end: heard, fail: heard }).abort();
    const [socket] = server.connections;
    if (socket?.closed === false) await once(socket, 'close');
  });

  it('that a call let go of before it was sent carries the next one', async () => {
    const server = await serve((socket) => socket.write(reply('ok')));
    let now = 0;
    const upstream = upstreamTo(server.port, { now: () => now });
    await ask(upstream);
    now = 1_500;
    const heard = (): never => expect.unreachable();
    upstream.send(CALL, { start: heard, data: heard, end: heard, fail: heard }).abort();
    await setImmediate();
    expect(await ask(upstream)).toMatchObject({ body: 'ok' });
    expect(server.connections).toHaveLength(1);
  });

  it('over TLS is checked against the machine’s authorities, and speaks HTTP/1.1', async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'db-tls-'));
    opened.push(async () => rmSync(folder, { recursive: true }));
    const [key, cert] = [path.join(folder, 'key.pem'), path.join(folder, 'cert.pem')];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
    const args = [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      key,
      '-out',
      cert,
      ...subject,
    ];
    execFileSync('openssl', args, { stdio: 'ignore' });
    const pem = readFileSync(cert, 'utf8');
    const listener = tls.createServer({ key: readFileSync(key), cert: pem, ALPNProtocols: ['h2', 'http/1.1'] });
    const server = await serve(
      (socket) => socket.write(reply(socket instanceof tls.TLSSocket ? String(socket.alpnProtocol) : '')),
      listener,
    );

    expect(await ask(upstreamTo(server.port, { scheme: 'https' }))).toMatchObject({
      kind: 'unreachable',
      message: expect.stringMatching(
        /^The certificate of localhost:\d+ is not trusted \(DEPTH_ZERO_SELF_SIGNED_CERT\).*NODE_EXTRA_CA_CERTS/,
      ),
    });
    expect(server.received.join('')).toBe('');

    const before = tls.getCACertificates('default');
    tls.setDefaultCACertificates([...before, pem]);
    opened.push(async () => tls.setDefaultCACertificates(before));
    const upstream = upstreamTo(server.port, { scheme: 'https' });
    expect(await ask(upstream)).toMatchObject({ body: 'http/1.1' });
    expect(await ask(upstream)).toMatchObject({ body: 'http/1.1' });
    expect(server.received.filter((received) => received !== '')).toHaveLength(1);
  });
});

describe('in a crowd of calls', () => {
  function crowd(): void {
    for (let i = 0; i < CROWD; i += 1) callBegan();
    opened.push(async () => {
      for (let i = 0; i < CROWD; i += 1) callOver();
    });
  }

  it('a connection carries one call after the other', async () => {
    crowd();
    const server = await serve((socket, received) => socket.write(reply(`call ${calls(received)}`)));
    const upstream = upstreamTo(server.port);
    expect(await ask(upstream)).toMatchObject({ status: 200, body: 'call 1' });
    expect(await ask(upstream)).toMatchObject({ status: 200, body: 'call 2' });
    expect(server.connections).toHaveLength(1);
  });

  it('a call that is given up before it left is not sent, and its connection carries no other', async () => {
    crowd();
    const server = await serve((socket, received) => socket.write(reply(`call ${calls(received)}`)));
    const upstream = upstreamTo(server.port);
    expect(await ask(upstream)).toMatchObject({ body: 'call 1' });
    const [kept] = server.connections;
    if (kept === undefined) throw new Error('no connection');
    const left = once(kept, 'close');
    upstream.send(CALL, { start: () => undefined, data: () => true, end: () => undefined, fail: () => undefined }).abort();
    await left;
    expect(calls(server.received[0] ?? '')).toBe(1);
    expect(await ask(upstream)).toMatchObject({ body: 'call 1' });
    expect(server.connections).toHaveLength(2);
  });
});

describe('a reply', () => {
  it('without a length is whole when its connection ends', async () => {
    const server = await serve((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nall of it'));
    expect(await ask(upstreamTo(server.port))).toMatchObject({ body: 'all of it' });
  });

  it.each([
    ['before it began', '', 'unreachable', 'closed the connection'],
    ['in its head', 'HTTP/1.1 200 OK\r\n', 'unreachable', 'closed the connection'],
    ['in its body', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc', 'cut', 'in the middle'],
    ['between two chunks', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n', 'cut', 'in the middle'],
  ])('that breaks off %s is told as a failure', async (_where, bytes, kind, words) => {
    const server = await serve((socket) => socket.end(bytes));
    expect(await ask(upstreamTo(server.port))).toMatchObject({ kind, message: expect.stringContaining(words) });
  });

  it('of something that is no web server says so', async () => {
    const server = await serve((socket) => socket.write('SSH-2.0-OpenSSH_9.6\r\n\r\n'));
    expect(await ask(upstreamTo(server.port))).toMatchObject({
      kind: 'unreachable',
      message: expect.stringContaining('no HTTP reply: its first lines are not HTTP/1.1. Check the base URL'),
    });
  });

  it('that does not begin in time is told as a time-out, and its connection closed', async () => {
    const server = await serve(() => undefined);
    const got = await ask(upstreamTo(server.port, { timeoutMs: 100 }));
    expect(got).toMatchObject({ kind: 'timeout', message: expect.stringContaining('did not answer in time') });
    const [socket] = server.connections;
    if (socket?.closed === false) await once(socket, 'close');
  });

  it('waits for a reader that is full, and ends after it', async () => {
    const body = 'x'.repeat(3 * 1024 * 1024);
    const server = await serve((socket) => socket.write(reply(body)));
    const upstream = upstreamTo(server.port);
    let bytes = 0;
    let paused = false;
    const flow = await new Promise<Flow>((resolve) => {
      const begun: Flow = upstream.send(CALL, {
        start: () => undefined,
        data(chunk) {
          expect(paused).toBe(false);
          bytes += chunk.length;
          paused = true;
          process.nextTick(() => {
            paused = false;
            begun.resume();
          });
          return false;
        },
        end: () => resolve(begun),
        fail: (failure) => expect.unreachable(failure.message),
      });
    });
    expect(bytes).toBe(body.length);
    // Late words of a call that is over mean nothing to the next one on the connection.
    flow.resume();
    flow.abort();
    expect(await ask(upstream)).toMatchObject({ status: 200 });
    expect(server.connections).toHaveLength(1);
  });

  it('that nobody wants any more ends at its server', async () => {
    const server = await serve((socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc'));
    const upstream = upstreamTo(server.port);
    await new Promise<void>((resolve) => {
      const flow = upstream.send(CALL, {
        start: () => undefined,
        data() {
          flow.abort();
          resolve();
          return true;
        },
        end: () => expect.unreachable(),
        fail: () => expect.unreachable(),
      });
    });
    const [socket] = server.connections;
    if (socket?.closed === false) await once(socket, 'close');
  });
});

describe('a request', () => {
  it('that can’t be put on the wire goes nowhere', async () => {
    const server = await serve((socket) => socket.write(reply('ok')));
    const upstream = upstreamTo(server.port);
    expect(await ask(upstream, { ...CALL, headers: ['x-a', '1\r\nx-b: 2'] })).toMatchObject({
      kind: 'unreachable',
      message: expect.stringContaining('the header x-a holds a character'),
    });
    expect(server.connections).toHaveLength(0);
  });

  it('whose body comes in pieces is sent piece by piece', async () => {
    const pieces = Array.from({ length: 50 }, (_, i) => String.fromCharCode(97 + (i % 26)).repeat(40_000));
    const all = pieces.join('');
    const server = await serve((socket, received) => {
      if (received.endsWith(all)) socket.write(reply('ok'));
    });
    const body = Readable.from(pieces.map((piece) => Buffer.from(piece)));
    expect(await ask(upstreamTo(server.port), { ...CALL, body, length: all.length })).toMatchObject({ body: 'ok' });
    expect(server.received[0]).toContain(`content-length: ${all.length}\r\n`);
  });

  it('whose body is given up in the middle is given up, and its connection closed', async () => {
    const body = new Readable({ read: () => undefined });
    const server = await serve(() => body.destroy(new Error('no more')));
    expect(await ask(upstreamTo(server.port), { ...CALL, body, length: 100 })).toMatchObject({
      kind: 'unreachable',
      message: expect.stringContaining('no more'),
    });
    const [socket] = server.connections;
    if (socket?.closed === false) await once(socket, 'close');
  });

  it.each([
    ['whose upstream can’t be reached', (gone: number) => upstreamTo(gone), []],
    ['that can’t be put on the wire', (gone: number) => upstreamTo(gone), ['x-a', '\n']],
  ])('%s lets go of its body', async (_what, upstream, headers) => {
    const server = await serve(() => undefined);
    await opened.pop()?.();
    const body = new Readable({ read: () => undefined });
    expect(await ask(upstream(server.port), { ...CALL, headers, body, length: 100 })).toMatchObject({ kind: 'unreachable' });
    expect(body.destroyed).toBe(true);
  });

  it('that is given up before its connection is open lets go of its body, and leaves the connection to the next one', async () => {
    const server = await serve((socket) => socket.write(reply('ok')));
    const upstream = upstreamTo(server.port);
    const body = new Readable({ read: () => undefined });
    const heard = (): never => expect.unreachable();
    upstream.send({ ...CALL, body, length: 100 }, { start: heard, data: heard, end: heard, fail: heard }).abort();
    expect(body.destroyed).toBe(true);
    while (server.connections.length === 0) await setImmediate();
    await setImmediate();
    expect(await ask(upstream)).toMatchObject({ body: 'ok' });
    expect(server.connections).toHaveLength(1);
  });

  it('that is answered before it was read leaves its connection to no other', async () => {
    // Answers the head alone, as gateways do that refuse.
    const server = await serve((socket) => {
      socket.pause();
      socket.write('HTTP/1.1 429 Too Many\r\ncontent-length: 2\r\n\r\nno');
    });
    const upstream = upstreamTo(server.port);
    expect(await ask(upstream, { ...CALL, body: Buffer.alloc(32 * 1024 * 1024) })).toMatchObject({ status: 429 });
    expect(await ask(upstream)).toMatchObject({ status: 429 });
    expect(server.connections).toHaveLength(2);
  });

  it('that is answered before its body has gone out is answered, and the rest of it is not sent', async () => {
    const server = await serve((socket) => socket.write('HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nbig'));
    const body = new Readable({ read: () => undefined });
    const upstream = upstreamTo(server.port);
    expect(await ask(upstream, { ...CALL, body, length: 100 })).toMatchObject({ status: 413, body: 'big' });
    expect(body.destroyed).toBe(true);
    expect(await ask(upstream)).toMatchObject({ status: 413 });
    expect(server.connections).toHaveLength(2);
  });
});

describe('a public provider’s name', () => {
  it.each([
    ['10.1.2.3', 4],
    ['169.254.169.254', 4],
    ['::1', 6],
    ['::ffff:127.0.0.1', 6],
    ['64:ff9b::a9fe:a9fe', 6],
    ['64:ff9b::10.1.2.3', 6],
  ])('that resolves to %s is not called', async (address, family) => {
    const lookup = vi.spyOn(dns, 'lookup').mockImplementation((...given: unknown[]) => {
      const told = given.at(-1);
      if (typeof told === 'function') told(null, [{ address, family }]);
    });
    opened.push(async () => lookup.mockRestore());
    const upstream = httpUpstream({ id: 'test', baseUrl: 'http://provider.invalid', timeoutMs: 1_000, publicOnly: true });
    opened.push(() => upstream.stop());
    expect(await ask(upstream)).toMatchObject({ kind: 'refused', message: expect.stringContaining('private address') });
  });
});

describe('an upstream that is stopped', () => {
  it('ends the calls under way, and takes no other', async () => {
    const server = await serve(() => void upstream.stop());
    const upstream = upstreamTo(server.port);
    expect(await ask(upstream)).toMatchObject({ kind: 'unreachable' });
    expect(await ask(upstream)).toMatchObject({ kind: 'unreachable' });
    expect(server.connections).toHaveLength(1);
  });
});
