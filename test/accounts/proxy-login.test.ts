import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { deferSecrets, memorySecrets, SecretError, type SecretStore } from '../../bridges/engine/secrets.ts';
import { startConnectProxy, type ConnectProxy } from '../fakes/connect-proxy.ts';
import { makeAuthority } from '../support/authority.ts';
import { runCommand } from '../support/command.ts';
import { startTestEngine, type TestEngine } from '../support/engine.ts';
import { startProvider, trustAuthority, type Provider } from '../support/provider.ts';

const PASSWORD = 'canary:pass %40/8d1f';
const LOGIN = { user: 'sam', password: PASSWORD };
const BASIC = Buffer.from(`sam:${PASSWORD}`).toString('base64');

let provider: Provider;
let untrust: () => void;
let proxy: ConnectProxy;
let other: ConnectProxy;
const at = ({ port }: ConnectProxy): string => `http://127.0.0.1:${port}`;

beforeAll(async () => {
  const certificate = makeAuthority('api.provider.test');
  untrust = trustAuthority(certificate.ca);
  provider = await startProvider(certificate);
});
afterAll(async () => {
  await provider.stop();
  untrust();
});
beforeEach(async () => {
  proxy = await startConnectProxy({ to: provider.port, login: `sam:${PASSWORD}` });
  other = await startConnectProxy({ to: provider.port, login: 'somebody:else' });
});
let engines: TestEngine[] = [];
afterEach(async () => {
  await Promise.all(engines.map((engine) => engine.stop()));
  engines = [];
  await Promise.all([proxy.stop(), other.stop()]);
});

async function engineWith(keychain: SecretStore, network: object = {}): Promise<TestEngine> {
  const engine = await startTestEngine({
    settings: { network, upstreams: { openai: { baseUrl: 'https://api.provider.test' } } },
    headless: { keychain, proxyEnv: {} },
  });
  engines.push(engine);
  return engine;
}

const call = (engine: TestEngine): Promise<Response> =>
  fetch(`${engine.origin}/k/${engine.key}/v1/responses`, {
    method: 'POST',
    headers: { authorization: 'Bearer sk-of-the-client-000000000', 'content-type': 'application/json' },
    body: '{"model":"gpt-x","input":"x"}',
  });

describe('a proxy that wants a password', () => {
  it('gets that of the keychain, which stands nowhere else', async () => {
    const keychain = memorySecrets();
    const { control, home, ...engine } = await engineWith(keychain);
    expect(await control.network.set({ proxy: at(proxy) })).toMatchObject({ user: null, inForce: { from: 'network.proxy' } });
    const refused = await (await call({ control, home, ...engine })).text();
    expect(refused).toContain('wants a user name and a password (407). Give them in the settings, below Network.');

    const status = await control.network.set({ proxy: at(proxy), noProxy: ['git.corp'], login: LOGIN });
    expect(status).toEqual({
      proxy: at(proxy),
      noProxy: ['git.corp'],
      user: 'sam',
      inForce: { name: `127.0.0.1:${proxy.port}`, from: 'network.proxy' },
      unusable: null,
      problem: null,
      refusal: null,
      lasting: false,
    });
    expect((await call({ control, home, ...engine })).status).toBe(200);
    expect(proxy.asked.at(-1)).toContain(BASIC);
    const told = [status, await control.settings.get({}), await control.doctor.run({}), await control.diagnostics.bundle({})];
    expect(JSON.stringify(told)).not.toContain('canary');
    expect(JSON.stringify(told[3])).not.toContain('git.corp');
    expect(readFileSync(path.join(home, 'settings.json'), 'utf8')).not.toContain('canary');
    expect(await keychain.get('proxy-login')).toContain('canary');
  });

  it('does not get the password of another one, whoever names it', async () => {
    const keychain = memorySecrets();
    const engine = await engineWith(keychain);
    await engine.control.network.set({ proxy: at(proxy), login: LOGIN });
    await engine.control.settings.update({ patch: { network: { proxy: at(other) } } });
    expect((await call(engine)).status).toBe(502);
    expect(await engine.control.network.status({})).toMatchObject({ proxy: at(other), user: null });
    expect(other.asked.join('')).not.toMatch(/proxy-authorization/i);
    // It is still that of the first.
    await engine.control.settings.update({ patch: { network: { proxy: at(proxy) } } });
    expect((await call(engine)).status).toBe(200);
  });

  it('is told apart where the password is wrong', async () => {
    const engine = await engineWith(memorySecrets());
    await engine.control.network.set({ proxy: at(other), login: LOGIN });
    const why = 'did not take the user name and the password that are kept for it (407).';
    expect(await (await call(engine)).text()).toContain(why);
    // It is not sent again and again, and whoever looks is told.
    expect(await (await call(engine)).text()).toContain(why);
    expect(other.asked).toHaveLength(1);
    expect(await engine.control.network.status({})).toMatchObject({ refusal: expect.stringContaining(why) });
    expect((await engine.control.status.get({})).notices).toContainEqual(
      expect.objectContaining({ id: 'proxy', cause: expect.stringContaining(why) }),
    );
    await engine.control.network.set({ proxy: at(other), login: { user: 'somebody', password: 'else' } });
    expect((await call(engine)).status).toBe(200);
    expect(await engine.control.network.status({})).toMatchObject({ refusal: null });
  });

  it('is forgotten with its password, and without it', async () => {
    const keychain = memorySecrets();
    const { control } = await engineWith(keychain);
    await control.network.set({ proxy: at(proxy), login: LOGIN });
    expect(await control.network.set({ proxy: at(proxy), login: null })).toMatchObject({ proxy: at(proxy), user: null });
    expect(await keychain.get('proxy-login')).toBeUndefined();
    await control.network.set({ proxy: at(proxy), login: LOGIN });
    expect(await control.network.set({ proxy: null })).toMatchObject({ proxy: null, user: null, inForce: null });
    expect(await keychain.get('proxy-login')).toBeUndefined();
  });

  it.each(['proxy.corp:3128', 'socks5://proxy.corp', 'http://user:canary@proxy.corp', ''])(
    'is refused as %j, and its password is not kept',
    async (wrong) => {
      const keychain = memorySecrets();
      const { control } = await engineWith(keychain);
      const error: unknown = await control.network.set({ proxy: wrong, login: LOGIN }).catch((error: unknown) => error);
      expect(error).toMatchObject({ code: 'settings_invalid', message: expect.stringContaining('"network.proxy"') });
      expect(String(error)).not.toContain('canary');
      expect(await keychain.get('proxy-login')).toBeUndefined();
    },
  );

  it('is not set where the keychain takes no password', async () => {
    const locked: SecretStore = {
      ...memorySecrets(),
      lasting: true,
      get: () => Promise.reject(new SecretError('locked', 'The keychain is locked.')),
      set: () => Promise.reject(new SecretError('locked', 'The keychain is locked.')),
    };
    const { control } = await engineWith(locked);
    await expect(control.network.set({ proxy: at(proxy), login: LOGIN })).rejects.toMatchObject({ code: 'keychain' });
    expect(await control.network.status({})).toMatchObject({ proxy: null });
    // One without a login needs no keychain, be it to be used or to be taken away.
    expect(await control.network.set({ proxy: at(proxy) })).toMatchObject({ proxy: at(proxy), user: null, problem: null });
    expect(await control.network.set({ proxy: null })).toMatchObject({ proxy: null });
  });

  it('is told with the keychain that does not give its login', async () => {
    const locked: SecretStore = {
      ...memorySecrets(),
      lasting: true,
      get: () => Promise.reject(new SecretError('locked', 'The keychain is locked.')),
    };
    const { control } = await engineWith(locked, { proxy: at(proxy), loginSecret: 'proxy-login' });
    await expect.poll(() => control.network.status({})).toMatchObject({ user: null, problem: 'The keychain is locked.' });
    expect((await control.doctor.run({})).find(({ id }) => id === 'proxy')).toMatchObject({
      state: 'warning',
      found: expect.stringContaining('The keychain is locked. So its password is not known.'),
      mend: 'Unlock the keychain, and allow Drawbridge there.',
    });
  });

  it('is not asked before the keychain has told the password', async () => {
    const opening = Promise.withResolvers<SecretStore>();
    const engine = await engineWith(deferSecrets(opening.promise), { proxy: at(proxy), loginSecret: 'proxy-login' });
    const waiting = call(engine);
    await expect.poll(async () => (await engine.control.calls.list({})).calls.length).toBe(1);
    expect(proxy.asked).toEqual([]);
    opening.resolve(memorySecrets({ 'proxy-login': JSON.stringify({ origin: at(proxy), ...LOGIN }) }));
    expect((await waiting).status).toBe(200);
    expect(proxy.asked).toHaveLength(1);
  });
});

describe('drawbridge proxy', () => {
  async function cli(engine: TestEngine, argv: string[], secret = ''): Promise<{ code: number; said: string }> {
    const { code, out, err } = await runCommand(engine.home, argv, [secret]);
    return { code, said: (out + err).trimEnd() };
  }

  it('sets it, tells it, and takes it away', async () => {
    const engine = await engineWith(memorySecrets());
    expect(await cli(engine, ['proxy'])).toEqual({ code: 0, said: 'Connections go straight out.' });
    const set = await cli(engine, ['proxy', 'set', at(proxy), '--user', 'sam', '--except', 'git.corp, 10.0.0.0/8'], `${PASSWORD}\n`);
    expect(set.code).toBe(0);
    expect(set.said).toMatch(
      /^Connections leave through 127\.0\.0\.1:\d+, as network\.proxy says\. The password of sam is kept for this session/,
    );
    expect(set.said).toMatch(/Reached without it: git\.corp, 10\.0\.0\.0\/8\.$/);
    expect(set.said).not.toContain('canary');
    expect((await call(engine)).status).toBe(200);
    // What is not named stays as it is.
    expect((await cli(engine, ['proxy', 'set', at(proxy)])).said).toBe(set.said);
    expect(JSON.parse((await cli(engine, ['proxy', 'set', at(proxy), '--except', '', '--json'])).said)).toMatchObject({
      noProxy: null,
      user: 'sam',
    });
    expect(await cli(engine, ['proxy', 'clear'])).toEqual({ code: 0, said: 'Connections go straight out.' });
  });

  it.each([
    [['proxy', 'set'], 'Use: drawbridge proxy'],
    [['proxy', 'sit', 'http://proxy.corp'], 'Use: drawbridge proxy'],
    [['proxy', 'set', 'proxy.corp'], '"network.proxy" was not changed'],
    [['proxy', 'set', 'http://proxy.corp', '--user', 'a:b'], 'must have no colon in it'],
    [['proxy', 'set', 'http://proxy.corp', '--port', '1'], 'does not take "--port"'],
  ])('refuses %j', async (argv, why) => {
    const engine = await engineWith(memorySecrets());
    const { code, said } = await cli(engine, argv);
    expect(code).not.toBe(0);
    expect(said).toContain(why);
  });
});
