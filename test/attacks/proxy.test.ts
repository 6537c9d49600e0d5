import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { plainEnvironment } from '../../bridges/engine/child.ts';
import { startConnectProxy, type ConnectProxy } from '../fakes/connect-proxy.ts';
import { makeAuthority } from '../support/authority.ts';
import { startTestEngine, type TestEngine } from '../support/engine.ts';
import { startProvider, trustAuthority, type Provider } from '../support/provider.ts';

const PASSWORD = 'canary-pass-8d1f';
const LOGIN = `canary-user:${PASSWORD}`;
const SECRET = new RegExp([PASSWORD, 'canary-user', Buffer.from(LOGIN).toString('base64')].join('|'));

let provider: Provider;
let [taking, refusing, other]: ConnectProxy[] = [];
let engine: TestEngine;
let untrust: () => void;
/** As the environment of the process: it may change, and is read for each connection. */
const proxyEnv: Record<string, string> = {};

beforeAll(async () => {
  const certificate = makeAuthority('api.provider.test');
  untrust = trustAuthority(certificate.ca);
  provider = await startProvider(certificate);
  taking = await startConnectProxy({ to: provider.port, login: LOGIN });
  refusing = await startConnectProxy({ to: provider.port, login: 'somebody:else' });
  other = await startConnectProxy({ to: provider.port });
  engine = await startTestEngine({ settings: settingsOf(), headless: { proxyEnv } });
});
afterAll(async () => {
  await engine.stop();
  await Promise.all([taking?.stop(), refusing?.stop(), other?.stop()]);
  await provider.stop();
  untrust();
});

const settingsOf = (): Record<string, unknown> => {
  const baseUrl = 'https://api.provider.test';
  return { log: { level: 'debug' }, upstreams: { anthropic: { baseUrl }, openai: { baseUrl } } };
};

const call = (wire: 'messages' | 'responses', model: string, by = engine): Promise<Response> =>
  fetch(`${by.origin}/k/${by.key}/v1/${wire}`, {
    method: 'POST',
    headers: { authorization: 'Bearer sk-of-the-client-000000000', 'content-type': 'application/json' },
    body: JSON.stringify(wire === 'messages' ? { model, max_tokens: 1, messages: [] } : { model, input: 'x' }),
  });

it('brings calls to the provider, and its password nowhere else', async () => {
  proxyEnv['HTTPS_PROXY'] = `http://${LOGIN}@127.0.0.1:${taking?.port}`;
  expect((await call('messages', 'claude-through')).status).toBe(200);
  expect(taking?.asked[0]).toMatch(SECRET);
  expect(provider.requests.join('')).toContain('claude-through');
  expect(provider.requests.join('')).not.toMatch(SECRET);

  proxyEnv['HTTPS_PROXY'] = `http://${LOGIN}@127.0.0.1:${refusing?.port}`;
  const refused = await call('responses', 'gpt-refused');
  const words = await refused.text();
  expect(refused.status).toBe(502);
  expect(words).toContain(`The proxy 127.0.0.1:${refusing?.port} did not take the user name and the password of HTTPS_PROXY (407).`);
  expect(words).not.toMatch(SECRET);

  await expectNowhere('gpt-refused');
});

/** What the engine tells of a call and of itself, and what it has written, holds nothing of the login. */
async function expectNowhere(model: string, by = engine): Promise<void> {
  const { control, home } = by;
  const row = await by.call(({ modelRequested }) => modelRequested === model);
  const told = await Promise.all([
    control.calls.get({ id: row.id }),
    control.status.get({}),
    control.settings.get({}),
    control.doctor.run({}),
    control.diagnostics.bundle({}),
  ]);
  expect(JSON.stringify([row, plainEnvironment(), ...told])).not.toMatch(SECRET);
  for (const file of readdirSync(home, { recursive: true, withFileTypes: true })) {
    if (!file.isFile()) continue;
    const text = readFileSync(path.join(file.parentPath, file.name), 'latin1');
    expect([file.name, SECRET.test(text)]).toEqual([file.name, false]);
  }
}

it('is told by the doctor with its host and port, and what names it', async () => {
  const found = async (): Promise<unknown> => (await engine.control.doctor.run({})).find(({ id }) => id === 'proxy');
  proxyEnv['HTTPS_PROXY'] = `http://${LOGIN}@proxy.corp:3128`;
  expect(await found()).toMatchObject({ state: 'ok', found: 'Calls leave through proxy.corp:3128, as HTTPS_PROXY says.' });
  proxyEnv['HTTPS_PROXY'] = `socks5://${LOGIN}@proxy.corp:3128`;
  expect(await found()).toMatchObject({
    state: 'warning',
    found: 'What HTTPS_PROXY names is no proxy that Drawbridge can use, so calls go straight out.',
  });
});

it('is the one of the settings from the next connection on', async () => {
  proxyEnv['HTTPS_PROXY'] = `http://${LOGIN}@127.0.0.1:${refusing?.port}`;
  expect((await call('responses', 'gpt-before')).status).toBe(502);
  await engine.control.settings.update({ patch: { network: { proxy: `http://127.0.0.1:${other?.port}` } } });
  expect((await call('responses', 'gpt-after')).status).toBe(200);
  expect(other?.asked.join('')).not.toMatch(SECRET);
});

it('is refused in the settings with a password, which is not repeated', async () => {
  const wrong = engine.control.settings.update({ patch: { network: { proxy: `http://${LOGIN}@proxy.corp:3128` } } });
  const error = await wrong.catch((error: unknown) => error);
  expect(error).toMatchObject({ code: 'settings_invalid', message: expect.stringContaining('"network.proxy"') });
  expect(String(error)).not.toMatch(SECRET);
});

it('has its password in the keychain alone, and only where it was given for it', async () => {
  const own = await startTestEngine({ settings: settingsOf(), headless: { proxyEnv: {} } });
  const [user = '', password = ''] = LOGIN.split(':');
  const at = (proxy: ConnectProxy | undefined): string => `http://127.0.0.1:${proxy?.port}`;
  await own.control.network.set({ proxy: at(taking), login: { user, password } });
  expect((await call('messages', 'claude-kept', own)).status).toBe(200);
  await expectNowhere('claude-kept', own);
  expect(JSON.stringify(await own.control.network.status({}))).not.toContain(password);

  await own.control.network.set({ proxy: at(refusing), login: { user, password } });
  expect(await (await call('responses', 'gpt-kept', own)).text()).toContain('(407)');
  await expectNowhere('gpt-kept', own);

  // Whoever writes the settings file can name another proxy, and gets nothing.
  await own.control.settings.update({ patch: { network: { proxy: at(other) } } });
  const before = other?.asked.length ?? 0;
  expect((await call('responses', 'gpt-led-astray', own)).status).toBe(200);
  expect(other?.asked.length).toBe(before + 1);
  expect(other?.asked.join('')).not.toMatch(SECRET);
  await own.stop();
});
