import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { deferSecrets, memorySecrets, SecretError, type SecretStore } from '../../bridges/engine/secrets.ts';
import { testClock } from '../accounts/keeper.support.ts';
import { startFakeUpstream, type FakeUpstream, type Seen } from '../fakes/upstream.ts';
import { runCommand } from '../support/command.ts';
import { startTestEngine, type TestEngine } from '../support/engine.ts';

const KEY = 'sk-of-the-lab-0123456789';
const CHAT =
  '{"choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1}}';
const MESSAGE =
  '{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"hi"}],"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":1}}';

let lab: FakeUpstream;
let engine: TestEngine;
let home: string;

const answer: FakeUpstream['answer'] = ({ url }, res) => {
  const body = url.endsWith('/models')
    ? '{"data":[{"id":"large"},{"id":"vendor/small"},{"no":"id"},{"id":"two words"}]}'
    : url.includes('/messages')
      ? MESSAGE
      : CHAT;
  res.writeHead(200, { 'content-type': 'application/json' }).end(body);
};

beforeAll(async () => {
  lab = await startFakeUpstream(answer);
  home = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-test-'));
  mkdirSync(path.join(home, 'adapters'), { mode: 0o700 });
  const preset = { name: 'proposed', label: 'Proposed', baseUrl: 'https://proposed.example', wires: ['messages'], credential: 'none' };
  writeFileSync(
    path.join(home, 'adapters', 'lab.mjs'),
    `export default { api: 1, name: 'lab', upstreams: [${JSON.stringify(preset)}], match: () => false, project: () => null };`,
    { mode: 0o600 },
  );
  engine = await startTestEngine({ home });
});
afterAll(async () => {
  await engine.stop();
  await lab.stop();
  rmSync(home, { recursive: true, force: true });
});
beforeEach(() => {
  lab.answer = answer;
});

const cli = async (argv: string[], secret = ''): Promise<{ code: number; said: string }> => {
  const { code, out, err } = await runCommand(engine.home, argv, [secret]);
  return { code, said: (out + err).trimEnd() };
};
const call = (surface: string, body: object, by = engine, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${by.origin}/v1/${surface}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${by.key}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
const chat = (model: string, by = engine): Promise<Response> =>
  call('chat/completions', { model, messages: [{ role: 'user', content: 'a' }] }, by);
const message = (model: string, by = engine): Promise<Response> =>
  call('messages', { model, max_tokens: 9, messages: [{ role: 'user', content: 'a' }] }, by);
const last = (): Seen => {
  const seen = lab.seen.at(-1);
  if (seen === undefined) throw new Error('It was asked nothing.');
  return seen;
};

describe('a provider of one’s own', () => {
  it('is added by a command, with its key in the keychain', async () => {
    const { code, said } = await cli(['providers', 'add', 'lab', `${lab.baseUrl}/base/v1`, '--models', 'qwen*,glm-5'], `${KEY}\n`);
    expect(said).toContain('are called lab/MODEL');
    expect(code).toBe(0);
    expect(said).not.toContain(KEY);
    expect(JSON.stringify(await engine.control.settings.get({}))).not.toContain(KEY);
    expect(await cli(['providers'])).toMatchObject({ said: expect.stringMatching(/^lab +http.*chat +its key +qwen\*, glm-5 +ready$/m) });
  });

  it('is called by its name, and gets the model without it', async () => {
    const reply = await chat('lab/vendor/some');
    expect(await reply.json()).toMatchObject({ choices: [{ message: { content: 'hi' } }] });
    expect(last().url).toBe('/base/v1/chat/completions');
    expect(last().headers.authorization).toBe(`Bearer ${KEY}`);
    expect(JSON.parse(String(last().body))).toMatchObject({ model: 'vendor/some' });
    const row = await engine.call(({ modelRequested }) => modelRequested === 'lab/vendor/some');
    expect(row).toMatchObject({ upstream: 'lab', route: 'named provider', usage: { input: 3, output: 1 } });
  });

  it('is called by the models it serves', async () => {
    expect((await chat('qwen3-coder')).status).toBe(200);
    expect(JSON.parse(String(last().body))).toMatchObject({ model: 'qwen3-coder' });
    expect((await chat('other')).status).toBe(404);
  });

  it('is asked in what it speaks, with the limit by the name that it knows', async () => {
    const reply = await message('lab/large');
    expect(await reply.json()).toMatchObject({ content: [{ type: 'text', text: 'hi' }] });
    expect(last().url).toBe('/base/v1/chat/completions');
    expect(JSON.parse(String(last().body))).toMatchObject({ model: 'large', max_tokens: 9 });
    const messagesUrl = `${lab.baseUrl}/anthropic`;
    const flags = ['--wires', 'chat,messages', '--messages-url', messagesUrl, '--key-header', 'x-api-key'];
    expect(await cli(['providers', 'add', 'lab', ...flags])).toMatchObject({ code: 0 });
    expect(await (await message('lab/large')).text()).toBe(MESSAGE);
    expect(last().url).toBe('/anthropic/v1/messages');
    expect(last().headers).toMatchObject({ 'x-api-key': KEY });
    expect(last().headers.authorization).toBeUndefined();
    expect((await chat('lab/large')).status).toBe(200);
    expect(last()).toMatchObject({ url: '/base/v1/chat/completions', headers: { 'x-api-key': KEY } });
    await cli(['providers', 'add', 'lab', '--wires', 'messages']);
    expect(await (await chat('lab/large')).json()).toMatchObject({ choices: [{ message: { content: 'hi' } }] });
    expect(last()).toMatchObject({ url: '/anthropic/v1/messages', headers: { 'x-api-key': KEY, 'anthropic-version': '2023-06-01' } });
    await cli(['providers', 'add', 'lab', '--wires', 'chat,messages']);
  });

  it('has its tokens counted here', async () => {
    const before = lab.seen.length;
    const reply = await call('messages/count_tokens', { model: 'lab/large', messages: [{ role: 'user', content: 'a' }] });
    expect(reply.headers.get('x-drawbridge-estimate')).toBe('true');
    expect(lab.seen).toHaveLength(before);
  });

  it('takes a large request that is sent on while it comes, once', async () => {
    const before = lab.seen.length;
    const body = { model: 'qwen-large', messages: [{ role: 'user', content: 'a'.repeat(3_000_000) }] };
    expect((await call('chat/completions', body)).status).toBe(200);
    expect(lab.seen.slice(before).map((seen) => seen.body.length)).toEqual([JSON.stringify(body).length]);
  });

  it('has its models listed for clients', async () => {
    const models = async (): Promise<string[]> => {
      const reply = await fetch(`${engine.origin}/v1/models`, { headers: { authorization: `Bearer ${engine.key}` } });
      const { data }: { data: { id: string }[] } = JSON.parse(await reply.text());
      return data.map(({ id }) => id).filter((id) => id.startsWith('lab/'));
    };
    expect(await models()).toEqual(['lab/large', 'lab/vendor/small']);
    const asked = lab.seen.length;
    expect(await models()).toHaveLength(2);
    expect(lab.seen).toHaveLength(asked);
    expect((await cli(['models'])).said).toMatch(/^lab\/large +lab +large \(lab\)$/m);
    expect((await cli(['models'])).said).toMatch(/^practice\/echo +drawbridge-practice /m);
  });

  it('can be tried', async () => {
    expect(await cli(['providers', 'try', 'lab'])).toMatchObject({ code: 0, said: expect.stringContaining('lists 2 models') });
    lab.answer = (_seen, res) => void res.writeHead(401).end('{}');
    expect(await cli(['providers', 'try', 'lab'])).toMatchObject({
      code: 1,
      said: expect.stringContaining('refused the question with status 401'),
    });
    lab.answer = (_seen, res) => void res.writeHead(404).end('<html>');
    expect((await cli(['providers', 'try', 'lab'])).said).toContain('Check the address');
    lab.answer = (_seen, res) => void res.writeHead(200).end('{"hello":1}');
    expect((await cli(['providers', 'try', 'lab'])).said).toContain('lists no models');
    lab.answer = (_seen, res) => void res.writeHead(302, { location: 'https://example.com' }).end();
    expect((await cli(['providers', 'try', 'lab'])).said).toContain('status 302');
  });

  it('gets a call that is sent again, from another upstream, too', async () => {
    await chat('practice/echo');
    const { id } = await engine.call(({ modelRequested }) => modelRequested === 'practice/echo');
    const { other } = await engine.control.replay.run({ id, upstream: 'lab', model: 'lab/large' });
    expect(other).toMatchObject({ upstream: 'lab', status: 200 });
    expect(JSON.parse(String(last().body))).toMatchObject({ model: 'large' });
    await expect(engine.control.replay.run({ id, upstream: 'lap' })).rejects.toThrow('There is no upstream "lap"');
    const again = await engine.control.replay.run({ id: other.id });
    expect(again.other.upstream).toBe('lab');
  });

  it('is told of in the status', async () => {
    const { upstreams } = await engine.control.status.get({});
    expect(upstreams.find(({ id }) => id === 'lab')).toMatchObject({ kind: 'provider', credential: 'ours', state: 'ready' });
  });

  it('is taken away with its key, unless a rule names it', async () => {
    await engine.control.settings.update({ patch: { companion: { routes: [{ model: 'x', upstream: 'lab' }] } } });
    expect(await cli(['providers', 'remove', 'lab'])).toMatchObject({
      code: 1,
      said: expect.stringContaining('companion.routes.0.upstream'),
    });
    await engine.control.settings.update({ patch: { companion: { routes: [] } } });
    expect(await cli(['providers', 'remove', 'lab'])).toMatchObject({ code: 0 });
    expect((await chat('lab/large')).status).toBe(404);
    await cli(['providers', 'add', 'lab', lab.baseUrl]);
    const reply = await chat('lab/large');
    expect(reply.status).toBe(401);
    expect(await reply.text()).toContain('lab has no key. Give it one in the settings');
    const checks = await engine.control.doctor.run({});
    expect(checks).toContainEqual(expect.objectContaining({ id: 'provider-lab', mend: 'Give it its key: drawbridge providers add lab' }));
    await cli(['providers', 'remove', 'lab']);
    expect(await cli(['providers', 'remove', 'lab'])).toMatchObject({ code: 1, said: expect.stringContaining('There is no provider') });
  });
});

describe('what is said of a provider', () => {
  it('is completed by a preset, and never replaced by one', async () => {
    const set = async (argv: string[]) => {
      await cli(['providers', 'add', ...argv]);
      const { providers } = await engine.control.providers.list({});
      await cli(['providers', 'remove', argv[0] ?? '']);
      return providers.find(({ name }) => name === argv[0]);
    };
    expect(await set(['deepseek'])).toMatchObject({ messagesUrl: 'https://api.deepseek.com/anthropic', wires: ['chat', 'messages'] });
    expect(await set(['ollama', lab.baseUrl, '--label', 'Mine'])).toMatchObject({
      baseUrl: lab.baseUrl,
      label: 'Mine',
      credential: 'none',
    });
    expect(await set(['deepseek', lab.baseUrl])).toMatchObject({ baseUrl: lab.baseUrl, messagesUrl: null });
    expect(await set(['proposed'])).toMatchObject({ baseUrl: 'https://proposed.example', wires: ['messages'] });
    expect((await cli(['providers', 'known'])).said).toMatch(/^proposed +Proposed +https:\/\/proposed.example +messages +lab$/m);
  });

  it('is followed by what is still missing', async () => {
    expect((await cli(['providers', 'add', 'newcomer', lab.baseUrl])).said).toContain('newcomer has no key');
    await cli(['providers', 'remove', 'newcomer']);
  });

  it.each([
    [['add'], 'Name the provider'],
    [['add', 'nobody-knows'], 'needs a base URL'],
    [['add', 'codex', 'https://lab.example'], 'something built in'],
    [['add', 'lab', 'http://lab.example'], 'baseUrl must be https'],
    [['add', 'lab', 'lab.example'], 'must be a whole address'],
    [['add', 'lab', 'https://lab.example', '--messages-url', 'https://elsewhere.example'], 'messagesUrl must be at the same host'],
    [['add', 'lab', 'https://lab.example', '--wires', 'soap'], '--wires takes chat, responses, messages'],
    [['add', 'lab', 'https://lab.example', '--auth', 'magic'], '--auth takes key, client, none'],
    [['add', 'lab', 'https://lab.example', '--priority', 'x'], 'priority'],
    [['list', '--wires', 'chat'], 'does not take "--wires"'],
    [['paint'], 'There is no "drawbridge providers paint"'],
    [['try', 'nobody-knows'], 'needs a base URL'],
  ])('%j is refused', async (argv, why) => {
    const { code, said } = await cli(['providers', ...argv]);
    expect(said).toContain(why);
    expect(code).not.toBe(0);
  });

  it('must not lead back to the companion', async () => {
    expect((await cli(['providers', 'add', 'loop', `${engine.origin}/v1`])).said).toContain('the companion itself');
  });

  it('overlaps where two serve the same', async () => {
    for (const name of ['one', 'two']) await cli(['providers', 'add', name, lab.baseUrl, '--auth', 'none', '--models', 'qwen*']);
    expect((await cli(['providers'])).said).toContain('"one" and "two" both serve qwen*; "one" gets it.');
    for (const name of ['one', 'two']) await cli(['providers', 'remove', name]);
  });
});

describe('a server of models on this machine', () => {
  it('costs nothing, whatever its models are called', async () => {
    await cli(['providers', 'add', 'local', lab.baseUrl, '--auth', 'none']);
    await chat('local/claude-opus-4-1');
    expect(last().headers.authorization).toBeUndefined();
    const { id } = await engine.call(({ upstream }) => upstream === 'local');
    expect(await engine.control.usage.cost({ call: id })).toMatchObject({ usd: 0 });
    await cli(['providers', 'remove', 'local']);
  });
});

describe('a provider with the client’s own credential', () => {
  it('gets that, and nothing of ours', async () => {
    await cli(['providers', 'add', 'theirs', lab.baseUrl, '--auth', 'client']);
    expect((await chat('theirs/x')).status).toBe(401);
    const reply = await fetch(`${engine.origin}/k/${engine.key}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: 'Bearer of-the-client', 'content-type': 'application/json' },
      body: '{"model":"theirs/x","messages":[]}',
    });
    expect(reply.status).toBe(200);
    expect(last().headers.authorization).toBe('Bearer of-the-client');
    await cli(['providers', 'remove', 'theirs']);
  });
});

describe('a keychain', () => {
  const settings = () => ({ upstreams: { providers: [{ name: 'lab', baseUrl: lab.baseUrl }] } });
  const kept = () => ({ 'provider-lab': JSON.stringify({ origin: lab.baseUrl, key: KEY }) });

  it('that asks its owner is waited for by the calls', async () => {
    const opening = Promise.withResolvers<SecretStore>();
    const other = await startTestEngine({ settings: settings(), headless: { keychain: deferSecrets(opening.promise) } });
    lab.seen.length = 0;
    const waiting = chat('lab/x', other);
    await expect.poll(async () => (await other.control.calls.list({})).calls.length).toBe(1);
    expect(lab.seen).toEqual([]);
    opening.resolve(memorySecrets(kept()));
    expect((await waiting).status).toBe(200);
    expect(last().headers.authorization).toBe(`Bearer ${KEY}`);
    await other.stop();
  });

  it('that is locked is told of, and asked again once a call wants the key', async () => {
    const held = memorySecrets(kept());
    const clock = testClock();
    let isLocked = true;
    const get: SecretStore['get'] = (name) =>
      isLocked ? Promise.reject(new SecretError('locked', 'The keychain is locked.')) : held.get(name);
    const other = await startTestEngine({ settings: settings(), headless: { keychain: { ...held, get, lasting: true }, clock } });
    lab.seen.length = 0;
    await expect.poll(async () => (await chat('lab/x', other)).status).toBe(401);
    const { upstreams, notices } = await other.control.status.get({});
    expect(notices.map(({ id }) => id)).toContain('keychain');
    expect(upstreams.find(({ id }) => id === 'lab')).toMatchObject({ state: 'not_configured', reason: expect.stringContaining('locked') });
    isLocked = false;
    clock.at += 60_000;
    expect((await chat('lab/x', other)).status).toBe(200);
    expect(lab.seen).toHaveLength(1);
    await other.stop();
  });
});
