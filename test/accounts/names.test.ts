import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startFakeOpenAI, type FakeOpenAI } from '../fakes/openai.ts';
import { startFakeUpstream, type FakeUpstream } from '../fakes/upstream.ts';
import { KEY } from './codex.support.ts';
import { startCopilotTest, type CopilotTest } from './copilot.support.ts';

let test: CopilotTest;
let openai: FakeOpenAI;
let anthropic: FakeUpstream;

/** Both bridges signed in at once. */
beforeAll(async () => {
  openai = await startFakeOpenAI();
  anthropic = await startFakeUpstream((_req, res) => void res.writeHead(200, { 'content-type': 'application/json' }).end('{}'));
  test = await startCopilotTest();
  const { control } = test.engine;
  await control.settings.update({
    patch: {
      upstreams: { openai: { baseUrl: openai.baseUrl }, anthropic: { baseUrl: anthropic.baseUrl } },
      bridges: { codex: { issuer: openai.baseUrl, paceMs: 0 } },
      companion: {
        aliases: { sonnet: 'copilot/claude-sonnet-4.6', mine: 'claude-real' },
        routes: [{ model: 'claude-real', upstream: 'anthropic' }],
      },
    },
  });
  await test.signIn('device');
  await control.bridges.signIn({ bridge: 'codex', route: 'api-key', agree: true, key: KEY });
  await control.bridges.retry({ bridge: 'codex' });
  await fetch(`${test.engine.origin}/v1/models`, { headers: { authorization: `Bearer ${test.engine.key}` } });
});
afterAll(async () => {
  await test.stop();
  await openai.stop();
  await anthropic.stop();
});

const chat = (model: string) => ({ model, messages: [{ role: 'user', content: 'Hello' }] });
const upstreamOf = async (model: string): Promise<string | null> =>
  (await test.engine.call((call) => call.modelRequested === model)).upstream;

describe('names of models at the companion', () => {
  it('lead to the bridge that has the model', async () => {
    expect((await test.call('/v1/chat/completions', chat('gpt-5.5'))).status).toBe(200);
    expect(await upstreamOf('gpt-5.5')).toBe('codex');
    expect((await test.call('/v1/chat/completions', chat('gpt-4.1'))).status).toBe(200);
    expect(await upstreamOf('gpt-4.1')).toBe('copilot');
    expect((await test.call('/v1/chat/completions', chat('nobody-has-it'))).body.error.message).toMatch(/No upstream serves/);
  });
  it('that are aliases are sent on as what they stand for, and listed', async () => {
    const reply = await test.call('/v1/messages', { ...chat('sonnet'), max_tokens: 5 });
    expect(reply.body.content[0].text).toBe('Hello.');
    expect(JSON.parse(test.github.server.seen.at(-1)?.body.toString() ?? '')).toMatchObject({ model: 'claude-sonnet-4.6' });
    expect(await test.engine.call((call) => call.modelRequested === 'sonnet')).toMatchObject({
      upstream: 'copilot',
      route: 'alias, copilot bridge',
    });
    const list = await (await fetch(`${test.engine.origin}/v1/models`, { headers: { authorization: `Bearer ${test.engine.key}` } })).text();
    expect(list).toContain('"sonnet"');
  });
  it('that are aliases in a body that is broken further on are refused, and nothing breaks', async () => {
    const res = await fetch(`${test.engine.origin}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${test.engine.key}`, 'content-type': 'application/json' },
      body: '{"model":"sonnet","messages":[{]}',
    });
    expect(res.status).toBe(400);
    expect((await test.call('/v1/messages', { ...chat('sonnet'), max_tokens: 5 })).status).toBe(200);
  });
  it('that are aliases work for the client’s own provider too, also in a body that came packed', async () => {
    await fetch(`${test.engine.origin}/k/${test.engine.key}/v1/messages`, {
      method: 'POST',
      headers: { 'x-api-key': 'own-key', 'content-type': 'application/json', 'content-encoding': 'gzip' },
      body: gzipSync(JSON.stringify({ ...chat('mine'), max_tokens: 5 })),
    });
    const sent = anthropic.seen.at(-1);
    expect(sent?.headers).toMatchObject({ 'x-api-key': 'own-key' });
    expect(sent?.headers).not.toHaveProperty('content-encoding');
    expect(JSON.parse(sent?.body.toString() ?? '')).toEqual({ ...chat('claude-real'), max_tokens: 5 });
  });
});

describe('a key for the gateway', () => {
  it('may do what the account is for, and stands for the gateway alone', async () => {
    const { control } = test.engine;
    const { key } = await control.keys.create({ name: 'far gateway', use: 'gateway' });
    expect(await control.keys.list({})).toContainEqual(expect.objectContaining({ name: 'far gateway', use: 'gateway' }));
    const refused = await test.call('/v1/chat/completions', chat('copilot/gpt-4.1'), { key });
    expect(refused).toMatchObject({ status: 403, body: { error: { code: 'out_of_scope' } } });
    expect(refused.body.error.message).toMatch(/comes from your gateway.*drawbridge scope copilot app,clients,gateway/);
    await control.bridges.setScope({ bridge: 'copilot', route: 'device', scope: ['app', 'gateway'] });
    expect((await test.call('/v1/chat/completions', chat('copilot/gpt-4.1'), { key })).status).toBe(200);
    expect((await test.call('/v1/chat/completions', chat('copilot/gpt-4.1'))).status).toBe(403);
    await control.bridges.setScope({ bridge: 'copilot', route: 'device', scope: ['app', 'clients'] });
    // @ts-expect-error The app's own keys can't be asked for.
    await expect(control.keys.create({ name: 'as the app', use: 'app' })).rejects.toThrow();
  });
});
