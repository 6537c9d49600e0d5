import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { netOf, type Net } from '../../bridges/accounts/net.ts';
import { exchange, newAttempt, renew } from '../../bridges/codex/siwc.ts';
import { renewToken, startDevice } from '../../bridges/copilot/device.ts';
import { directSource } from '../../bridges/copilot/github.ts';
import { systemClock } from '../../bridges/engine/clock.ts';
import { probeApp } from '../../bridges/m365/entra.ts';
import { startConnectProxy, type ConnectProxy } from '../fakes/connect-proxy.ts';
import { makeAuthority } from '../support/authority.ts';
import { startTestEngine } from '../support/engine.ts';
import { startProvider, type Provider } from '../support/provider.ts';

const HOST = 'https://auth.provider.test';
const held = { access: 'a', refresh: 'r', expiresAt: null, refreshFrom: null, extra: { clientId: 'c' } };

/** All that is asked of a sign-in service where somebody waits for a sentence. */
const ASKED: readonly [string, (net: Net) => Promise<unknown>][] = [
  ['Codex: the end of a sign-in', (net) => exchange(net, HOST, newAttempt(1, 'c'), 'code', 'c', 0)],
  ['Codex: a renewal', (net) => renew(net, HOST, held, 0)],
  ['Copilot: a code', (net) => startDevice(net, HOST, 'c')],
  ['Copilot: a renewal', (net) => renewToken(net, { github: HOST, clientId: 'c', refresh: 'r', now: 0 })],
  ['Copilot: the account', (net) => directSource({ net, clock: systemClock, api: () => HOST, userAgent: 'x' }).user('t')],
  [
    'Microsoft 365: the app registration',
    (net) => probeApp({ net, app: { login: HOST, tenant: 't', clientId: 'c' }, scopes: [], pause: async () => {} }),
  ],
];

let provider: Provider;
let proxy: ConnectProxy;
beforeAll(async () => {
  // Signed by nobody whom this system trusts.
  provider = await startProvider(makeAuthority('auth.provider.test'));
  proxy = await startConnectProxy({ to: provider.port, login: 'somebody:else' });
});
afterAll(async () => {
  await proxy.stop();
  await provider.stop();
});
const netWith = (login: string): Net => netOf('x', () => ({ setting: `http://127.0.0.1:${proxy.port}`, login, env: {} }));

describe.each(ASKED)('%s', (_what, ask) => {
  it('tells of the proxy that refused it', async () =>
    expect(JSON.stringify(await ask(netWith('sam:wrong')))).toContain('did not take the user name and the password that are kept for it'));
  it('tells of a certificate that is not trusted', async () =>
    expect(JSON.stringify(await ask(netWith('somebody:else')))).toMatch(/The certificate of [\w ’-]+ is not trusted \([A-Z_]+\)/));
});

it('a key that can’t be checked is told with the proxy that refused it', async () => {
  const engine = await startTestEngine({ headless: { net: netWith('sam:wrong') } });
  const { bridges } = engine.control;
  await bridges.signIn({ bridge: 'codex', route: 'api-key', agree: true, key: 'sk-of-somebody-0000000000' });
  const [codex] = (await bridges.list()).filter(({ name }) => name === 'codex');
  expect(codex).toMatchObject({ state: 'signed_out', reason: expect.stringContaining('did not take the user name') });
  await engine.stop();
});
