import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memorySecrets, SecretError, type SecretStore } from '../../bridges/engine/secrets.ts';
import { runCli } from '../../bridges/hosts/cli/index.ts';
import { startFakeUpstream, type FakeUpstream } from '../fakes/upstream.ts';
import { startTestEngine, type TestEngine } from '../support/engine.ts';

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
  const said: string[] = [];
  const before = process.env['DRAWBRIDGE_HOME'];
  process.env['DRAWBRIDGE_HOME'] = engine.home;
  const code = await runCli({
    argv,
    version: '0',
    windowFolder: '',
    signal: new AbortController().signal,
    output: {
      out: (text) => said.push(text),
      err: (text) => said.push(text),
      interactive: false,
      confirm: async () => false,
      secret: async () => secret,
    },
  });
  if (before === undefined) delete process.env['DRAWBRIDGE_HOME'];
  else process.env['DRAWBRIDGE_HOME'] = before;
  return { code, said: said.join('\n') };
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
    expect(await cli(['gateway', 'set', gateway.baseUrl], 'two words')).toMatchObject({ code: 1 });
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
