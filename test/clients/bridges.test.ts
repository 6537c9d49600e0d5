import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { installSdk, SDK_VERSION } from '../../bridges/copilot/sdk-module.ts';
import { runChild } from '../../bridges/engine/child.ts';
import { startFakeGitHub, type FakeGitHub } from '../fakes/github.ts';
import { startFakeOpenAI, type FakeOpenAI } from '../fakes/openai.ts';
import { freshPlace, networkEnvironment, type Finished } from './cli.ts';
import { codex, copilot, copilotOverChat, copilotOverMessages, linesOf, runTurn, type RealClient } from './clients.ts';
import { startEngineWith, type Engine } from './engine.ts';

const KEY = 'sk-CANARY-platform-key-0001';

/** One turn of a real client through a bridge, by the companion or by the bridge's own listener. */
async function take(
  engine: Engine,
  client: RealClient,
  model: string,
  own?: { at: string; companion: string },
): Promise<string | undefined> {
  const key = await engine.createKey(`${client.name} ${client.wire} ${model}`);
  const env = await engine.envOf(client.name);
  const setup = own === undefined ? env : (JSON.parse(JSON.stringify(env).replaceAll(own.companion, own.at)) as typeof env);
  const finished: Finished = await runTurn(client, { setup, key, model, prompt: 'Say hello to the bridge' });
  if (finished.code !== 0) throw new Error(`${String(finished.code)} ${finished.stdout} ${finished.stderr}`);
  return client.answer(linesOf(finished.stdout));
}

describe('the codex bridge', () => {
  let openai: FakeOpenAI;
  let engine: Engine;
  beforeAll(async () => {
    openai = await startFakeOpenAI();
    engine = await startEngineWith({
      upstreams: { openai: { baseUrl: openai.baseUrl } },
      bridges: { codex: { issuer: openai.baseUrl, port: 0 }, copilot: { port: 0 } },
    });
    await engine.signIn('codex', 'api-key', KEY);
  });
  afterAll(async () => {
    await engine.stop();
    await openai.stop();
  });

  it('holds a turn with the Codex CLI, by the companion', async () => {
    expect(await take(engine, codex, 'codex/gpt-5.5')).toBe('Done.');
    const sent = openai.seen.filter(({ method, url }) => method === 'POST' && url === '/v1/responses');
    expect(sent).toHaveLength(1);
    expect(sent[0]?.headers).toMatchObject({ authorization: `Bearer ${KEY}`, 'user-agent': expect.stringMatching(/^Drawbridge\//) });
    expect(sent[0]?.headers).not.toHaveProperty('originator');
  });
  it('holds a turn with the Codex CLI at its own listener', async () => {
    const { variables, files } = await engine.envOf('codex');
    const companion = /127\.0\.0\.1:\d+/.exec(JSON.stringify([variables, files]))?.[0] ?? '';
    const { address } = await engine.bridge('codex');
    expect(await take(engine, codex, 'gpt-5.5', { at: address ?? '', companion })).toBe('Done.');
  });
});

describe.each(['device', 'sdk'] as const)('the copilot bridge by %s', (route) => {
  let github: FakeGitHub;
  let engine: Engine;
  let signedIn: Awaited<ReturnType<Engine['signIn']>>;
  beforeAll(async () => {
    github = await startFakeGitHub();
    github.sdk = route === 'sdk';
    github.answer = 'allowed';
    const url = github.server.baseUrl;
    engine = await startEngineWith({
      bridges: { codex: { port: 0 }, copilot: { port: 0, clientId: github.clientId, github: url, api: url } },
    });
    // By the SDK this installs the real one, pinned, with the registry's own npm.
    signedIn = await engine.signIn('copilot', route);
    await engine.widen('copilot');
  }, 300_000);
  afterAll(async () => {
    await engine.stop();
    await github.server.stop();
  });

  it('signs in', () =>
    expect(signedIn).toMatchObject({ state: 'ready', route, accounts: [{ label: 'octofake', plan: 'individual_pro' }] }));
  it('tells what is left of the plan', async () => {
    expect((await engine.bridge('copilot')).quota).toMatchObject({
      plan: 'individual_pro',
      windows: [{ name: 'premium_interactions', usedPercent: 19.5, credits: { included: 1500, left: 1207.5 } }],
    });
  });
  it.each([
    [copilot, 'copilot/gpt-5.4', '/responses'],
    [copilotOverMessages, 'copilot/claude-sonnet-4.6', '/v1/messages'],
    [copilotOverChat, 'copilot/gpt-4.1', '/chat/completions'],
    [copilotOverMessages, 'copilot/only-responses', '/responses'],
  ])('holds a turn with the Copilot CLI, speaking $wire, with %s at %s', async (client, model, to) => {
    expect(await take(engine, client, model)).toBe('Hello.');
    const sent = github.server.seen.filter(({ method }) => method === 'POST').at(-1);
    expect(sent?.url).toBe(to);
    expect(sent?.headers['x-initiator']).toBe('user');
  });
});

describe('the real Copilot SDK', () => {
  let place: ReturnType<typeof freshPlace>;
  beforeEach(() => {
    place = freshPlace();
  });
  afterEach(() => place[Symbol.dispose]());
  it('is refused where its bytes are not those that are known', async () => {
    const tampered: typeof runChild = async (command, args, options) => {
      const file = `${place.home}/${SDK_VERSION}/package-lock.json`;
      writeFileSync(file, readFileSync(file, 'utf8').replace(/sha512-..../, 'sha512-AAAA'));
      return runChild(command, args, options);
    };
    const target = `${process.platform}-${process.arch}`;
    await expect(
      installSdk({ folder: place.home, named: null }, { run: tampered, target, env: networkEnvironment() }),
    ).rejects.toMatchObject({
      message: expect.stringMatching(/It was thrown away/),
    });
  }, 120_000);
});
