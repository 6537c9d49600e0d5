import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deferSecrets, memorySecrets, SecretError, type SecretStore } from '../../bridges/engine/secrets.ts';
import { HANDLE_PREFIX } from '../../bridges/wire/opaque.ts';
import { startFakeUpstream, type FakeUpstream } from '../fakes/upstream.ts';
import { runCommand } from '../support/command.ts';
import { startTestEngine, type TestEngine } from '../support/engine.ts';
import { testClock } from './keeper.support.ts';

const KEY = 'gw-CANARY-key-0123456789';
let engine: TestEngine;
let gateway: FakeUpstream;
let keychain: SecretStore;

beforeAll(async () => {
  gateway = await startFakeUpstream((_req, res) => void res.writeHead(200, { 'content-type': 'application/json' }).end('{"choices":[]}'));
  keychain = memorySecrets();
  engine = await startTestEngine({ headless: { keychain } });
});
afterAll(async () => {
  await engine.stop();
  await gateway.stop();
});

async function cli(argv: string[], secret: string): Promise<{ code: number; said: string }> {
  const { code, out, err } = await runCommand(engine.home, argv, [secret]);
  return { code, said: (out + err).trimEnd() };
}

describe('drawbridge gateway', () => {
  it('keeps the key in the keychain alone, and calls go out with it', async () => {
    const { code, said } = await cli(['gateway', 'set', gateway.baseUrl], `${KEY}\n`);
    expect(code).toBe(0);
    expect(said).toContain('session only');
    expect(said).not.toContain(KEY);
    expect(await keychain.get('gateway-key')).toBe(KEY);
    expect(JSON.stringify(await engine.control.settings.get({}))).not.toContain(KEY);
    await fetch(`${engine.origin}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${engine.key}`, 'content-type': 'application/json' },
      body: '{"model":"gpt-x","messages":[]}',
    });
    expect(gateway.seen.at(-1)?.headers.authorization).toBe(`Bearer ${KEY}`);
  });
  it('refuses an address that is not safe, and a key that is no key, and keeps what was', async () => {
    expect(await cli(['gateway', 'set', 'http://example.com'], KEY)).toMatchObject({ code: 1 });
    const { code, said } = await cli(['gateway', 'set', gateway.baseUrl], 'two words');
    expect(code).toBe(2);
    expect(said).toContain('"key" is wrong');
    expect(said).not.toContain('two words');
    expect(await keychain.get('gateway-key')).toBe(KEY);
  });
  it('takes both away', async () => {
    expect(await cli(['gateway', 'clear'], '')).toMatchObject({ code: 0 });
    expect(await keychain.get('gateway-key')).toBeUndefined();
    expect((await engine.control.settings.get({})).settings.upstreams.gateway.baseUrl).toBeNull();
  });
});

describe('a session without its keychain', () => {
  it('says that sign-ins last for the session', async () => {
    expect((await engine.control.status.get({})).notices).toContainEqual(expect.objectContaining({ id: 'keychain', level: 'info' }));
  });
  it('starts all the same, and says that the keychain is locked', async () => {
    const locked = () => Promise.reject(new SecretError('locked', 'The keychain is locked.'));
    const other = await startTestEngine({ headless: { keychain: { lasting: true, get: locked, set: locked, delete: locked } } });
    expect((await other.control.status.get({})).notices).toContainEqual(
      expect.objectContaining({ id: 'keychain', title: 'The keychain is locked' }),
    );
    await expect(other.control.gateway.set({ baseUrl: 'https://example.com', key: KEY })).rejects.toMatchObject({ code: 'keychain' });
    await other.stop();
  });
});

describe('a keychain that fails, or takes its time', () => {
  const call = (of: TestEngine): Promise<Response> =>
    fetch(`${of.origin}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${of.key}`, 'content-type': 'application/json' },
      body: '{"model":"gpt-x","messages":[]}',
    });

  it('leaves the old gateway with its key where the new one’s can not be kept', async () => {
    const held = memorySecrets();
    let locked = false;
    const set: SecretStore['set'] = (name, value) =>
      locked ? Promise.reject(new SecretError('locked', 'The keychain is locked.')) : held.set(name, value);
    const other = await startTestEngine({ headless: { keychain: { ...held, lasting: true, set } } });
    await other.control.gateway.set({ baseUrl: gateway.baseUrl, key: KEY });
    const { baseUrl } = other.headless.engine.settings.current().upstreams.gateway;
    locked = true;
    await expect(other.control.gateway.set({ baseUrl: 'http://127.0.0.1:9/v1', key: 'another-key' })).rejects.toMatchObject({
      code: 'keychain',
    });
    expect(other.headless.engine.settings.current().upstreams.gateway.baseUrl).toBe(baseUrl);
    gateway.seen.length = 0;
    await (await call(other)).text();
    expect(gateway.seen.at(-1)?.headers.authorization).toBe(`Bearer ${KEY}`);
    await other.stop();
  });

  it('asks the keychain for nothing where the address is wrong', async () => {
    const asked: string[] = [];
    const held = memorySecrets();
    const set: SecretStore['set'] = (name, value) => {
      asked.push(name);
      return held.set(name, value);
    };
    const other = await startTestEngine({ headless: { keychain: { ...held, set } } });
    await expect(other.control.gateway.set({ baseUrl: 'http://example.com', key: KEY })).rejects.toMatchObject({
      code: 'settings_invalid',
      message: expect.stringContaining('upstreams.gateway.baseUrl'),
    });
    expect(asked).toEqual([]);
    await other.stop();
  });

  it('holds up calls to the gateway, and nothing else', async () => {
    const opening = Promise.withResolvers<SecretStore>();
    const other = await startTestEngine({
      settings: { upstreams: { gateway: { baseUrl: gateway.baseUrl } } },
      headless: { keychain: deferSecrets(opening.promise) },
    });
    expect((await fetch(`${other.origin}/health`)).status).toBe(200);
    gateway.seen.length = 0;
    const waiting = call(other);
    await expect.poll(async () => (await other.control.calls.list({})).calls.length).toBe(1);
    expect(gateway.seen).toEqual([]);
    opening.resolve(memorySecrets({ 'gateway-key': KEY }));
    expect((await waiting).status).toBe(200);
    expect(gateway.seen.at(-1)?.headers.authorization).toBe(`Bearer ${KEY}`);
    await other.stop();
  });

  it('is asked again for what it would not give, once that is needed and a minute has passed', async () => {
    const clock = testClock();
    const held = memorySecrets({ 'gateway-key': KEY, 'proxy-login': '{}', 'otlp-headers': '{"x-one":"1"}' });
    const asked: string[] = [];
    let isLocked = true;
    const get: SecretStore['get'] = (name) => {
      asked.push(name);
      return isLocked ? Promise.reject(new SecretError('locked', 'The keychain is locked.')) : held.get(name);
    };
    const other = await startTestEngine({
      settings: { upstreams: { gateway: { baseUrl: gateway.baseUrl } }, telemetry: { endpoint: gateway.baseUrl } },
      headless: { keychain: { ...held, get, lasting: true }, clock },
    });
    gateway.seen.length = 0;
    await (await call(other)).text();
    expect(gateway.seen.find(({ url }) => url?.endsWith('/chat/completions'))?.headers.authorization).toBeUndefined();
    isLocked = false;
    asked.length = 0;
    await (await call(other)).text();
    expect(asked).toEqual([]);

    clock.at += 60_000;
    gateway.seen.length = 0;
    await (await call(other)).text();
    expect(gateway.seen.find(({ url }) => url?.endsWith('/chat/completions'))?.headers.authorization).toBe(`Bearer ${KEY}`);
    // Nobody needs the proxy's: none is named.
    expect(asked.toSorted()).toEqual(['gateway-key', 'otlp-headers']);
    const { notices } = await other.control.status.get({});
    expect(notices.map(({ id }) => id)).not.toContain('keychain');
    await expect.poll(() => other.control.telemetry.status({})).toMatchObject({ headers: ['x-one'] });
    await other.stop();
  });

  it('that locks itself leaves in force what is known', async () => {
    const held = memorySecrets();
    let isLocked = false;
    const get: SecretStore['get'] = (name) =>
      isLocked ? Promise.reject(new SecretError('locked', 'The keychain is locked.')) : held.get(name);
    const other = await startTestEngine({ headless: { keychain: { ...held, get, lasting: true } } });
    await other.control.gateway.set({ baseUrl: gateway.baseUrl, key: KEY });
    await other.control.telemetry.set({ endpoint: gateway.baseUrl, headers: { 'x-one': '1' } });
    isLocked = true;
    await other.control.settings.update({ patch: { log: { level: 'warn' } } });
    await expect.poll(async () => (await other.control.status.get({})).notices.map(({ id }) => id)).toContain('keychain');
    expect(await other.control.telemetry.status({})).toMatchObject({ endpoint: gateway.baseUrl, headers: ['x-one'] });
    gateway.seen.length = 0;
    await (await call(other)).text();
    expect(gateway.seen.find(({ url }) => url?.endsWith('/chat/completions'))?.headers.authorization).toBe(`Bearer ${KEY}`);
    await other.stop();
  });

  it('is not waited for by a client that has left', async () => {
    const opening = Promise.withResolvers<SecretStore>();
    const other = await startTestEngine({
      settings: { upstreams: { gateway: { baseUrl: gateway.baseUrl } } },
      headless: { keychain: deferSecrets(opening.promise) },
    });
    gateway.seen.length = 0;
    const left = new AbortController();
    const waiting = fetch(`${other.origin}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${other.key}`, 'content-type': 'application/json' },
      body: '{"model":"gpt-x","messages":[]}',
      signal: left.signal,
    });
    await expect.poll(async () => (await other.control.calls.list({})).calls.length).toBe(1);
    left.abort();
    await expect(waiting).rejects.toThrow();
    await other.call(({ state }) => state === 'cut');
    opening.resolve(memorySecrets({ 'gateway-key': KEY }));
    expect((await call(other)).status).toBe(200);
    expect(gateway.seen).toHaveLength(1);
    await other.stop();
  });

  it('takes a call that waited to the gateway that was set meanwhile, with that one’s key alone', async () => {
    const opening = Promise.withResolvers<SecretStore>();
    const later = await startFakeUpstream(
      (_req, res) => void res.writeHead(200, { 'content-type': 'application/json' }).end('{"choices":[]}'),
    );
    const other = await startTestEngine({
      settings: { upstreams: { gateway: { baseUrl: gateway.baseUrl } } },
      headless: { keychain: deferSecrets(opening.promise) },
    });
    gateway.seen.length = 0;
    const set = other.control.gateway.set({ baseUrl: later.baseUrl, key: 'gw-of-the-later-one' });
    await other.control.status.get({});
    const waiting = call(other);
    await expect.poll(async () => (await other.control.calls.list({})).calls.length).toBe(1);
    opening.resolve(memorySecrets({ 'gateway-key': KEY }));
    expect((await waiting).status).toBe(200);
    await set;
    expect(gateway.seen).toEqual([]);
    expect(later.seen.map(({ headers }) => headers.authorization)).toEqual(['Bearer gw-of-the-later-one']);
    await other.stop();
    await later.stop();
  });

  it('gives a call one key, also where the reasoning it returns waited for the keychain, too', async () => {
    const opening = Promise.withResolvers<SecretStore>();
    const home = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-test-'));
    mkdirSync(path.join(home, 'reasoning'), { recursive: true });
    writeFileSync(path.join(home, 'reasoning', 'newer.sealed'), 'of another keychain\n');
    const other = await startTestEngine({
      home,
      settings: { upstreams: { gateway: { baseUrl: gateway.baseUrl } } },
      headless: { keychain: deferSecrets(opening.promise) },
    });
    gateway.seen.length = 0;
    const waiting = fetch(`${other.origin}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${other.key}`, 'content-type': 'application/json' },
      body: `{"model":"gpt-x","messages":[{"role":"assistant","content":"x","reasoning_opaque":"${HANDLE_PREFIX}0123456789abcdef"}]}`,
    });
    await other.control.status.get({});
    opening.resolve(memorySecrets({ 'gateway-key': KEY }));
    expect((await waiting).status).toBe(200);
    const sent = gateway.seen.at(-1)?.rawHeaders ?? [];
    expect(sent.filter((_, i) => sent[i - 1]?.toLowerCase() === 'authorization')).toEqual([`Bearer ${KEY}`]);
    await other.stop();
    rmSync(home, { recursive: true, force: true });
  });
});
