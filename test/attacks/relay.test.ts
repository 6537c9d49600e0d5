import { mkdtempSync, rmSync, statSync } from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startRelay, type Relay } from '../../bridges/tunnels/relay.ts';
import { sendRaw, statusOf } from '../support/raw.ts';

/** The near end alone, on a loopback port as it is where there are no private sockets. */

const FAR = [3353, 3354] as const;
let folder: string;
let relay: Relay;
let asked: [number, string | null][];
let names: (string | undefined)[];

async function start(socket: string | null): Promise<Relay> {
  asked = [];
  names = [];
  relay = await startRelay({
    tunnel: 'lab',
    offer: {
      name: 'companion',
      label: 'Companion',
      serve(req, res, identify) {
        names.push(identify(req.headers.authorization ?? '')?.name);
        res.writeHead(200).end('served');
      },
      renderError: ({ status, message }) => ({ status, headers: {}, body: message }),
      onRefused: () => {},
    },
    farPorts: FAR,
    socket,
    limits: { headersMs: 300, connections: 64 },
    now: () => 1_000,
    check: (key) => key === 'right',
    prove: (text) => `proof of ${text}`,
    live: () => 3354,
    onRequest: (farPort, nonce) => void asked.push([farPort, nonce]),
  });
  return relay;
}
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-relay-'));
});
afterEach(async () => {
  await relay.stop(0);
  rmSync(folder, { recursive: true, force: true });
});

describe('the relay on a port', () => {
  const send = (head: string): Promise<string> => sendRaw('port' in relay.address ? relay.address.port : 0, head);
  const get = (host: string, target = '/', more = ''): Promise<string> =>
    send(`GET ${target} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n${more}\r\n`);

  it('answers to the far ports and nothing else, its own port included', async () => {
    await start(null);
    const own = 'port' in relay.address ? relay.address.port : 0;
    for (const far of FAR) expect(statusOf(await get(`127.0.0.1:${far}`))).toBe(200);
    for (const host of [`127.0.0.1:${own}`, 'localhost:3353', '127.0.0.1', '[::1]:3353', 'evil.com:3353', '127.0.0.1:3355'])
      expect(statusOf(await get(host))).toBe(421);
    expect(statusOf(await get('127.0.0.1:3353', '/', 'origin: https://evil.com\r\n'))).toBe(403);
    expect(statusOf(await get('127.0.0.1:3353', '/../x'))).toBe(400);
    expect(statusOf(await send('POST / HTTP/1.1\r\nhost: 127.0.0.1:3353\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n'))).toBe(
      400,
    );
    expect(asked).toEqual([
      [3353, null],
      [3354, null],
    ]);
  });
  it('knows its own key, and names who called', async () => {
    await start(null);
    await get('127.0.0.1:3353', '/', 'authorization: right\r\n');
    await get('127.0.0.1:3353', '/', 'authorization: wrong\r\n');
    expect(names).toEqual(['tunnel lab', undefined]);
  });
  it('tells which far port is live, and proves itself for the one it was asked by', async () => {
    await start(null);
    const nonce = 'a'.repeat(16);
    const answer = await get('127.0.0.1:3353', `/.drawbridge/proof?nonce=${nonce}`);
    expect(answer).toContain('x-drawbridge-far-port: 3354');
    expect(answer).toContain(
      JSON.stringify({ tunnel: 'lab', farPort: 3353, nonce, proof: `proof of drawbridge proof\nlab\n3353\n${nonce}` }),
    );
    expect(asked).toEqual([[3353, nonce]]);
    for (const odd of ['', '?nonce=', '?nonce=short', `?nonce=${'a'.repeat(65)}`, `?nonce=${'a'.repeat(16)}&x=1`, `x?nonce=${nonce}`])
      expect(statusOf(await get('127.0.0.1:3353', `/.drawbridge/proof${odd}`))).toBe(400);
  });
});

describe.skipIf(process.platform === 'win32')('the relay on a socket', () => {
  it('is its owner’s alone, replaces what a killed engine left, and counts', async () => {
    const socket = path.join(folder, 't.sock');
    await start(socket);
    expect(statSync(socket).mode & 0o777).toBe(0o600);
    const body = await new Promise<string>((resolve, reject) => {
      http
        .get({ socketPath: socket, path: '/', headers: { host: '127.0.0.1:3353' }, agent: false }, (reply) => {
          let text = '';
          reply.on('data', (chunk: Buffer) => (text += chunk.toString()));
          reply.once('end', () => resolve(text));
        })
        .once('error', reject);
    });
    expect(body).toBe('served');
    expect(relay.traffic()).toMatchObject({ peak: 1, total: 1, lastAt: 1_000 });
    expect(relay.traffic().bytesIn).toBeGreaterThan(0);
    const before = relay;
    await start(socket);
    await before.stop(0);
  });
});
