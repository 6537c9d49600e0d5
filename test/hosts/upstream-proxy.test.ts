import { once } from 'node:events';
import type net from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { httpUpstream } from '../../bridges/upstreams/http.ts';
import type { ProxySources } from '../../bridges/upstreams/proxy.ts';
import type { StreamingUpstream, UpstreamFailure } from '../../bridges/upstreams/upstream.ts';
import { startConnectProxy, type ConnectProxy, type ConnectProxyOptions } from '../fakes/connect-proxy.ts';
import { makeAuthority } from '../support/authority.ts';
import { startProvider as openProvider, trustAuthority, type Provider } from '../support/provider.ts';

const LOGIN = 'canary-user:canary-pass-8d1f';
const PASSWORD = /canary|Basic [A-Za-z0-9]/;
const known = makeAuthority('api.provider.test', 'localhost');
const stranger = makeAuthority('api.provider.test');

let untrust: () => void;
beforeAll(() => {
  untrust = trustAuthority(known.ca);
});
afterAll(() => untrust());

const opened: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  vi.useRealTimers();
  for (const close of opened.splice(0).toReversed()) await close();
});

async function startProvider(certificate = known): Promise<Provider> {
  const provider = await openProvider(certificate);
  opened.push(() => provider.stop());
  return provider;
}

async function startProxy(options: ConnectProxyOptions): Promise<ConnectProxy> {
  const proxy = await startConnectProxy(options);
  opened.push(() => proxy.stop());
  return proxy;
}

function upstreamBy(
  env: ProxySources['env'],
  baseUrl = 'https://api.provider.test/base',
  proxies: () => ProxySources = () => ({ setting: null, env }),
): StreamingUpstream {
  const upstream = httpUpstream({ id: 'test', baseUrl, timeoutMs: 30_000, publicOnly: true, proxies });
  opened.push(() => upstream.stop());
  return upstream;
}

type Got = { status: number; body: string } | UpstreamFailure;
function ask(upstream: StreamingUpstream): Promise<Got> {
  return new Promise((resolve) => {
    const got = { status: 0, body: '' };
    upstream.send(
      { method: 'POST', target: '/v1/x', headers: ['authorization', 'Bearer of-the-client'], body: Buffer.from('{}') },
      {
        start: (status) => void (got.status = status),
        data(chunk) {
          got.body += chunk.toString('latin1');
          return true;
        },
        end: () => resolve(got),
        fail: resolve,
      },
    );
  });
}

describe('an upstream behind a proxy', () => {
  it('is called over TLS that the proxy can’t read, with its own certificate, and its connection kept', async () => {
    const provider = await startProvider();
    const proxy = await startProxy({ to: provider.port, login: LOGIN });
    const upstream = upstreamBy({ HTTPS_PROXY: `http://${LOGIN}@127.0.0.1:${proxy.port}` });
    expect(await ask(upstream)).toEqual({ status: 200, body: '1' });
    expect(await ask(upstream)).toEqual({ status: 200, body: '2' });
    expect(proxy.asked).toHaveLength(1);
    expect(proxy.asked[0]).toMatch(/^CONNECT api\.provider\.test:443 HTTP\/1\.1\r\nhost: api\.provider\.test:443\r\n/);
    expect(proxy.asked[0]).not.toContain('of-the-client');
    expect(provider.names).toEqual(['api.provider.test']);
    expect(provider.requests[0]).toMatch(/^POST \/base\/v1\/x HTTP\/1\.1\r\nhost: api\.provider\.test\r\n/);
    expect(provider.requests.join('')).not.toMatch(PASSWORD);
  });

  it('is reached where the proxy itself is spoken to over TLS', async () => {
    const provider = await startProvider();
    const proxy = await startProxy({ to: provider.port, certificate: known });
    const upstream = upstreamBy({ HTTPS_PROXY: `https://localhost:${proxy.port}` });
    expect(await ask(upstream)).toEqual({ status: 200, body: '1' });
    expect(await ask(upstream)).toEqual({ status: 200, body: '2' });
    expect(proxy.asked).toHaveLength(1);
  });

  it('is called by the port it has', async () => {
    const provider = await startProvider();
    const proxy = await startProxy({ to: provider.port });
    const upstream = upstreamBy({ HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` }, 'https://api.provider.test:8443');
    expect(await ask(upstream)).toMatchObject({ body: '1' });
    expect(proxy.asked[0]).toMatch(/^CONNECT api\.provider\.test:8443 /);
  });

  it('lets go of the proxy when it is stopped', async () => {
    const provider = await startProvider();
    const proxy = await startProxy({ to: provider.port });
    const upstream = upstreamBy({ HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` });
    await ask(upstream);
    const [socket] = proxy.open;
    await Promise.all([socket === undefined ? undefined : once(socket, 'close'), upstream.stop()]);
    expect(proxy.open.size).toBe(0);
  });

  it('is reached by the proxy that is in force when a connection opens', async () => {
    const provider = await startProvider();
    const [first, second] = [await startProxy({ to: provider.port }), await startProxy({ to: provider.port })];
    let setting = `http://127.0.0.1:${first.port}`;
    const upstream = upstreamBy({}, 'https://api.provider.test', () => ({ setting, env: {} }));
    await ask(upstream);
    setting = `http://127.0.0.1:${second.port}`;
    const [kept] = provider.connections;
    kept?.end();
    if (kept !== undefined) await once(kept, 'close');
    await vi.waitUntil(() => first.open.size === 0);
    await ask(upstream);
    expect([first.asked.length, second.asked.length]).toEqual([1, 1]);
  });

  it('on this machine is called without it', async () => {
    const proxy = await startProxy({ to: 1 });
    const provider = await startProvider();
    const env = { HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` };
    const upstream = httpUpstream({
      id: 'test',
      baseUrl: `https://localhost:${provider.port}`,
      timeoutMs: 30_000,
      publicOnly: true,
      proxies: () => ({ setting: null, env }),
    });
    opened.push(() => upstream.stop());
    expect(await ask(upstream)).toMatchObject({ status: 200 });
    expect(proxy.asked).toEqual([]);
  });

  it('whose certificate is not trusted gets nothing, though the proxy would carry it', async () => {
    const provider = await startProvider(stranger);
    const proxy = await startProxy({ to: provider.port });
    const upstream = upstreamBy({ HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` });
    expect(await ask(upstream)).toMatchObject({
      kind: 'unreachable',
      message: expect.stringMatching(/^The certificate of api\.provider\.test is not trusted/),
    });
    expect(provider.requests).toEqual([]);
    await vi.waitUntil(() => proxy.open.size === 0);
  });
});

const says =
  (text: string) =>
  (socket: net.Socket): void =>
    void socket.write(text);
const status = (line: string, ...headers: string[]): ((socket: net.Socket) => void) =>
  says(`HTTP/1.1 ${[line, ...headers].join('\r\n')}\r\n\r\n`);

describe('a proxy', () => {
  it.each([
    [
      'wants a password',
      status('407 No', 'proxy-authenticate: Basic realm="x"'),
      '',
      /wants a user name and a password \(407\)\. Give them in the settings, below Network/,
    ],
    [
      'does not take the password',
      status('407 No', 'proxy-authenticate: Basic'),
      `${LOGIN}@`,
      /did not take the user name and the password of HTTPS_PROXY \(407\)/,
    ],
    [
      'wants another kind of sign-in',
      status('407 No', 'proxy-authenticate: NTLM', 'proxy-authenticate: Negotiate'),
      `${LOGIN}@`,
      /a sign-in that Drawbridge does not know \(407\)/,
    ],
    [
      'forbids the host',
      status('403 No'),
      `${LOGIN}@`,
      /does not let calls through to api\.provider\.test:443 \(403\).*Network in the settings/,
    ],
    ['can’t reach the host', status('502 No'), `${LOGIN}@`, /could not reach api\.provider\.test:443 \(502\)/],
    [
      'answers oddly',
      status('302 Found', 'location: http://login.corp/'),
      `${LOGIN}@`,
      /did not open the way to api\.provider\.test:443 \(302\)/,
    ],
    ['changes the protocol', status('101 Hello'), '', /sent what is no HTTP reply/],
    ['sends garbage', says('\u0016\u0003\u0001 220 mail.corp ESMTP\r\n\r\n'), `${LOGIN}@`, /sent what is no HTTP reply: its first lines/],
    ['sends more than it may', says('HTTP/1.1 200 OK\r\n\r\n<html>'), '', /sent what is no HTTP reply: more follows/],
    ['sends headers without end', says(`HTTP/1.1 200 OK\r\nx: ${'x'.repeat(20_000)}`), '', /no HTTP reply: its headers are larger/],
    ['closes', (socket: net.Socket) => void socket.end(), `${LOGIN}@`, /closed the connection before it answered/],
    ['closes in the middle', (socket: net.Socket) => void socket.end('HTTP/1.1 200 O'), '', /closed the connection before it answered/],
    [
      'resets',
      (socket: net.Socket) => void socket.resetAndDestroy(),
      `${LOGIN}@`,
      /closed the connection before it answered \(ECONNRESET\)/,
    ],
    [
      'closes once the way is open',
      (socket: net.Socket) => socket.write('HTTP/1.1 200 OK\r\n\r\n', () => socket.end()),
      `${LOGIN}@`,
      /^api\.provider\.test can't be reached through the proxy 127\.0\.0\.1:\d+/,
    ],
  ])('that %s is named with what to do, without its password', async (_what, answer, login, words) => {
    const proxy = await startProxy({ to: 1, answer });
    const failure = await ask(upstreamBy({ HTTPS_PROXY: `http://${login}127.0.0.1:${proxy.port}` }));
    expect(failure).toMatchObject({ kind: 'unreachable', message: expect.stringMatching(words) });
    expect(failure).toMatchObject({ message: expect.stringContaining(`proxy 127.0.0.1:${proxy.port}`) });
    expect(JSON.stringify(failure)).not.toMatch(PASSWORD);
    await vi.waitUntil(() => proxy.open.size === 0);
  });

  it('that refuses connections is named', async () => {
    const proxy = await startConnectProxy({ to: 1 });
    await proxy.stop();
    expect(await ask(upstreamBy({ HTTPS_PROXY: `http://${LOGIN}@127.0.0.1:${proxy.port}` }))).toEqual({
      kind: 'unreachable',
      message: `The proxy 127.0.0.1:${proxy.port} refused the connection. Check that it runs, and HTTPS_PROXY.`,
    });
  });

  it('whose own certificate is not trusted is told nothing', async () => {
    const proxy = await startProxy({ to: 1, certificate: stranger });
    expect(await ask(upstreamBy({ HTTPS_PROXY: `https://${LOGIN}@localhost:${proxy.port}` }))).toMatchObject({
      message: expect.stringMatching(/^The certificate of the proxy localhost:\d+ is not trusted/),
    });
    expect(proxy.asked).toEqual([]);
  });

  it.each([
    ['says nothing', () => {}, /^The proxy 127\.0\.0\.1:\d+ did not answer in time/],
    ['opens a way that leads nowhere', says('HTTP/1.1 200 OK\r\n\r\n'), /^api\.provider\.test did not answer in time through the proxy/],
  ])('that %s is not waited for without end', async (_what, answer, words) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const heard = Promise.withResolvers<void>();
    const proxy = await startProxy({
      to: 1,
      answer(socket) {
        answer(socket);
        // Of the way that is open: the first bytes of TLS.
        if (socket.bytesWritten === 0) heard.resolve();
        else socket.once('data', () => heard.resolve());
      },
    });
    const failure = ask(upstreamBy({ HTTPS_PROXY: `http://${LOGIN}@127.0.0.1:${proxy.port}` }));
    await heard.promise;
    vi.advanceTimersByTime(15_000);
    expect(await failure).toMatchObject({ kind: 'timeout', message: expect.stringMatching(words) });
    vi.useRealTimers();
    await vi.waitUntil(() => proxy.open.size === 0);
  });
});
