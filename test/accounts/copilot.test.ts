import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { netOf, type NetReply } from '../../bridges/accounts/net.ts';
import { pollDevice, renewToken, startDevice, type DeviceResult } from '../../bridges/copilot/device.ts';
import { directSource } from '../../bridges/copilot/github.ts';
import { prepare } from '../../bridges/copilot/prepare.ts';
import { memorySecrets, SecretError, type SecretStore } from '../../bridges/engine/secrets.ts';
import { begunBy } from '../../bridges/wire/begun-by.ts';
import type { JsonObject } from '../../bridges/wire/turn.ts';
import { runtimes, sessionToken } from '../fakes/copilot-sdk/index.ts';
import { startFakeGitHub, type FakeGitHub } from '../fakes/github.ts';
import { startCopilotTest, type CopilotRoute, type CopilotTest } from './copilot.support.ts';

let test: CopilotTest;
const start = async (options?: Parameters<typeof startCopilotTest>[0]): Promise<CopilotTest> => {
  test = await startCopilotTest(options);
  return test;
};

const chat = { model: 'copilot/gpt-5.4', messages: [{ role: 'user', content: 'Hello' }] };
const messages = { ...chat, max_tokens: 5 };
const claude = { ...messages, model: 'copilot/claude-sonnet-4.6' };
const calls = (): CopilotTest['github']['server']['seen'] => test.github.server.seen.filter(({ body }) => body.toString().startsWith('{'));
const DAY = 86_400_000;
/** Folders to take away once the engine is over. */
const leftovers: string[] = [];

describe.each<CopilotRoute>(['device', 'sdk'])('the copilot bridge by %s', (route) => {
  afterEach(async () => {
    sessionToken.next = undefined;
    await test.stop();
    await test.github.server.stop();
    for (const home of leftovers.splice(0)) rmSync(home, { recursive: true, force: true });
    // A runtime that was started was stopped.
    if (runtimes.some(({ alive }) => alive)) throw new Error('A runtime of the SDK was left running.');
  });

  it('signs in by a code, with the plan and what is left of it', async () => {
    await start();
    test.github.sdk = route === 'sdk';
    const begun = await test.engine.control.bridges.signIn({ bridge: 'copilot', route, agree: true });
    expect(begun).toMatchObject({ url: 'https://github.com/login/device', code: 'ABCD-1234', bridge: { state: 'signing_in' } });
    test.github.answer = 'allowed';
    expect(await test.until(({ state }) => state !== 'signing_in')).toMatchObject({
      state: 'ready',
      route,
      accounts: [{ label: 'octofake', plan: 'individual_pro', active: true }],
      quota: {
        plan: 'individual_pro',
        windows: [
          { name: 'premium_interactions', usedPercent: 19.5, credits: { included: 1500, left: 1207.5, overage: 0, overageAllowed: true } },
        ],
      },
    });
    const { standing } = test.bridge().routes.find(({ name }) => name === route) ?? {};
    expect(standing).toBe(route === 'sdk' ? 'official' : 'unofficial');
    const { bridges } = await test.engine.control.status.get({});
    expect(bridges).toContainEqual(expect.objectContaining({ name: 'copilot', standing }));
  });

  it('uses each model by the endpoint it has, untouched where the client speaks its format, and translated where not', async () => {
    await start();
    await test.signIn(route);
    const asked: [at: string, body: object, to: string][] = [
      ['/v1/chat/completions', chat, '/chat/completions'],
      ['/v1/responses', { model: chat.model, input: 'Hello' }, '/responses'],
      ['/v1/messages', claude, '/v1/messages'],
      ['/v1/messages', messages, '/responses'],
      ['/v1/messages', { ...messages, model: 'copilot/gpt-4.1' }, '/chat/completions'],
      ['/v1/chat/completions', { ...chat, model: 'copilot/only-responses' }, '/responses'],
      ['/v1/responses', { model: claude.model, input: 'Hello' }, '/v1/messages'],
    ];
    for (const [at, body, to] of asked) {
      const reply = await test.call(at, body);
      expect([at, to, reply.status, reply.text.includes('Hello.')]).toEqual([at, to, 200, true]);
      expect(calls().at(-1)?.url).toBe(to);
    }
    // Nothing but the model's name was changed in what passed through.
    expect(JSON.parse(calls()[2]?.body.toString() ?? '')).toEqual({ ...claude, model: 'claude-sonnet-4.6' });
  });

  it('tells who began a call, and calls itself by its name', async () => {
    await start();
    await test.signIn(route);
    await test.call('/v1/messages', claude, {
      headers: { 'anthropic-beta': 'interleaved-thinking-2025-05-14,other-1,context-management-2025-06-27' },
    });
    expect(calls().at(-1)?.headers).toMatchObject({
      'x-initiator': 'user',
      'anthropic-version': '2023-06-01',
      'anthropic-beta': 'interleaved-thinking-2025-05-14,context-management-2025-06-27',
      'user-agent': expect.stringMatching(/Drawbridge\/0\.0\.0-test$/),
    });
    const result = { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't', content: 'x' }] };
    await test.call('/v1/messages', {
      ...claude,
      messages: [...claude.messages, { role: 'assistant', content: [{ type: 'tool_use', id: 't', name: 'f', input: {} }] }, result],
    });
    expect(calls().at(-1)?.headers['x-initiator']).toBe('agent');
  });

  it.each([
    ['words of the client beside a tool’s result', [{ type: 'text', text: '<system-reminder>Be brief.</system-reminder>' }], 'f'],
    ['an image in a tool’s result', [], [{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } }]],
  ])('counts %s as no question of a person’s, translated or not', async (_what, beside, content) => {
    await start();
    await test.signIn(route);
    const history = [
      ...messages.messages,
      { role: 'assistant', content: [{ type: 'tool_use', id: 't', name: 'f', input: {} }] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't', content }, ...beside] },
    ];
    for (const [model, to] of [
      [claude.model, '/v1/messages'],
      [messages.model, '/responses'],
      ['copilot/gpt-4.1', '/chat/completions'],
    ]) {
      await test.call('/v1/messages', { ...messages, model, messages: history });
      expect([calls().at(-1)?.url, calls().at(-1)?.headers['x-initiator']]).toEqual([to, 'agent']);
    }
  });

  it('counts what a person says after a tool’s result as a question, translated or not', async () => {
    await start();
    await test.signIn(route);
    const input = [
      ...chat.messages,
      { type: 'function_call', call_id: 't', name: 'f', arguments: '{}' },
      { type: 'function_call_output', call_id: 't', output: 'stopped' },
      { role: 'user', content: 'Something else.' },
    ];
    for (const [model, to] of [
      [chat.model, '/responses'],
      [claude.model, '/v1/messages'],
    ]) {
      await test.call('/v1/responses', { model, input });
      expect([calls().at(-1)?.url, calls().at(-1)?.headers['x-initiator']]).toEqual([to, 'user']);
    }
  });

  it('lists its models under its name at the companion, without those that are switched off', async () => {
    await start();
    await test.signIn(route);
    const list = await (await fetch(`${test.engine.origin}/v1/models`, { headers: { authorization: `Bearer ${test.engine.key}` } })).text();
    expect(list).toContain('"copilot/claude-sonnet-4.6"');
    expect(list).not.toContain('copilot/off');
  });

  it('estimates the tokens of a request by itself', async () => {
    await start();
    await test.signIn(route);
    const before = calls().length;
    expect((await test.call('/v1/messages/count_tokens', claude)).body).toEqual({ input_tokens: expect.any(Number) });
    expect(calls()).toHaveLength(before);
  });

  it('follows what is left by the headers of each reply, and tells it at /health', async () => {
    await start();
    await test.signIn(route);
    test.github.quotaHeaders = {
      'x-quota-snapshot-premium_interactions': 'ent=1500&ov=2.0&ovPerm=true&rem=0.0&rst=2026-12-01T00%3A00%3A00Z',
    };
    await test.call('/v1/messages', claude);
    const windows = [
      {
        name: 'premium_interactions',
        usedPercent: 100,
        minutes: null,
        resetsAt: '2026-12-01T00:00:00.000Z',
        credits: { included: 1500, left: 0, overage: 2, overageAllowed: true },
      },
    ];
    expect(test.bridge().quota).toMatchObject({ plan: 'individual_pro', windows });
    const health = await fetch(`${test.origin()}/health`, { headers: { authorization: `Bearer ${test.engine.key}` } });
    expect(await health.json()).toMatchObject({ route, state: 'ready', lastError: null, quota: { windows } });
  });

  it('passes Copilot’s own errors on untouched, and tells the last one', async () => {
    await start();
    await test.signIn(route);
    const body = { error: { message: 'You have no quota left', code: 'quota_exceeded' } };
    test.github.callAnswer = { status: 402, headers: { 'retry-after': '60' }, body };
    const reply = await test.call('/v1/messages', claude);
    expect(reply).toMatchObject({ status: 402, body });
    expect(reply.headers.get('retry-after')).toBe('60');
    expect(test.bridge()).toMatchObject({ state: 'ready', lastError: '402: You have no quota left' });
    const health = await fetch(`${test.origin()}/health`, { headers: { authorization: `Bearer ${test.engine.key}` } });
    expect(await health.json()).toMatchObject({ lastError: '402: You have no quota left' });
  });

  it('ends denied where the person declines, and where the account has no Copilot', async () => {
    await start();
    test.github.answer = 'denied';
    expect(await test.signIn(route)).toMatchObject({ state: 'denied', reason: 'The sign-in was declined at the provider.' });
    test.github.answer = 'allowed';
    test.github.token = 'gho_CANARY-without-copilot';
    test.github.noCopilot = true;
    expect(await test.signIn(route)).toMatchObject({ state: 'denied', reason: expect.stringMatching(/no Copilot/), accounts: [] });
  });

  it('says that nobody typed the code in before it ran out', async () => {
    await start();
    test.github.answer = 'expired';
    expect(await test.signIn(route)).toMatchObject({
      state: 'signed_out',
      reason: 'Nobody typed the code in before it ran out. Try again.',
      mend: { action: { kind: 'sign_in' } },
    });
  });

  it('can be cancelled, and then believes no late answer', async () => {
    await start();
    const { bridges } = test.engine.control;
    await bridges.signIn({ bridge: 'copilot', route, agree: true });
    expect(await bridges.cancelSignIn({ bridge: 'copilot' })).toMatchObject({ state: 'signed_out', reason: 'The sign-in was cancelled.' });
    test.github.answer = 'allowed';
    expect(await test.signIn(route)).toMatchObject({ state: 'ready' });
  });

  it('says so when GitHub is gone before the sign-in, and in the middle of it', async () => {
    await start();
    const { bridges } = test.engine.control;
    test.github.outage = 'gone';
    expect((await bridges.signIn({ bridge: 'copilot', route, agree: true })).bridge).toMatchObject({
      state: 'signed_out',
      reason: 'GitHub could not be reached. Check the network, then try again.',
    });
    test.github.outage = 'none';
    test.github.sdk = route === 'sdk';
    test.github.goesAfterToken = true;
    test.github.answer = 'allowed';
    await bridges.signIn({ bridge: 'copilot', route });
    expect(await test.until(({ state }) => state !== 'signing_in')).toMatchObject({
      state: 'signed_out',
      reason: 'GitHub could not be reached. Check the network, then try again.',
    });
  });

  it('says that a sign-in was revoked, forgets it, and is mended by a new one', async () => {
    await start();
    await test.signIn(route);
    test.github.revoked = true;
    expect(await test.call('/v1/messages', messages)).toMatchObject({ status: 401, body: { error: { type: 'authentication_error' } } });
    expect(test.bridge()).toMatchObject({
      state: 'auth_required',
      reason: expect.stringMatching(/^(GitHub does not accept this sign-in any more|The provider refuses a token it has just given)/),
      mend: { label: 'Sign in again', action: { kind: 'sign_in' } },
    });
    test.github.revoked = false;
    expect(await test.signIn(route)).toMatchObject({ state: 'ready' });
    expect((await test.call('/v1/messages', claude)).status).toBe(200);
  });

  it('stays ready while GitHub fails, and goes on by itself', async () => {
    let aged = 0;
    await start({ headless: { clock: { now: () => Date.now() + aged, monotonic: () => performance.now() } } });
    await test.signIn(route);
    aged = DAY;
    test.github.outage = 'gone';
    expect((await test.call('/v1/messages', claude)).status).toBeGreaterThanOrEqual(500);
    expect(test.bridge()).toMatchObject({ state: 'ready' });
    test.github.outage = 'none';
    expect((await test.call('/v1/messages', claude)).status).toBe(200);
    expect(test.bridge()).toMatchObject({ state: 'ready', reason: null });
  });

  it.each([-2, 2])('works with a clock that is off by %i days', async (days) => {
    await start({ headless: { clock: { now: () => Date.now() + days * DAY, monotonic: () => performance.now() } } });
    test.github.expiresIn = 28_800;
    test.github.sessionToken = route === 'sdk' ? 'CANARY-session' : null;
    sessionToken.next = { token: 'CANARY-session', expiresAt: new Date(Date.now() + 1_800_000).toISOString() };
    expect(await test.signIn(route)).toMatchObject({ state: 'ready' });
    for (let n = 0; n < 3; n += 1) expect((await test.call('/v1/messages', claude)).status).toBe(200);
    expect(test.bridge()).toMatchObject({ state: 'ready', reason: null });
    expect(test.github.server.seen.filter(({ body }) => body.toString().includes('grant_type=refresh_token'))).toEqual([]);
  });

  it('ends denied where Copilot is taken away from the account, and is ready again once it is given back', async () => {
    await start();
    await test.signIn(route);
    test.github.noCopilot = true;
    expect(await test.engine.control.bridges.retry({ bridge: 'copilot' })).toMatchObject({
      state: 'denied',
      reason: 'This GitHub account has no Copilot that may be used this way.',
      mend: { action: { kind: 'link', href: 'https://github.com/settings/copilot' } },
    });
    expect((await test.call('/v1/messages', claude)).status).toBe(403);
    test.github.noCopilot = false;
    expect(await test.engine.control.bridges.retry({ bridge: 'copilot' })).toMatchObject({ state: 'ready', reason: null });
  });

  it.each(['locked', 'denied', 'unavailable'] as const)('is held back while the keychain is %s, and comes back', async (kind) => {
    const inner = memorySecrets();
    let problem = false;
    const guarded = <T>(work: () => Promise<T>): Promise<T> =>
      problem ? Promise.reject(new SecretError(kind, 'The keychain gives trouble.')) : work();
    const keychain: SecretStore = {
      lasting: true,
      get: (name) => guarded(() => inner.get(name)),
      set: (name, value) => guarded(() => inner.set(name, value)),
      delete: (name) => guarded(() => inner.delete(name)),
    };
    const home = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-keychain-'));
    leftovers.push(home);
    await start({ keychain, home });
    await test.signIn(route);
    await test.engine.stop();
    problem = true;
    const { github } = test;
    await start({ keychain, home, github });
    expect(await test.until(({ state }) => state === 'auth_required')).toMatchObject({ mend: { action: { kind: 'retry' } } });
    expect((await test.call('/v1/messages', claude)).status).toBe(401);
    problem = false;
    expect(await test.engine.control.bridges.retry({ bridge: 'copilot' })).toMatchObject({ state: 'ready', reason: null });
    expect((await test.call('/v1/messages', claude)).status).toBe(200);
    // A new sign-in that can't be kept does not take away what works.
    problem = true;
    expect(await test.signIn(route)).toMatchObject({ state: 'ready', reason: expect.stringMatching(/The keychain/) });
    problem = false;
  });

  it('is still signed in after a restart and three days of sleep, and tells a sign-in that was revoked meanwhile', async () => {
    const home = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-restart-'));
    leftovers.push(home);
    await start({ home });
    await test.signIn(route);
    const { keychain, github } = test;
    await test.engine.stop();
    const later = (days: number) => ({ now: () => Date.now() + days * DAY, monotonic: () => performance.now() });
    await start({ home, keychain, github, headless: { clock: later(3) } });
    expect(await test.until(({ quota }) => quota !== null)).toMatchObject({ state: 'ready', route });
    expect((await test.call('/v1/messages', claude)).status).toBe(200);
    await test.engine.stop();
    github.revoked = true;
    await start({ home, keychain, github, headless: { clock: later(7) } });
    expect(await test.until(({ state }) => state !== 'ready')).toMatchObject({
      state: 'auth_required',
      reason: 'GitHub does not accept this sign-in any more.',
    });
    expect((await test.call('/v1/messages', claude)).status).toBe(401);
  });

  it('renews the tokens of a GitHub App, once for all calls, after three days of sleep', async () => {
    let aged = 0;
    await start({ headless: { clock: { now: () => Date.now() + aged, monotonic: () => performance.now() } } });
    test.github.expiresIn = 28_800;
    await test.signIn(route);
    aged = 3 * DAY;
    const replies = await Promise.all([1, 2, 3].map(() => test.call('/v1/messages', claude)));
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(test.github.server.seen.filter(({ body }) => body.toString().includes('grant_type=refresh_token'))).toHaveLength(1);
    aged = 6 * DAY;
    test.github.outage = 'failing';
    expect((await test.call('/v1/messages', claude)).status).toBeGreaterThanOrEqual(500);
    expect(test.bridge()).toMatchObject({ state: 'ready', reason: expect.stringMatching(/could not be reached/) });
    test.github.outage = 'none';
    test.github.revoked = true;
    aged = 9 * DAY;
    expect((await test.call('/v1/messages', claude)).status).toBe(401);
    expect(test.bridge()).toMatchObject({ state: 'auth_required', reason: 'GitHub has ended this sign-in (bad_refresh_token).' });
  });

  it('renews a token that GitHub refuses before its end, whichever question finds that out', async () => {
    let aged = 0;
    await start({ headless: { clock: { now: () => Date.now() + aged, monotonic: () => performance.now() } } });
    test.github.expiresIn = 28_800;
    await test.signIn(route);
    aged = DAY / 24;
    test.github.token = 'another';
    expect(await test.call('/v1/messages', claude)).toMatchObject({ status: 200 });
    aged = DAY / 12;
    test.github.token = 'another';
    await test.engine.control.bridges.retry({ bridge: 'copilot' });
    expect(test.bridge()).toMatchObject({ state: 'ready', reason: null });
    expect(test.github.server.seen.filter(({ body }) => body.toString().includes('grant_type=refresh_token'))).toHaveLength(2);
  });

  it('sends its token to no address that is not GitHub’s', async () => {
    await start();
    test.github.api = 'https://api.evil.example';
    // The SDK is given its address by GitHub too; here it is told by the settings, which are the owner's own.
    if (route === 'sdk') return;
    expect(await test.signIn(route)).toMatchObject({ state: 'denied', reason: expect.stringMatching(/not one of its own/) });
  });

  it('asks for an OAuth app of the owner’s own, and never brings one', async () => {
    await start({ copilot: { clientId: null } });
    await expect(test.engine.control.bridges.signIn({ bridge: 'copilot', route, agree: true })).rejects.toMatchObject({
      code: 'bad_input',
      message: expect.stringMatching(/OAuth app of your own/),
    });
  });

  it('is for this app alone until its owner widens it', async () => {
    await start();
    await test.signIn(route);
    await test.engine.control.bridges.setScope({ bridge: 'copilot', route, scope: ['app'] });
    const refused = await test.call('/v1/chat/completions', chat);
    expect(refused).toMatchObject({ status: 403, body: { error: { code: 'out_of_scope' } } });
    expect(test.bridge().routes.find(({ name }) => name === route)?.defaultScope).toEqual(['app']);
  });

  it('forgets the sign-in when its owner signs out, and says how to end it at GitHub', async () => {
    await start();
    await test.signIn(route);
    expect(await test.engine.control.bridges.signOut({ bridge: 'copilot' })).toMatchObject({
      state: 'signed_out',
      reason: expect.stringContaining('https://github.com/settings/applications'),
      accounts: [],
      quota: null,
    });
    expect((await test.call('/v1/messages', claude)).status).toBe(401);
  });
});

describe('while the first list of models is on its way', () => {
  afterEach(async () => {
    await test.stop();
    await test.github.server.stop();
    for (const home of leftovers.splice(0)) rmSync(home, { recursive: true, force: true });
  });
  it('calls and lists wait for it', async () => {
    const home = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-copilot-'));
    leftovers.push(home);
    await start({ home });
    await test.signIn('device');
    const { github, keychain } = test;
    await test.engine.stop();
    const gate = Promise.withResolvers<void>();
    github.listGate = gate.promise;
    await start({ home, keychain, github });
    const call = test.call('/v1/messages', claude);
    const list = async (): Promise<string> =>
      (await fetch(`${test.engine.origin}/v1/models`, { headers: { authorization: `Bearer ${test.engine.key}` } })).text();
    const lists = [list(), list()];
    await fetch(`${test.engine.origin}/health`);
    gate.resolve();
    expect((await call).status).toBe(200);
    expect(calls().at(-1)?.url).toBe('/v1/messages');
    for (const told of await Promise.all(lists)) expect(told).toContain('"copilot/claude-sonnet-4.6"');
  });
});

describe('two accounts of GitHub', () => {
  afterEach(() => test.stop());
  it('are held both, and one is used', async () => {
    await start();
    await test.signIn('device');
    await test.signIn('sdk');
    const { accounts } = test.bridge();
    expect(accounts).toMatchObject([
      { route: 'device', active: false },
      { route: 'sdk', active: true },
    ]);
    test.github.sdk = false;
    const device = await test.engine.control.bridges.useAccount({ bridge: 'copilot', account: accounts[0]?.id ?? '' });
    expect(device).toMatchObject({ route: 'device', accounts: [{ active: true }, { active: false }], state: 'ready' });
    expect((await test.call('/v1/messages', claude)).status).toBe(200);
    await test.engine.control.bridges.signOut({ bridge: 'copilot' });
    expect(test.bridge().accounts).toMatchObject([{ route: 'sdk', active: false }]);
    await expect(test.engine.control.bridges.useAccount({ bridge: 'copilot', account: 'nobody' })).rejects.toMatchObject({
      code: 'not_found',
    });
  });
});

describe('the SDK', () => {
  afterEach(async () => {
    sessionToken.next = undefined;
    await test.stop();
  });
  it('is given the token by its pipe alone, in a home of its own, with nothing of ours in its environment', async () => {
    await start();
    await test.signIn('sdk');
    const options = runtimes.at(-1)?.options;
    expect(JSON.stringify(options)).not.toContain('CANARY');
    expect(options).toMatchObject({ mode: 'empty', useLoggedInUser: false });
    expect(options?.env?.['HOME']).toContain(test.engine.home);
    expect(options?.env).not.toHaveProperty('DBUS_SESSION_BUS_ADDRESS');
    expect(options).not.toHaveProperty('gitHubToken');
  });
  it('makes a short-lived token anew before it ends, and when it is refused', async () => {
    let aged = 0;
    await start({ headless: { clock: { now: () => Date.now() + aged, monotonic: () => performance.now() } } });
    const next = (token: string, livesMs: number): void => {
      test.github.sessionToken = token;
      sessionToken.next = { token, expiresAt: new Date(Date.now() + aged + livesMs).toISOString() };
    };
    test.github.sdk = true;
    next('CANARY-session-1', 600_000);
    await test.signIn('sdk');
    expect((await test.call('/v1/messages', claude)).status).toBe(200);
    aged = 550_000;
    next('CANARY-session-2', 600_000);
    expect((await test.call('/v1/messages', claude)).status).toBe(200);
    next('CANARY-session-3', 600_000);
    expect((await test.call('/v1/messages', claude)).status).toBe(200);
    expect(test.bridge()).toMatchObject({ state: 'ready', reason: null });
  });
  it('is asked for where the folder its owner named holds none', async () => {
    await start({ copilot: { sdkFolder: '/nowhere' } });
    const { bridge } = await test.engine.control.bridges.signIn({ bridge: 'copilot', route: 'sdk', agree: true });
    expect(bridge).toMatchObject({ state: 'signed_out', reason: expect.stringMatching(/sdkFolder names \/nowhere/) });
  });
});

describe('the device flow', () => {
  let github: FakeGitHub;
  beforeEach(async () => {
    github = await startFakeGitHub();
  });
  afterEach(() => github.server.stop());

  it('waits longer when it is told to, rides out an outage, and stops when cancelled', async () => {
    const net = netOf('Drawbridge/test');
    const start = await startDevice(net, github.server.baseUrl, github.clientId);
    if ('problem' in start) throw new Error(start.problem);
    github.slowDown = true;
    const waits: number[] = [];
    let broken = 1;
    const poll = (signal: AbortSignal): Promise<DeviceResult> =>
      pollDevice({
        net: (request) => (waits.length === 3 && broken-- > 0 ? Promise.reject(new Error('gone')) : net(request)),
        github: github.server.baseUrl,
        clientId: github.clientId,
        start,
        signal,
        now: Date.now,
        pause: async (milliseconds) => {
          waits.push(milliseconds);
          if (waits.length === 4) github.answer = 'allowed';
        },
      });
    expect(await poll(new AbortController().signal)).toMatchObject({ kind: 'signed_in' });
    expect(waits).toEqual([1_000, 6_000, 6_000, 6_000]);
    expect(await poll(AbortSignal.abort())).toEqual({ kind: 'cancelled' });
  });
});

describe('a sign-in that GitHub gives no code for', () => {
  const problem = async (status: number, body: unknown): Promise<unknown> =>
    startDevice(async () => ({ status, headers: {}, body }), 'https://github.example', 'c');
  it.each([
    [404, { error: 'Not Found' }],
    [400, { error: 'device_flow_disabled' }],
    [404, undefined],
  ])('names the app where GitHub does not take it (%i)', async (status, body) =>
    expect(await problem(status, body)).toEqual({ problem: expect.stringMatching(/^GitHub does not know this OAuth app/) }),
  );
  it.each([
    [503, { message: 'Unavailable' }],
    [502, undefined],
    [429, { error: 'too_many_requests' }],
    [403, { message: 'You have exceeded a secondary rate limit.' }],
  ])('does not send its owner to the app while GitHub has trouble (%i)', async (status, body) =>
    expect(await problem(status, body)).toEqual({
      problem: `GitHub gave no code this time (status ${status}). Try again in a while.`,
    }),
  );
  it.each([200, 302, 403])('names the network where a page answers for GitHub (%i)', async (status) =>
    expect(await problem(status, undefined)).toEqual({ problem: expect.stringMatching(/^What answered for GitHub was something else/) }),
  );
});

describe('what GitHub says of a sign-in', () => {
  const renewal = (reply: NetReply) =>
    renewToken(async () => reply, { github: 'https://github.example', clientId: 'c', refresh: 'r', now: 0 });
  it('is believed where it is about the sign-in', async () => {
    expect(await renewal({ status: 200, headers: {}, body: { error: 'bad_refresh_token' } })).toMatchObject({ kind: 'terminal' });
    for (const [status, error] of [
      [200, 'incorrect_client_credentials'],
      [400, 'temporarily_unavailable'],
      [403, 'blocked by policy'],
    ] as const)
      expect(await renewal({ status, headers: {}, body: { error } })).toMatchObject({ kind: 'passing' });
  });
  it.each([
    [503, 'server_error'],
    [502, 'bad gateway'],
    [429, 'too_many_requests'],
  ])('with %i (%s) ends neither a renewal nor a sign-in that waits', async (status, error) => {
    const outage: NetReply = { status, headers: {}, body: { error } };
    expect(await renewal(outage)).toMatchObject({ kind: 'passing' });
    const answers = [outage, { status: 200, headers: {}, body: { access_token: 'a' } }];
    const result = await pollDevice({
      net: async () => answers.shift() ?? outage,
      github: 'https://github.example',
      clientId: 'c',
      start: { deviceCode: 'd', userCode: 'u', url: 'https://github.example', intervalMs: 5_000, expiresInMs: 900_000 },
      signal: new AbortController().signal,
      now: () => 0,
      pause: async () => {},
    });
    expect(result).toMatchObject({ kind: 'signed_in' });
  });
});

describe('what GitHub says of an account', () => {
  const said = (status: number, headers: Record<string, string>) =>
    directSource({
      net: async () => ({ status, headers, body: { message: 'API rate limit exceeded for user ID 1.' } }),
      clock: { now: () => 0, monotonic: () => 0 },
      api: () => 'https://api.github.com',
      userAgent: 'x',
    }).endpoint('t', undefined);
  it.each<[number, Record<string, string>, string]>([
    [403, {}, 'not_entitled'],
    [403, { 'x-ratelimit-remaining': '12' }, 'not_entitled'],
    [403, { 'x-ratelimit-remaining': '0' }, 'passing'],
    [403, { 'retry-after': '60' }, 'passing'],
    [429, {}, 'passing'],
    [401, {}, 'rejected'],
  ])('by %i with %j: %s', async (status, headers, problem) => expect(await said(status, headers)).toMatchObject({ problem }));

  const user = { login: 'octofake', endpoints: { api: 'https://api.githubcopilot.com' } };
  const sourceOf = (replies: Record<string, NetReply>) =>
    directSource({
      net: async ({ url }) => replies[new URL(url).pathname] ?? { status: 500, headers: {}, body: undefined },
      clock: { now: () => 0, monotonic: () => 0 },
      api: () => 'https://api.github.com',
      userAgent: 'x',
    });
  it('is nothing where a page stands in for the answer', async () => {
    const page: NetReply = { status: 200, headers: { 'content-type': 'text/html' }, body: undefined };
    expect(await sourceOf({ '/copilot_internal/user': page }).user('t')).toEqual({
      problem: 'passing',
      reason: expect.stringContaining('something else than GitHub'),
    });
  });
  it('is nothing where a page forbids the question in its place', async () => {
    const page: NetReply = { status: 403, headers: { 'content-type': 'text/html' }, body: undefined };
    const strange = { problem: 'passing', reason: expect.stringContaining('something else than GitHub') };
    expect(await sourceOf({ '/copilot_internal/user': page }).user('t')).toEqual(strange);
    const withUser = { '/copilot_internal/user': { status: 200, headers: {}, body: user } };
    expect(await sourceOf({ ...withUser, '/models': page }).models('t')).toEqual(strange);
  });
  it.each<[number, Record<string, string>, string]>([
    [401, {}, 'rejected'],
    [403, {}, 'not_entitled'],
    [403, { 'retry-after': '60' }, 'passing'],
    [429, {}, 'passing'],
    [500, {}, 'passing'],
  ])('by %i with %j to its list of models: %s', async (status, headers, problem) => {
    const source = sourceOf({
      '/copilot_internal/user': { status: 200, headers: {}, body: user },
      '/models': { status, headers, body: { message: 'no' } },
    });
    expect(await source.models('t')).toMatchObject({ problem });
  });
});

it('a request goes on byte for byte but for its model’s name', () => {
  const body = (model: string): Buffer =>
    Buffer.from(
      `{ "model" : "${model}", "messages":[{"role":"assistant","content":[{"type":"tool_use","input":{"id":1234567890123456789}}]}]}`,
    );
  const grant = { token: 't', api: 'https://api.githubcopilot.com', headers: {} };
  const ready = prepare({ method: 'POST', target: '/v1/messages', headers: [], body: body('copilot/claude-sonnet-4.6') }, grant);
  expect(ready).toMatchObject({ request: { body: body('claude-sonnet-4.6') } });
});

describe('an image', () => {
  const announced = (target: string, body: JsonObject): boolean => {
    const grant = { token: 't', api: 'https://api.githubcopilot.com', headers: {} };
    const ready = prepare({ method: 'POST', target, headers: [], body: Buffer.from(JSON.stringify(body)) }, grant);
    return 'request' in ready && ready.request.headers.includes('copilot-vision-request');
  };
  const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } };
  const inputImage = { type: 'input_image', image_url: 'data:image/png;base64,AAAA' };
  const result = (content: JsonObject[]): JsonObject => ({
    messages: [{ role: 'user', content: [{ type: 'tool_result', tool_use_id: '1', content }] }],
  });
  it.each<[string, string, JsonObject, boolean]>([
    ['in a message', '/v1/messages', { messages: [{ role: 'user', content: [image] }] }, true],
    ['in a tool’s result (messages)', '/v1/messages', result([image]), true],
    ['in a tool’s result (responses)', '/v1/responses', { input: [{ type: 'function_call_output', output: [inputImage] }] }, true],
    ['nowhere', '/v1/messages', result([{ type: 'text', text: 'image' }]), false],
  ])('%s is announced where there is one', (_where, target, body, is) => expect(announced(target, body)).toBe(is));
});

describe('who began a request', () => {
  const cases: [body: JsonObject, who: string][] = [
    [{ messages: [{ role: 'user', content: 'x' }] }, 'user'],
    [{ messages: [{ role: 'user', content: [{ type: 'text' }] }] }, 'user'],
    [{ messages: [{ role: 'user', content: [{ type: 'tool_result' }, { type: 'text' }] }] }, 'agent'],
    [{ messages: [{ role: 'tool', content: 'x' }] }, 'agent'],
    [{ input: 'x' }, 'user'],
    [{ input: [{ role: 'user', content: 'x' }, { type: 'function_call_output' }] }, 'agent'],
    [
      {
        messages: [
          { role: 'user', content: 'x' },
          { role: 'system', content: 'a note' },
        ],
      },
      'user',
    ],
    [{ input: [{ type: 'function_call_output' }, { role: 'developer', content: 'a note' }] }, 'agent'],
    [
      {
        messages: [
          { role: 'user', content: 'x' },
          { role: 'assistant', content: 'begun' },
        ],
      },
      'agent',
    ],
    [{}, 'agent'],
  ];
  it.each(cases)('%j: %s', (body, who) => expect(begunBy(body)).toBe(who));
});
