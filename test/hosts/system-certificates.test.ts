import tls from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { startConnectProxy } from '../fakes/connect-proxy.ts';
import { makeAuthority } from '../support/authority.ts';
import { startProvider, type Provider } from '../support/provider.ts';

const companys = makeAuthority('localhost', 'api.provider.test');
const stranger = makeAuthority('localhost');
const before = tls.getCACertificates('default');
let [company, unknown]: Provider[] = [];
beforeAll(async () => {
  company = await startProvider(companys);
  unknown = await startProvider(stranger);
});
afterAll(async () => {
  await company?.stop();
  await unknown?.stop();
});

const opened: (() => Promise<unknown>)[] = [];
beforeEach(() => {
  // Whether the system was asked is remembered for as long as the process lives.
  vi.resetModules();
});
afterEach(async () => {
  for (const close of opened.splice(0).toReversed()) await close();
  vi.restoreAllMocks();
  tls.setDefaultCACertificates(before);
});

/** Counts how often the system was asked. */
function systemTrusting(...authorities: string[]): () => number {
  const real = tls.getCACertificates;
  const asked = vi.spyOn(tls, 'getCACertificates').mockImplementation((kind) => (kind === 'system' ? authorities : real(kind)));
  return () => asked.mock.calls.filter(([kind]) => kind === 'system').length;
}

/** The status of an answer, or why there is none. */
async function ask(baseUrl: string, env: Record<string, string> = {}): Promise<number | string> {
  const { httpUpstream } = await import('../../bridges/upstreams/http.ts');
  const upstream = httpUpstream({ id: 'test', baseUrl, timeoutMs: 30_000, publicOnly: false, proxies: () => ({ setting: null, env }) });
  opened.push(() => upstream.stop());
  return new Promise((resolve) => {
    upstream.send(
      { method: 'GET', target: '/', headers: [], body: null },
      { start: resolve, data: () => true, end() {}, fail: ({ message }) => resolve(message) },
    );
  });
}
const at = (provider: Provider | undefined): string => `https://localhost:${provider?.port}`;

it('of a company are found once nobody else vouches for an upstream, and not asked for before', async () => {
  const asked = systemTrusting(companys.ca);
  expect(asked()).toBe(0);
  expect(await ask(at(company))).toBe(200);
  expect(asked()).toBe(1);
  expect(await ask(at(unknown))).toMatch(/^The certificate of localhost:\d+ is not trusted \(\w+\).*this system trusts/);
  expect(asked()).toBe(1);
  expect(unknown?.requests).toEqual([]);
});

it('of a company are found by calls that begin together', async () => {
  const asked = systemTrusting(companys.ca);
  expect(await Promise.all([ask(at(company)), ask(at(company)), ask(at(company))])).toEqual([200, 200, 200]);
  expect(asked()).toBe(1);
});

it('of a company are found behind a proxy, and for the proxy itself', async () => {
  systemTrusting(companys.ca);
  const proxy = await startConnectProxy({ to: company?.port ?? 0, certificate: companys });
  opened.push(() => proxy.stop());
  expect(await ask('https://api.provider.test', { HTTPS_PROXY: `https://localhost:${proxy.port}` })).toBe(200);
});

it('of a company are found for sign-ins', async () => {
  systemTrusting(companys.ca);
  const { netOf } = await import('../../bridges/accounts/net.ts');
  expect(await netOf('Drawbridge/test')({ method: 'GET', url: at(company) })).toMatchObject({ status: 200 });
});

it('that can’t be read leave a certificate untrusted', async () => {
  const real = tls.getCACertificates;
  vi.spyOn(tls, 'getCACertificates').mockImplementation((kind) => {
    if (kind === 'system') throw new Error('no store');
    return real(kind);
  });
  expect(await ask(at(company))).toMatch(/^The certificate of localhost:\d+ is not trusted/);
});

it('say nothing for a certificate of another name', async () => {
  const asked = systemTrusting();
  tls.setDefaultCACertificates([...before, companys.ca]);
  expect(await ask(`https://127.0.0.1:${company?.port}`)).toMatch(/ERR_TLS_CERT_ALTNAME_INVALID/);
  expect(asked()).toBe(0);
});
