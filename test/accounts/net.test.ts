import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { fetchOf, netOf, type Net } from '../../bridges/accounts/net.ts';
import { startConnectProxy, type ConnectProxy, type ConnectProxyOptions } from '../fakes/connect-proxy.ts';
import { makeAuthority } from '../support/authority.ts';
import { startTestEngine } from '../support/engine.ts';
import { startProvider, trustAuthority, type Provider } from '../support/provider.ts';

const LOGIN = 'canary-user:canary-pass-8d1f';
const known = makeAuthority('auth.provider.test');
let untrust: () => void;
let provider: Provider;
beforeAll(async () => {
  untrust = trustAuthority(known.ca);
  provider = await startProvider(known);
});
afterAll(async () => {
  await provider.stop();
  untrust();
});

const opened: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).toReversed()) await close();
});
async function startProxy(options: Omit<ConnectProxyOptions, 'to'> = {}): Promise<ConnectProxy> {
  const proxy = await startConnectProxy({ to: provider.port, ...options });
  opened.push(() => proxy.stop());
  return proxy;
}
const netBy = (proxy: ConnectProxy): Net =>
  netOf('Drawbridge/test', () => ({ setting: null, env: { HTTPS_PROXY: `http://${LOGIN}@127.0.0.1:${proxy.port}` } }));
const question = { method: 'POST', url: 'https://auth.provider.test/token', form: { a: 'b' } } as const;

it('asks a sign-in service through the proxy, which can’t read it', async () => {
  const proxy = await startProxy({ login: LOGIN });
  const net = netBy(proxy);
  expect(await net(question)).toMatchObject({ status: 200, body: 1 });
  expect(await net(question)).toMatchObject({ status: 200 });
  expect(proxy.asked[0]).toMatch(/^CONNECT auth\.provider\.test:443 /);
  expect(proxy.asked.join('')).not.toContain('/token');
  expect(provider.names.at(-1)).toBe('auth.provider.test');
  expect(provider.requests.join('')).not.toMatch(/canary|proxy-authorization/i);
});

it.each([
  ['refuses', { login: 'somebody:else' }, /^The proxy 127\.0\.0\.1:\d+ did not take the user name and the password/],
  ['closes', { answer: (socket) => void socket.end() }, /^The proxy 127\.0\.0\.1:\d+ closed the connection/],
] satisfies [string, Omit<ConnectProxyOptions, 'to'>, RegExp][])(
  'says once that it was the proxy which %s',
  async (_what, options, words) => {
    const proxy = await startProxy(options);
    await expect(netBy(proxy)(question)).rejects.toThrow(words);
    await expect(netBy(proxy)(question)).rejects.not.toThrow(/canary/);
    expect(proxy.asked).toHaveLength(2);
  },
);

it('trusts no other certificate behind a proxy than without one', async () => {
  const other = await startProvider(makeAuthority('auth.provider.test'));
  opened.push(() => other.stop());
  const proxy = await startConnectProxy({ to: other.port });
  opened.push(() => proxy.stop());
  await expect(netBy(proxy)(question)).rejects.toMatchObject({ code: expect.stringMatching(/CERT|VERIFY/) });
  expect(other.requests).toEqual([]);
});

it('sends telemetry the same way', async () => {
  const proxy = await startProxy({ login: LOGIN });
  const engine = await startTestEngine({ headless: { proxyEnv: { HTTPS_PROXY: `http://${LOGIN}@127.0.0.1:${proxy.port}` } } });
  opened.push(() => engine.stop());
  expect(await engine.control.telemetry.try({ endpoint: 'https://auth.provider.test' })).toMatchObject({ taken: true });
  expect(provider.requests.at(-1)).toMatch(/^POST \/v1\/traces /);
  expect(proxy.asked).toHaveLength(1);
});

it('downloads the same way', async () => {
  const proxy = await startProxy({ login: LOGIN });
  const fetch = fetchOf(() => ({ setting: `http://127.0.0.1:${proxy.port}`, login: LOGIN, env: {} }));
  const reply = await fetch('https://auth.provider.test/file', { signal: null });
  expect([reply.status, reply.headers.get('content-length')]).toEqual([200, '1']);
  const pieces: Uint8Array[] = [];
  for await (const piece of reply.body ?? []) pieces.push(piece);
  expect(Buffer.concat(pieces).toString()).toMatch(/^\d$/);
  expect(provider.requests.at(-1)).toMatch(/^GET \/file /);
  expect(proxy.asked).toHaveLength(1);
});
