import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startFakeUpstream } from '../fakes/upstream.ts';
import { runCommand } from '../support/command.ts';
import { startTestEngine, type TestEngine } from '../support/engine.ts';

let folder: string;
let home: string;
let settings: string;
let profile: string;
let engine: TestEngine;

const start = (): Promise<TestEngine> =>
  startTestEngine({
    home,
    headless: {
      clientHomes: { claude: path.join(folder, '.claude'), copilot: path.join(folder, '.copilot') },
      codexHome: path.join(folder, '.codex'),
    },
  });
beforeEach(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-attach-'));
  home = path.join(folder, 'state');
  mkdirSync(home);
  settings = path.join(folder, '.claude', 'settings.json');
  profile = path.join(folder, '.codex', 'drawbridge.config.toml');
  engine = await start();
});
afterEach(async () => {
  await engine.stop();
  rmSync(folder, { recursive: true, force: true });
});

const cli = async (...argv: string[]): Promise<{ code: number; said: string }> => {
  const { code, out, err } = await runCommand(home, argv);
  return { code, said: (out + err).trimEnd() };
};
const given = (text: string, file = settings): void => {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
};
const read = (file = settings): string => readFileSync(file, 'utf8');
const env = (): Record<string, string> => JSON.parse(read()).env;
const callers = async (): Promise<string[]> => (await engine.control.keys.list({})).map(({ name }) => name);
const shown = async (client: string) => (await engine.control.clients.list({})).find((one) => one.client === client)?.attachment;

describe('Claude Code', () => {
  it('is attached with its own account, and calls come through', async () => {
    given('{\n\t"model": "opus",\n\t"permissions": { "allow": ["Bash"] }\n}\n');
    expect(await cli('attach', 'claude-code')).toMatchObject({ code: 0, said: expect.stringContaining('Its own account passes through') });
    expect(env()).toEqual({ ANTHROPIC_BASE_URL: expect.stringMatching(new RegExp(`^${engine.origin}/k/db_`)) });
    expect(read()).toMatch(/^\{\n\t"model": "opus",/);
    expect(statSync(settings).mode & 0o777).toBe(0o600);
    const anthropic = await startFakeUpstream((_seen, res) => void res.end('{}'));
    await engine.control.settings.update({ patch: { upstreams: { anthropic: { baseUrl: anthropic.baseUrl } } } });
    const reply = await fetch(`${env()['ANTHROPIC_BASE_URL']}/v1/messages`, {
      method: 'POST',
      headers: { authorization: 'Bearer of-the-client', 'content-type': 'application/json' },
      body: '{"model":"claude-opus-5-5","max_tokens":1,"messages":[]}',
    });
    expect(reply.status).toBe(200);
    expect(anthropic.seen.at(-1)?.headers.authorization).toBe('Bearer of-the-client');
    expect(await engine.call(() => true)).toMatchObject({ caller: 'Claude Code (attached)' });
    expect(await shown('claude-code')).toMatchObject({ model: null, file: settings, problem: null });
    await anthropic.stop();
  });

  it('is attached with a model of ours, which can be changed', async () => {
    given('{"env":{"ANTHROPIC_MODEL":"opus","OTHER":"1"}}');
    await cli('attach', 'claude-code', '--model', 'practice/echo');
    const before = env();
    expect(before).toMatchObject({ ANTHROPIC_MODEL: 'practice/echo', OTHER: '1', ANTHROPIC_BASE_URL: engine.origin });
    const reply = await fetch(`${engine.origin}/v1/messages`, {
      method: 'POST',
      headers: { authorization: `Bearer ${before['ANTHROPIC_AUTH_TOKEN']}`, 'content-type': 'application/json' },
      body: '{"model":"practice/echo","max_tokens":9,"messages":[{"role":"user","content":"a"}]}',
    });
    expect(reply.status).toBe(200);
    expect((await cli('attach', 'claude-code', '--model', 'practice/echo')).said).toContain('attached already');
    expect(env()).toEqual(before);
    expect((await cli('attach', 'claude-code', '--model', 'practice/reason')).code).toBe(0);
    expect(env()['ANTHROPIC_MODEL']).toBe('practice/reason');
    expect((await callers()).filter((name) => name.startsWith('Claude'))).toHaveLength(1);
    await cli('attach', 'claude-code');
    expect(env()).toEqual({ ANTHROPIC_MODEL: 'opus', OTHER: '1', ANTHROPIC_BASE_URL: expect.stringContaining('/k/db_') });
    expect((await cli('detach', 'claude-code')).said).toContain('its key is revoked');
    expect(env()).toEqual({ ANTHROPIC_MODEL: 'opus', OTHER: '1' });
    expect(await callers()).toEqual(['test 0']);
    expect((await cli('detach', 'claude-code')).said).toBe('claude-code is not attached.');
  });

  it('is as it was before once it is detached, to the last byte', async () => {
    for (const text of ['{\n  "env": {\n    "A": "1"\n  },\n  "hooks": {}\n}\n', '{}', '{\r\n    "model": "opus"\r\n}']) {
      given(text);
      await cli('attach', 'claude-code');
      expect(read()).not.toBe(text);
      await cli('detach', 'claude-code');
      expect(read()).toBe(text);
    }
  });

  it('may have no settings yet, and may keep them behind a link', async () => {
    const real = path.join(folder, 'dotfiles', 'claude.json');
    given('{}\n', real);
    mkdirSync(path.dirname(settings), { recursive: true });
    symlinkSync(real, settings);
    await cli('attach', 'claude-code');
    expect(read(real)).toContain('/k/db_');
    await cli('detach', 'claude-code');
    rmSync(settings);
    await cli('attach', 'claude-code');
    await cli('attach', 'claude-code', '--model', 'practice/echo');
    expect(env()).toHaveProperty('ANTHROPIC_BASE_URL');
    await cli('detach', 'claude-code');
    expect(existsSync(settings)).toBe(false);
  });

  it.each([
    ['{"env":{"ANTHROPIC_BASE_URL":"https://gw.example.com"}}', [], 'an address of your own'],
    ['{"env":{"ANTHROPIC_AUTH_TOKEN":"sk-own"}}', ['--model', 'm'], 'a credential of your own (ANTHROPIC_AUTH_TOKEN)'],
    ['{"env":{"ANTHROPIC_API_KEY":"sk-own"}}', ['--model', 'm'], 'ANTHROPIC_API_KEY'],
    ['{"apiKeyHelper":"pass show x"}', ['--model', 'm'], 'apiKeyHelper'],
    ['{"env":{"CLAUDE_CODE_USE_BEDROCK":"1"}}', [], 'CLAUDE_CODE_USE_BEDROCK'],
    ['{"env":[]}', [], 'a form that is not known'],
    ['// mine\n{}', [], 'no JSON object'],
    ['[]', [], 'no JSON object'],
  ])('is left alone where its settings are %s', async (text, flags, why) => {
    given(text);
    const { code, said } = await cli('attach', 'claude-code', ...flags);
    expect(said).toContain(why);
    expect(code).not.toBe(0);
    expect(read()).toBe(text);
    expect(await callers()).toEqual(['test 0']);
    expect(await shown('claude-code')).toBeNull();
  });

  it('keeps what somebody changed since, and says so', async () => {
    await cli('attach', 'claude-code', '--model', 'practice/echo');
    given(JSON.stringify({ env: { ...env(), ANTHROPIC_MODEL: 'mine' } }));
    expect((await shown('claude-code'))?.problem).toContain('ANTHROPIC_MODEL');
    expect((await cli('attach')).said).toMatch(/^claude-code .*ANTHROPIC_MODEL in .* is not what was written/m);
    expect((await cli('detach', 'claude-code')).said).toContain('ANTHROPIC_MODEL in');
    expect(env()).toEqual({ ANTHROPIC_MODEL: 'mine' });
  });

  it('is attached anew where its key was revoked, or nothing is known of it any more', async () => {
    await cli('attach', 'claude-code');
    const [key] = (await engine.control.keys.list({})).filter(({ name }) => name.startsWith('Claude'));
    await engine.control.keys.revoke({ id: key?.id ?? '' });
    expect((await shown('claude-code'))?.problem).toContain('revoked');
    const former = read();
    await cli('attach', 'claude-code');
    expect(read()).not.toBe(former);
    expect((await shown('claude-code'))?.problem).toBeNull();
    for (const lost of ['{broken', undefined]) {
      if (lost === undefined) rmSync(path.join(home, 'attached.json'));
      else writeFileSync(path.join(home, 'attached.json'), lost);
      const left = read();
      expect(await shown('claude-code')).toBeNull();
      expect(await cli('attach', 'claude-code', '--model', 'practice/echo')).toMatchObject({ code: 0 });
      expect(read()).not.toBe(left);
      expect((await callers()).filter((name) => name.startsWith('Claude'))).toHaveLength(1);
    }
    await cli('detach', 'claude-code');
    expect(read()).toBe('{}\n');
  });

  it('is detached where nothing is known of it any more', async () => {
    given('{"env":{"OTHER":"1"}}');
    for (const flags of [[], ['--model', 'practice/echo']]) {
      await cli('attach', 'claude-code', ...flags);
      rmSync(path.join(home, 'attached.json'));
      expect(await cli('detach', 'claude-code')).toMatchObject({ said: expect.stringContaining('taken out') });
      expect(env()).toEqual({ OTHER: '1' });
    }
    await cli('attach', 'codex', '--model', 'm');
    rmSync(path.join(home, 'attached.json'));
    expect((await cli('detach', 'codex')).said).toContain('taken out');
    expect(existsSync(profile)).toBe(false);
    expect(await callers()).toEqual(['test 0']);
  });

  it('follows the companion to another port', async () => {
    await cli('attach', 'claude-code');
    await cli('attach', 'codex', '--model', 'practice/echo');
    const first = env()['ANTHROPIC_BASE_URL'] ?? '';
    await engine.stop();
    engine = await start();
    const second = env()['ANTHROPIC_BASE_URL'] ?? '';
    expect(second).toBe(first.replace(/^.*\/k\//, `${engine.origin}/k/`));
    expect(second).not.toBe(first);
    expect(read(profile)).toContain(`base_url = "${engine.origin}/v1"`);
    expect((await shown('claude-code'))?.problem).toBeNull();
    expect((await shown('codex'))?.problem).toBeNull();
  });
});

describe('while Drawbridge does not run', () => {
  const stopped = async (): Promise<void> => {
    await engine.stop();
  };
  afterEach(async () => {
    engine = await start();
  });
  it('a client with its own account reaches it by itself, and comes back with the same key', async () => {
    given('{"env":{"A":"1"}}');
    await cli('attach', 'claude-code');
    const { ANTHROPIC_BASE_URL: before } = env();
    await stopped();
    expect(env()).toEqual({ A: '1', DRAWBRIDGE_BASE_URL: before });
    engine = await start();
    expect(env()).toEqual({ A: '1', ANTHROPIC_BASE_URL: before?.replace(/^.*\/k\//, `${engine.origin}/k/`) });
    expect((await shown('claude-code'))?.problem).toBeNull();
    await stopped();
    given(JSON.stringify({ env: { ...env(), ANTHROPIC_BASE_URL: 'https://mine.example.org' } }));
    const own = read();
    engine = await start();
    expect(read()).toBe(own);
    expect((await shown('claude-code'))?.problem).toContain('ANTHROPIC_BASE_URL');
    expect(await cli('attach', 'claude-code')).toMatchObject({ code: 1, said: expect.stringContaining('an address of your own') });
    given(own.replace('https://mine.example.org', ''));
    await cli('detach', 'claude-code');
    expect(Object.keys(env())).not.toContain('DRAWBRIDGE_BASE_URL');
    await stopped();
  });
  it('one with a model of ours falls back on nothing', async () => {
    await cli('attach', 'claude-code', '--model', 'practice/echo');
    await cli('attach', 'codex', '--model', 'practice/echo');
    const before = [read(), read(profile)];
    await stopped();
    expect([read(), read(profile)]).toEqual(before);
  });
});

describe('the Codex CLI', () => {
  it('is attached by a profile of its own, and detached', async () => {
    given('model = "mine"\n', path.join(folder, '.codex', 'config.toml'));
    const { code, said } = await cli('attach', 'codex', '--model', 'practice/"echo"');
    expect(code).toBe(0);
    expect(said).toContain('codex --profile drawbridge');
    expect(read(profile)).toContain(String.raw`model = "practice/\"echo\""`);
    expect(read(profile)).toMatch(/^experimental_bearer_token = "db_[\w-]+"$/m);
    expect(statSync(profile).mode & 0o777).toBe(0o600);
    expect(await cli('detach', 'codex')).toMatchObject({ code: 0 });
    expect(existsSync(profile)).toBe(false);
    expect(read(path.join(folder, '.codex', 'config.toml'))).toBe('model = "mine"\n');
  });
  it('wants a model, and keeps a profile that is not ours', async () => {
    expect((await cli('attach', 'codex')).said).toContain('Name the model');
    given('model = "mine"\n', profile);
    expect((await cli('attach', 'codex', '--model', 'm')).said).toContain('was not written by Drawbridge');
    expect(read(profile)).toBe('model = "mine"\n');
    rmSync(profile);
    await cli('attach', 'codex', '--model', 'm');
    given(`${read(profile)}# mine\n`, profile);
    expect((await cli('attach', 'codex', '--model', 'other')).said).toContain('or was changed since');
    expect((await cli('detach', 'codex')).said).toContain('was changed since');
    expect(read(profile)).toContain('# mine');
  });
});

describe('attaching', () => {
  it('is refused for clients whose settings are written by hand', async () => {
    expect((await cli('attach', 'copilot-cli')).said).toContain('drawbridge env copilot-cli');
    expect((await cli('detach')).said).toContain('Name the client');
    expect((await cli('attach', 'claude-code', '--model', 'two words')).code).toBe(2);
    expect((await cli('attach')).said).toMatch(/^codex +Codex CLI +no/m);
  });
  it('writes no key down but where the client reads it', async () => {
    await cli('attach', 'claude-code', '--model', 'practice/echo');
    const key = env()['ANTHROPIC_AUTH_TOKEN'] ?? '';
    expect(key).toMatch(/^db_/);
    expect(read(path.join(home, 'attached.json'))).not.toContain(key);
    expect(JSON.stringify(await engine.control.clients.list({}))).not.toContain(key);
    expect(statSync(path.join(home, 'attached.json')).mode & 0o777).toBe(0o600);
  });
  it('leaves all as it was where it can’t be written down', async () => {
    given('{}\n');
    await cli('attach', 'claude-code');
    const before = read();
    rmSync(path.join(home, 'attached.json'));
    mkdirSync(path.join(home, 'attached.json'));
    expect((await cli('attach', 'claude-code', '--model', 'practice/echo')).code).not.toBe(0);
    expect((await callers()).filter((name) => name.startsWith('Claude'))).toHaveLength(1);
    expect(before).toContain('/k/db_');
    rmSync(path.join(home, 'attached.json'), { recursive: true });
  });
});
