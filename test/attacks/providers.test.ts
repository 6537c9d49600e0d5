import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { memorySecrets } from '../../bridges/engine/secrets.ts';
import { startFakeUpstream, type FakeUpstream } from '../fakes/upstream.ts';
import { startTestEngine, type TestEngine } from '../support/engine.ts';

const KEY = 'sk-CANARY-7f3a9b2c4d5e6f70';
let lab: FakeUpstream;
let elsewhere: FakeUpstream;
let engine: TestEngine;

beforeAll(async () => {
  const answer: FakeUpstream['answer'] = (_seen, res) =>
    void res.writeHead(200, { 'content-type': 'application/json' }).end('{"choices":[]}');
  lab = await startFakeUpstream(answer);
  elsewhere = await startFakeUpstream(answer);
  engine = await startTestEngine({ settings: { log: { level: 'debug' } }, headless: { keychain: memorySecrets() } });
  await engine.control.providers.set({ provider: { name: 'lab', baseUrl: lab.baseUrl, wires: ['chat'] }, key: KEY });
});
afterAll(async () => {
  await engine.stop();
  await Promise.all([lab.stop(), elsewhere.stop()]);
});

const ask = (surface: string, body: object, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${engine.origin}/k/${engine.key}/v1/${surface}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
const call = (headers: Record<string, string> = {}): Promise<Response> =>
  ask('chat/completions', { model: 'lab/x', messages: [] }, headers);

it('a provider’s key goes to it, and the client’s own goes nowhere', async () => {
  const own = { authorization: 'Bearer of-the-client', 'x-api-key': 'of-the-client', 'api-key': 'of-the-client', cookie: 'of-the-client' };
  expect((await call(own)).status).toBe(200);
  const translated = { model: 'lab/x', max_tokens: 1, messages: [{ role: 'user', content: 'a' }] };
  expect((await ask('messages', translated, { 'x-api-key': 'of-the-client' })).status).toBeLessThan(600);
  expect(lab.seen.length).toBeGreaterThanOrEqual(2);
  for (const { rawHeaders } of lab.seen) {
    expect(rawHeaders.join(' ')).not.toContain('of-the-client');
    expect(rawHeaders.filter((_, i) => rawHeaders[i - 1]?.toLowerCase() === 'authorization')).toEqual([`Bearer ${KEY}`]);
  }
});

it('whoever changes the settings does not get the key', async () => {
  const before = { ...(await engine.control.settings.get({})).settings.upstreams };
  for (const provider of [
    { name: 'lab', baseUrl: elsewhere.baseUrl },
    { name: 'lab', baseUrl: `${elsewhere.baseUrl}/v1`, keyHeader: 'x-api-key' },
    { name: 'lab', baseUrl: elsewhere.baseUrl.replace('127.0.0.1', '[::1]') },
  ]) {
    await engine.control.settings.update({ patch: { upstreams: { providers: [provider] } } });
    const reply = await call();
    expect(reply.status).toBe(401);
    const words = await reply.text();
    expect(words).toContain('goes nowhere else');
    expect(words).not.toContain(KEY);
    expect((await engine.control.providers.try({ provider: { name: 'lab' } })).taken).toBe(false);
  }
  const models = await fetch(`${engine.origin}/v1/models`, { headers: { authorization: `Bearer ${engine.key}` } });
  expect(await models.text()).not.toContain('lab/');
  expect(elsewhere.seen).toEqual([]);
  await expect(
    engine.control.settings.update({
      patch: { upstreams: { providers: [{ name: 'lab', baseUrl: lab.baseUrl, messagesUrl: elsewhere.baseUrl }] } },
    }),
  ).rejects.toThrow('same host');
  await engine.control.settings.update({ patch: { upstreams: { providers: before.providers } } });
  expect((await call()).status).toBe(200);
});

it('a draft that is tried gets the key of its own place alone', async () => {
  const { taken } = await engine.control.providers.try({ provider: { name: 'lab', baseUrl: elsewhere.baseUrl } });
  expect(taken).toBe(false);
  expect(elsewhere.seen).toEqual([]);
});

it('a redirect does not get the key', async () => {
  const { answer } = lab;
  lab.answer = (_seen, res) => void res.writeHead(307, { location: `${elsewhere.baseUrl}/v1/chat/completions` }).end();
  expect((await call()).status).toBe(502);
  await engine.control.providers.try({ provider: { name: 'lab' } });
  expect(elsewhere.seen).toEqual([]);
  lab.answer = answer;
});

it('the name of a provider reaches no other path', async () => {
  for (const model of ['lab/../../etc', 'lab/%2e%2e', 'lab/x\r\nx-evil: 1', 'lab/', '__proto__/x', 'constructor/x']) {
    const before = lab.seen.length;
    await ask('chat/completions', { model, messages: [] });
    for (const seen of lab.seen.slice(before)) {
      expect(seen.url).toBe('/v1/chat/completions');
      expect(seen.headers['x-evil']).toBeUndefined();
    }
  }
});

it('the key is found nowhere but in the keychain', async () => {
  await engine.call(({ upstream }) => upstream === 'lab');
  const { calls } = await engine.control.calls.list({});
  const said = [
    await engine.control.providers.list({}),
    await engine.control.settings.get({}),
    await engine.control.status.get({}),
    await engine.control.diagnostics.bundle({}),
    ...(await Promise.all(calls.map(({ id }) => engine.control.calls.get({ id })))),
  ];
  expect(JSON.stringify(said)).not.toContain(KEY);
  await engine.headless.stop();
  const holding = readdirSync(engine.home, { recursive: true, encoding: 'utf8' })
    .map((name) => path.join(engine.home, name))
    .filter((file) => statSync(file).isFile() && readFileSync(file, 'latin1').includes(KEY));
  expect(holding).toEqual([]);
});
