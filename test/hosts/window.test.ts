import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { text } from 'node:stream/consumers';
import { createORPCClient } from '@orpc/client';
import { RPCLink } from '@orpc/client/fetch';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EngineClient } from '../../bridges/contract/index.ts';
import { startTestEngine, type TestEngine } from '../support/engine.ts';
import { sendRaw, statusOf } from '../support/raw.ts';

let engine: TestEngine;
let origin: string;
let port: number;
beforeAll(async () => {
  engine = await startTestEngine({ settings: { upstreams: { practice: { paceMs: 0 } } } });
  origin = new URL(engine.headless.link()).origin;
  port = Number(new URL(origin).port);
});
afterAll(() => engine.stop());

/** Follows a one-time link as a browser would; gives the cookie it sets. */
async function signIn(link = engine.headless.link()): Promise<string> {
  const res = await fetch(link, { redirect: 'manual' });
  expect(res.status).toBe(303);
  return res.headers.get('set-cookie')?.split(';')[0] ?? '';
}
const clientWith = (cookie: string): EngineClient => createORPCClient(new RPCLink({ url: `${origin}/rpc`, headers: { cookie } }));

describe('the window’s listener', () => {
  it('lets nobody in without a session', async () => {
    for (const path of ['/', '/calls', '/rpc/status/get', '/assets/x.js']) expect((await fetch(origin + path)).status).toBe(401);
    await expect(clientWith('').status.get({})).rejects.toThrow();
    await expect(clientWith(`drawbridge_${port}=guess`).status.get({})).rejects.toThrow();
  });
  it('takes a link once', async () => {
    const link = engine.headless.link();
    await signIn(link);
    const again = await fetch(link, { redirect: 'manual' });
    expect(again.status).toBe(401);
    expect(await again.text()).toContain('used already');
  });
  // Only root may act as somebody else.
  it.runIf(process.platform === 'linux' && process.getuid?.() === 0)(
    'takes a link from its owner alone: another user reads it among the arguments of a browser',
    async () => {
      const link = engine.headless.link();
      const { pathname, search } = new URL(link);
      const script = `exec 3<>/dev/tcp/127.0.0.1/${port}; printf 'GET ${pathname}${search} HTTP/1.1\\r\\nHost: 127.0.0.1:${port}\\r\\nConnection: close\\r\\n\\r\\n' >&3; cat <&3`;
      const thief = spawn('bash', ['-c', script], { uid: 65_534, gid: 65_534, cwd: '/', stdio: ['ignore', 'pipe', 'inherit'] });
      const answer = await text(thief.stdout);
      expect(statusOf(answer)).toBe(403);
      expect(answer.toLowerCase()).not.toContain('set-cookie');
      await signIn(link);
    },
  );
  // Only root may act as somebody else.
  it.runIf(process.platform === 'linux' && process.getuid?.() === 0)(
    'takes no link from another user who has closed its own half',
    async () => {
      const link = engine.headless.link();
      const { pathname, search } = new URL(link);
      const head = `GET ${pathname}${search} HTTP/1.1\\r\\nHost: 127.0.0.1:${port}\\r\\n\\r\\n`;
      const script = `import socket
s = socket.create_connection(('127.0.0.1', ${port}))
s.send(b'${head}')
s.shutdown(socket.SHUT_WR)
print(s.recv(9999).decode('latin1'))`;
      const thief = spawn('python3', ['-c', script], { uid: 65_534, gid: 65_534, cwd: '/', stdio: ['ignore', 'pipe', 'inherit'] });
      const answer = await text(thief.stdout);
      expect(answer.toLowerCase()).not.toContain('set-cookie');
      await signIn(link);
    },
  );
  it('keeps its cookie from scripts and from other sites', async () => {
    const res = await fetch(engine.headless.link(), { redirect: 'manual' });
    expect(res.headers.get('set-cookie')).toMatch(/; HttpOnly; SameSite=Strict$/);
  });
  it('serves the page with a strict policy', async () => {
    const cookie = await signIn();
    const page = await fetch(`${origin}/calls/12`, { headers: { cookie } });
    expect(page.status).toBe(200);
    expect(await page.text()).toContain('<div id="root">');
    expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'; script-src 'self'/);
    expect(page.headers.get('x-content-type-options')).toBe('nosniff');
    expect(page.headers.get('cache-control')).toBe('no-store');
  });
  it('carries the contract, errors with their codes included', async () => {
    const client = clientWith(await signIn());
    expect((await client.status.get({})).host).toBe('headless');
    await expect(client.calls.get({ id: 1 })).rejects.toMatchObject({ code: 'not_found', message: expect.stringContaining('no call 1') });
    await expect(client.settings.update({ patch: { companion: { port: 'x' } } })).rejects.toMatchObject({
      code: 'settings_invalid',
      message: expect.stringContaining('companion.port'),
    });
  });
  it('tells of calls as they happen', async () => {
    const client = clientWith(await signIn());
    const stop = new AbortController();
    const events = await client.events({}, { signal: stop.signal });
    const made = client.practice.call({});
    for await (const event of events) if (event.type === 'calls' && event.calls.some((call) => call.state === 'done')) break;
    expect(await made).toMatchObject({ upstream: 'practice', status: 200, caller: 'Drawbridge itself' });
    expect(engine.headless.engine.keys.list().some((key) => key.name === 'Drawbridge itself')).toBe(false);
  });
  it('pauses capture: calls go on and are not kept', async () => {
    const client = clientWith(await signIn());
    await client.capture.pause({ paused: true });
    const before = (await client.calls.list({})).calls.length;
    const res = await fetch(`${engine.origin}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${engine.key}`, 'content-type': 'application/json' },
      body: '{"model":"practice/echo","messages":[{"role":"user","content":"x"}]}',
    });
    expect(res.status).toBe(200);
    expect((await client.calls.list({})).calls.length).toBe(before);
    expect((await client.capture.pause({ paused: false })).state).toBe('recording');
  });
  it('changes the companion’s port, and says who holds one that is taken', async () => {
    const client = clientWith(await signIn());
    const taken = await client.companion.usePort({ port });
    expect(taken).toMatchObject({
      state: 'failed',
      reason: expect.stringContaining(`process ${process.pid}`),
      mend: { action: { kind: 'companion.usePort' } },
    });
    expect((await client.status.get({})).listeners).toContainEqual({
      ...taken,
      state: 'listening',
      address: `127.0.0.1:${engine.port}`,
      reason: expect.stringContaining(`stays on ${engine.port}`),
    });
    expect((await fetch(`${engine.origin}/health`)).status).toBe(200);
    const next = taken.mend?.action?.kind === 'companion.usePort' ? taken.mend.action.port : 0;
    expect((await client.companion.usePort({ port: next })).address).toBe(`127.0.0.1:${next}`);
    expect((await client.settings.get({})).settings.companion.port).toBe(next);
  });
  it.each([
    ['another host', { host: 'evil.com' }, 421],
    ['another origin', { origin: 'https://evil.com' }, 403],
    ['another local page', { origin: 'http://127.0.0.1:1' }, 403],
    ['a cross-site request', { 'sec-fetch-site': 'cross-site' }, 403],
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, 415],
  ])('refuses %s before it looks at the session', async (_name, headers, status) => {
    const cookie = await signIn();
    const all = {
      host: `127.0.0.1:${port}`,
      cookie,
      'content-type': 'application/json',
      'content-length': '2',
      connection: 'close',
      ...headers,
    };
    const answer = await sendRaw(
      port,
      `POST /rpc/status/get HTTP/1.1\r\n${Object.entries(all)
        .map(([name, value]) => `${name}: ${value}\r\n`)
        .join('')}\r\n{}`,
    );
    expect(statusOf(answer)).toBe(status);
    expect(answer.toLowerCase()).not.toContain('access-control-allow');
  });
  it('declines WebSockets and does not leave its folder', async () => {
    const cookie = await signIn();
    const upgrade = await sendRaw(port, `GET / HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\n`);
    expect(statusOf(upgrade)).toBe(426);
    for (const path of ['/../package.json', '/%2e%2e/package.json', '/assets/..%2f..%2fpackage.json']) {
      expect(
        statusOf(await sendRaw(port, `GET ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\ncookie: ${cookie}\r\nconnection: close\r\n\r\n`)),
      ).toBe(400);
    }
  });
});

describe('a window whose port is taken', () => {
  it('is served on another, and says why', async () => {
    const holder = net.createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const address = holder.address();
    const taken = typeof address === 'object' && address !== null ? address.port : 0;
    const other = await startTestEngine({ settings: { ui: { port: taken } } });
    const { port: found } = new URL(other.headless.link());
    expect(Number(found)).not.toBe(taken);
    expect((await other.control.status.get({})).listeners.find(({ name }) => name === 'ui')).toMatchObject({
      state: 'listening',
      reason: expect.stringContaining(`Port ${taken} of the settings`),
    });
    await other.stop();
    holder.close();
  });
});
