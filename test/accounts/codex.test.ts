import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { SignJWT } from 'jose';
import { afterEach, describe, expect, it } from 'vitest';
import { netOf, type Net } from '../../bridges/accounts/net.ts';
import { memorySecrets, SecretError } from '../../bridges/engine/secrets.ts';
import { startFakeUpstream } from '../fakes/upstream.ts';
import { KEY, startCodexTest, type CodexTest } from './codex.support.ts';

let test: CodexTest;
const start = async (options?: Parameters<typeof startCodexTest>[0]): Promise<CodexTest> => {
  test = await startCodexTest(options);
  return test;
};
afterEach(async () => {
  await test.stop();
  for (const home of leftovers.splice(0)) rmSync(home, { recursive: true, force: true });
});

/** Folders to take away once the engine is over. */
const leftovers: string[] = [];

const chat = { model: 'codex/gpt-5.5', messages: [{ role: 'user', content: 'Hello' }] };
const responses = { model: 'codex/gpt-5.5', input: 'Hello' };
const messages = { model: 'codex/gpt-5.5', max_tokens: 100, messages: [{ role: 'user', content: 'Hello' }] };

describe('with nobody signed in', () => {
  it('answers 401 in the words of each client, saying what to do', async () => {
    await start();
    const asChat = await test.call('/v1/chat/completions', chat);
    expect(asChat).toMatchObject({ status: 401, body: { error: { code: 'auth_required' } } });
    expect(asChat.body.error.message).toContain('drawbridge signin codex');
    expect(await test.call('/v1/messages', messages)).toMatchObject({ status: 401, body: { error: { type: 'authentication_error' } } });
    // Codex repeats a 401 five times over (SPEC 4.4).
    const asCodex = await test.call('/v1/responses', responses, { headers: { 'user-agent': 'codex_exec/0.169.0' } });
    expect(asCodex).toMatchObject({ status: 400 });
    expect(test.openai.seen).toEqual([]);
  });
  it('keeps its own listener up, telling its state, and the rest to those who hold a key', async () => {
    await start();
    const origin = await test.origin();
    const open: unknown = await (await fetch(`${origin}/health`)).json();
    expect(open).toEqual({
      status: 'ok',
      name: 'drawbridge',
      version: '0.0.0-test',
      bridge: 'codex',
      state: 'signed_out',
      route: null,
      enabled: true,
    });
    const known = await fetch(`${origin}/health`, { headers: { authorization: `Bearer ${test.engine.key}` } });
    expect(await known.json()).toMatchObject({ reason: null, lastError: null, quota: null });
  });
  it('says so where the keychain that held the sign-in is another one now', async () => {
    const home = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-restart-'));
    leftovers.push(home);
    await start({ home });
    await test.signIn('chatgpt');
    const { openai, engine } = test;
    await engine.stop();
    await start({ home, openai });
    expect(await test.call('/v1/responses', responses, { key: test.appKey })).toMatchObject({ status: 401 });
    expect(await test.bridge()).toMatchObject({ state: 'auth_required', reason: 'The sign-in is gone. Sign in again.' });
    await openai.stop();
  });
  it('tells the terms before the first sign-in of a route, and asks once', async () => {
    await start();
    const { bridges } = test.engine.control;
    await expect(bridges.signIn({ bridge: 'codex', route: 'api-key', key: KEY })).rejects.toMatchObject({ code: 'terms_not_agreed' });
    await test.signIn('api-key', KEY);
    await bridges.signOut({ bridge: 'codex' });
    expect((await bridges.signIn({ bridge: 'codex', route: 'api-key', key: KEY })).bridge.state).toBe('ready');
    await expect(bridges.signIn({ bridge: 'codex', route: 'chatgpt' })).rejects.toMatchObject({ code: 'terms_not_agreed' });
  });
});

describe('with an API key', () => {
  it('serves all three formats, by the companion and by its own listener', async () => {
    await start();
    expect(await test.signIn('api-key', KEY)).toMatchObject({
      state: 'ready',
      route: 'api-key',
      accounts: [{ label: 'key ending in 0001', active: true }],
    });
    expect(await test.call('/v1/chat/completions', chat)).toMatchObject({
      status: 200,
      body: { choices: [{ message: { content: 'Hello.' } }] },
    });
    expect(await test.call('/v1/responses', responses)).toMatchObject({ status: 200, body: { status: 'completed' } });
    expect(await test.call('/v1/messages', messages)).toMatchObject({ status: 200, body: { content: [{ text: 'Done.' }] } });
    const own = await test.call('/v1/responses', { model: 'gpt-5.5', input: 'x' }, { origin: await test.origin() });
    expect(own.status).toBe(200);
    const sent = test.openai.seen.filter(({ method }) => method === 'POST');
    expect(sent.map(({ body }) => JSON.parse(body.toString()).model)).toEqual(['gpt-5.5', 'gpt-5.5', 'gpt-5.5', 'gpt-5.5']);
    for (const { headers } of sent) {
      expect(headers.authorization).toBe(`Bearer ${KEY}`);
      expect(headers['user-agent']).toBe('Drawbridge/0.0.0-test');
    }
  });
  it('lists its models under its name at the companion', async () => {
    await start();
    await test.signIn('api-key', KEY);
    const list = await (await fetch(`${test.engine.origin}/v1/models`, { headers: { authorization: `Bearer ${test.engine.key}` } })).text();
    expect(list).toContain('"codex/gpt-5.5"');
    expect(list).not.toContain('whisper');
  });
  it('tells the provider’s last error, on the bridge and at /health', async () => {
    await start();
    await test.signIn('api-key', KEY);
    test.openai.mood.callAnswer = { status: 500, body: { error: { message: 'It broke with sk-abcdefghijklmnopqrstuvwxyz0123456789' } } };
    await test.call('/v1/responses', responses);
    const { lastError } = await test.bridge();
    expect(lastError).toMatch(/^500: It broke with/);
    expect(lastError).not.toContain('abcdefghij');
    const health = await fetch(`${await test.origin()}/health`, { headers: { authorization: `Bearer ${test.engine.key}` } });
    expect(await health.json()).toMatchObject({ lastError });
  });
  it('says that a key is not accepted, at sign-in and later', async () => {
    await start();
    expect(await test.signIn('api-key', 'sk-wrong')).toMatchObject({ state: 'signed_out', reason: 'OpenAI does not accept this key.' });
    await test.signIn('api-key', KEY);
    test.openai.keys.clear();
    expect(await test.call('/v1/chat/completions', chat)).toMatchObject({ status: 401, body: { error: { code: 'auth_required' } } });
    expect(await test.bridge()).toMatchObject({ state: 'auth_required', mend: { action: { kind: 'sign_in' } } });
  });
  it('is ready again once a key is taken again', async () => {
    await start();
    await test.signIn('api-key', KEY);
    test.openai.mood.callAnswer = { status: 401, body: { error: { message: 'Not from this address.', code: 'ip_not_authorized' } } };
    expect((await test.call('/v1/responses', responses)).status).toBe(401);
    expect((await test.bridge()).state).toBe('auth_required');
    expect((await test.call('/v1/responses', responses)).status).toBe(200);
    expect(await test.bridge()).toMatchObject({ state: 'ready', reason: null });
  });
  it('that may not be used for a call is told in OpenAI’s own words, and stays signed in', async () => {
    await start();
    await test.signIn('api-key', KEY);
    const message = 'You have insufficient permissions for this operation. Missing scopes: api.responses.write.';
    const body = { error: { message, type: 'invalid_request_error', param: null, code: 'missing_scope' } };
    test.openai.mood.callAnswer = { status: 401, body };
    expect(await test.call('/v1/responses', responses)).toMatchObject({ status: 401, body });
    expect(await test.bridge()).toMatchObject({ state: 'ready', reason: null, lastError: expect.stringContaining('Missing scopes') });
    expect((await test.call('/v1/responses', responses)).status).toBe(200);
  });
  it('is asked for by a call whose key was replaced before it was refused, and goes on', async () => {
    await start();
    await test.signIn('api-key', KEY);
    const asked = Promise.withResolvers<void>();
    const replaced = Promise.withResolvers<void>();
    const slow = await startFakeUpstream(async (_req, res) => {
      asked.resolve();
      await replaced.promise;
      res.writeHead(401, { 'content-type': 'application/json' }).end('{"error":{"message":"no"}}');
    });
    const upstream = async (baseUrl: string): Promise<unknown> =>
      test.engine.control.settings.update({ patch: { upstreams: { openai: { baseUrl } } } });
    await upstream(slow.baseUrl);
    const calling = test.call('/v1/responses', responses);
    await asked.promise;
    await upstream(test.openai.baseUrl);
    test.openai.keys.add('sk-CANARY-platform-key-0002');
    await test.signIn('api-key', 'sk-CANARY-platform-key-0002');
    replaced.resolve();
    expect((await calling).status).toBe(200);
    expect(await test.bridge()).toMatchObject({ state: 'ready', reason: null });
    await slow.stop();
  });
  it('passes a provider’s own errors on untouched', async () => {
    await start();
    await test.signIn('api-key', KEY);
    const body = { error: { message: 'Rate limit reached', type: 'requests', code: 'rate_limit_exceeded', param: null } };
    test.openai.mood.callAnswer = { status: 429, headers: { 'retry-after': '7' }, body };
    const reply = await test.call('/v1/chat/completions', chat);
    expect(reply).toMatchObject({ status: 429, body });
    expect(reply.headers.get('retry-after')).toBe('7');
  });
  it('is held back while the keychain is locked', async () => {
    const inner = memorySecrets();
    let locked = false;
    const guarded = <T>(work: () => Promise<T>): Promise<T> =>
      locked ? Promise.reject(new SecretError('locked', 'The keychain is locked.')) : work();
    await start({
      keychain: {
        lasting: true,
        get: (name) => guarded(() => inner.get(name)),
        set: (name, value) => guarded(() => inner.set(name, value)),
        delete: (name) => guarded(() => inner.delete(name)),
      },
    });
    await test.signIn('api-key', KEY);
    locked = true;
    await test.engine.control.bridges.retry({ bridge: 'codex' });
    expect(await test.bridge()).toMatchObject({ state: 'auth_required', mend: { action: { kind: 'retry' } } });
    expect(await test.call('/v1/chat/completions', chat)).toMatchObject({ status: 401 });
    locked = false;
    await test.engine.control.bridges.retry({ bridge: 'codex' });
    expect(await test.call('/v1/chat/completions', chat)).toMatchObject({ status: 200 });
  });
});

describe('with ChatGPT', () => {
  it('is for this app alone until its owner widens it', async () => {
    await start();
    expect(await test.signIn('chatgpt')).toMatchObject({ state: 'ready', accounts: [{ label: 'user@example.com' }] });
    const refused = await test.call('/v1/chat/completions', chat);
    expect(refused).toMatchObject({ status: 403, body: { error: { code: 'out_of_scope' } } });
    expect(refused.body.error.message).toMatch(/this app.*the programs on this machine.*drawbridge scope codex app,clients/);
    expect((await test.call('/v1/chat/completions', chat, { key: test.appKey })).status).toBe(200);
    await test.engine.control.bridges.setScope({ bridge: 'codex', route: 'chatgpt', scope: ['app', 'clients'] });
    expect((await test.call('/v1/chat/completions', chat)).status).toBe(200);
    const kept = readFileSync(path.join(test.engine.home, 'accounts.json'), 'utf8');
    expect(kept).toMatch(/"scopeSetAt": "20/);
  });
  it('rewrites what a plan refuses, rebuilds what it leaves out, and tells what was lost', async () => {
    await start();
    await test.signIn('chatgpt');
    const reply = await test.call(
      '/v1/responses',
      {
        ...responses,
        stream: true,
        store: true,
        temperature: 0.2,
        metadata: { a: 'b' },
        max_output_tokens: 5,
        service_tier: 'flex',
        instructions: 'Be brief.',
        input: [
          { role: 'system', content: 'x' },
          { role: 'user', content: 'y' },
        ],
        tools: [{ type: 'function', name: 'read_file' }, { type: 'image_generation' }],
      },
      { key: test.appKey },
    );
    expect(reply.status).toBe(200);
    const last = reply.text.trim().split('\n').at(-1)?.slice('data: '.length) ?? '';
    expect(JSON.parse(last)).toMatchObject({ type: 'response.completed', response: { output: [{ phase: 'final_answer' }] } });
    const row = await test.engine.call((call) => call.upstream === 'codex');
    expect(row.lost.map(({ path: lost }) => lost)).toEqual(['max_output_tokens', 'metadata', 'temperature', 'service_tier', 'tools[1]']);
    const whole = await test.call('/v1/responses', responses, { key: test.appKey });
    expect(whole).toMatchObject({ status: 200, body: { status: 'completed', output: [{ content: [{ text: 'Done.' }] }] } });
    expect(await test.call('/v1/messages', messages, { key: test.appKey })).toMatchObject({
      status: 200,
      body: { content: [{ text: 'Done.' }] },
    });
    const stateful = await test.call('/v1/responses', { ...responses, previous_response_id: 'resp_0' }, { key: test.appKey });
    expect(stateful).toMatchObject({ status: 400, body: { error: { param: 'previous_response_id' } } });
  });
  it.each([
    [{ status: 429, body: { error: { code: 'subscription_sharing_usage_limit_exceeded', message: 'limit' } } }, 429, 'ready'],
    [{ status: 503, body: { error: { code: 'subscription_sharing_usage_unavailable', message: 'x' } } }, 503, 'ready'],
    [{ status: 403, body: { error: { code: 'subscription_sharing_user_not_eligible', message: 'x' } } }, 403, 'denied'],
    [{ status: 403, body: { error: { code: 'chatpass_v2_scope_not_authorized', message: 'x' } } }, 403, 'denied'],
    [{ status: 400, body: { detail: 'Unsupported service_tier: flex' } }, 400, 'ready'],
  ])('maps the error %j', async (answer, status, state) => {
    await start();
    await test.signIn('chatgpt');
    test.openai.mood.callAnswer = answer;
    expect((await test.call('/v1/responses', responses, { key: test.appKey })).status).toBe(status);
    expect((await test.bridge()).state).toBe(state);
  });
  it('is ready again once it answers again', async () => {
    await start();
    await test.signIn('chatgpt');
    test.openai.mood.callAnswer = { status: 403, body: { error: { code: 'subscription_sharing_user_not_eligible', message: 'x' } } };
    for (const [status, state] of [
      [403, 'denied'],
      [200, 'ready'],
    ] as const) {
      expect((await test.call('/v1/responses', responses, { key: test.appKey })).status).toBe(status);
      expect((await test.bridge()).state).toBe(state);
    }
  });
  it('lists the newest models too', async () => {
    await start();
    await test.signIn('chatgpt');
    const list = await (await fetch(`${test.engine.origin}/v1/models`, { headers: { authorization: `Bearer ${test.engine.key}` } })).text();
    expect(list).toContain('"codex/gpt-6.1-sol"');
    expect(list).not.toContain('internal-x');
  });
  it('renews after a 401, once for all calls, and goes on', async () => {
    let aged = 0;
    await start({ headless: { clock: { now: () => Date.now() + aged, monotonic: () => performance.now() } } });
    await test.signIn('chatgpt');
    // A token refused in its first minute is not refused for its age, and is not renewed.
    aged = 120_000;
    test.openai.expireAccess();
    const replies = await Promise.all([1, 2, 3].map(() => test.call('/v1/chat/completions', chat, { key: test.appKey })));
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200]);
    const renewals = test.openai.seen.filter(({ body }) => body.toString().includes('grant_type=refresh_token'));
    expect(renewals).toHaveLength(1);
  });
  it('goes on renewing while the plan is used up, and is there when it begins anew', async () => {
    let aged = 0;
    await start({ headless: { clock: { now: () => Date.now() + aged, monotonic: () => performance.now() } } });
    await test.signIn('chatgpt');
    for (const renewals of [1, 2]) {
      aged += 86_400_000;
      test.openai.expireAccess();
      test.openai.mood.callAnswer = {
        status: 429,
        body: { error: { code: 'subscription_sharing_usage_limit_exceeded', message: 'limit' } },
      };
      expect((await test.call('/v1/chat/completions', chat, { key: test.appKey })).status).toBe(429);
      expect(test.openai.seen.filter(({ body }) => body.toString().includes('grant_type=refresh_token'))).toHaveLength(renewals);
    }
    expect((await test.call('/v1/chat/completions', chat, { key: test.appKey })).status).toBe(200);
    expect(await test.bridge()).toMatchObject({ state: 'ready' });
  });
  it.each([
    ['wrong_nonce', /did not prove who/],
    ['wrong_audience', /did not prove who/],
    ['wrong_key', /did not prove who/],
    ['expired', /did not prove who/],
  ] as const)('takes no ID token that is %s', async (idToken, reason) => {
    await start();
    test.openai.mood.idToken = idToken;
    const bridge = await test.signIn('chatgpt');
    expect(bridge.state).toBe('signed_out');
    expect(bridge.reason).toMatch(reason);
    expect(await test.call('/v1/chat/completions', chat, { key: test.appKey })).toMatchObject({ status: 401 });
  });
  it('signs in with a clock that is hours wrong', async () => {
    await start();
    test.openai.mood.ahead = 7 * 3_600_000;
    expect(await test.signIn('chatgpt')).toMatchObject({ state: 'ready' });
  });
  it('ends denied where the person declines, and where they keep the plan to themselves; then asks for consent again', async () => {
    await start();
    const { bridges } = test.engine.control;
    const first = await bridges.signIn({ bridge: 'codex', route: 'chatgpt', agree: true });
    expect(first.bridge.state).toBe('signing_in');
    await test.openai.person(first.url ?? '', 'deny');
    expect(await test.until(({ state }) => state !== 'signing_in')).toMatchObject({
      state: 'denied',
      mend: { action: { kind: 'sign_in' } },
    });
    test.openai.mood.sharesPlan = false;
    expect(await test.signIn('chatgpt')).toMatchObject({ state: 'denied' });
    test.openai.mood.sharesPlan = true;
    const again = await bridges.signIn({ bridge: 'codex', route: 'chatgpt' });
    expect(again.url).toContain('prompt=consent');
    await test.openai.person(again.url ?? '', 'allow');
    expect(await test.until(({ state }) => state !== 'signing_in')).toMatchObject({ state: 'ready' });
  });
  it('registers once: after a failed exchange it comes back as itself, without its name', async () => {
    await start();
    test.openai.mood.tokenAnswer = { status: 500, body: {} };
    expect(await test.signIn('chatgpt')).toMatchObject({ state: 'signed_out', reason: expect.stringMatching(/status 500/) });
    const { url } = await test.engine.control.bridges.signIn({ bridge: 'codex', route: 'chatgpt' });
    expect(url).toMatch(/client_id=oaiapp_/);
    expect(url).not.toContain('agent_name_hint');
    await test.openai.person(url ?? '', 'allow');
    expect(await test.until(({ state }) => state !== 'signing_in')).toMatchObject({ state: 'ready' });
  });
  it('registers anew after a sign-out', async () => {
    await start();
    await test.signIn('chatgpt');
    await test.engine.control.bridges.signOut({ bridge: 'codex' });
    const { url } = await test.engine.control.bridges.signIn({ bridge: 'codex', route: 'chatgpt' });
    expect(url).toContain('client_id=dynamic_agent_client');
  });
  it('registers anew where OpenAI has forgotten the registration', async () => {
    await start();
    await test.signIn('chatgpt');
    test.openai.expireAccess();
    test.openai.mood.tokenAnswer = { status: 401, body: { error: 'invalid_client' } };
    expect((await test.call('/v1/responses', responses, { key: test.appKey })).status).toBe(503);
    expect(await test.bridge()).toMatchObject({ state: 'ready', reason: expect.stringContaining('registration') });
    const { url } = await test.engine.control.bridges.signIn({ bridge: 'codex', route: 'chatgpt' });
    expect(url).toContain('client_id=dynamic_agent_client');
  });
  it('is not said to be done in the browser before it is', async () => {
    await start();
    test.openai.mood.sharesPlan = false;
    const { url } = await test.engine.control.bridges.signIn({ bridge: 'codex', route: 'chatgpt', agree: true });
    const { text } = await test.openai.person(url ?? '', 'allow');
    expect(text).toContain('ChatGPT has answered. You can close this page and go back to Drawbridge.');
    expect(await test.until(({ state }) => state !== 'signing_in')).toMatchObject({ state: 'denied' });
  });
  it('says so when the network goes in the middle of the sign-in', async () => {
    await start();
    test.openai.mood.dropsToken = true;
    expect(await test.signIn('chatgpt')).toMatchObject({ state: 'signed_out', reason: expect.stringMatching(/could not be reached/) });
  });
  it('is not moved by an answer to somebody else’s sign-in, and can be cancelled', async () => {
    await start();
    const { bridges } = test.engine.control;
    const { url } = await bridges.signIn({ bridge: 'codex', route: 'chatgpt', agree: true });
    const back = new URL(new URL(url ?? '').searchParams.get('redirect_uri') ?? '');
    back.search = '?code=evil&state=guessed&client_id=oaiapp_evil';
    expect((await fetch(back)).status).toBe(400);
    back.search = '?error=access_denied&state=guessed';
    expect((await fetch(back)).status).toBe(400);
    expect((await test.bridge()).state).toBe('signing_in');
    expect(await bridges.cancelSignIn({ bridge: 'codex' })).toMatchObject({ state: 'signed_out' });
    await expect(fetch(back)).rejects.toThrow();
  });
  it('revokes at sign-out, and says so where that was not confirmed', async () => {
    await start();
    const { bridges } = test.engine.control;
    await test.signIn('chatgpt');
    expect(await bridges.signOut({ bridge: 'codex' })).toMatchObject({ state: 'signed_out', reason: null, accounts: [] });
    expect(test.openai.seen.some(({ url }) => url === '/api/accounts/oauth/revoke')).toBe(true);
    await test.signIn('chatgpt');
    test.openai.mood.revokes = false;
    expect(await bridges.signOut({ bridge: 'codex' })).toMatchObject({
      state: 'signed_out',
      reason: expect.stringMatching(/ChatGPT’s settings/),
    });
  });
});

describe('over a restart', () => {
  it('is still signed in, renews what ran out, and tells a sign-in that was revoked meanwhile', async () => {
    const home = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-restart-'));
    await start({ home });
    await test.signIn('chatgpt');
    const { keychain, openai, engine } = test;
    await engine.stop();
    const threeDaysOn = { now: () => Date.now() + 3 * 86_400_000, monotonic: () => performance.now() };
    openai.expireAccess();
    const again = await startCodexTest({ home, keychain, openai, headless: { clock: threeDaysOn } });
    expect((await again.call('/v1/chat/completions', chat, { key: again.appKey })).status).toBe(200);
    expect((await again.bridge()).state).toBe('ready');
    await again.stop();
    openai.disconnect();
    const aWeekOn = { now: () => Date.now() + 7 * 86_400_000, monotonic: () => performance.now() };
    const last = await startCodexTest({ home, keychain, openai, headless: { clock: aWeekOn } });
    expect(await last.call('/v1/chat/completions', chat, { key: last.appKey })).toMatchObject({ status: 401 });
    expect(await last.bridge()).toMatchObject({ state: 'auth_required', reason: 'OpenAI has ended this sign-in.' });
    await last.stop();
    await openai.stop();
    rmSync(home, { recursive: true, force: true });
    await start();
  });
});

describe('a renewal that fails', () => {
  let aged = 0;
  const signedIn = async (): Promise<void> => {
    aged = 0;
    await start({ headless: { clock: { now: () => Date.now() + aged, monotonic: () => performance.now() } } });
    await test.signIn('chatgpt');
    aged = 3 * 86_400_000;
    test.openai.expireAccess();
  };
  const call = () => test.call('/v1/chat/completions', chat, { key: test.appKey });
  it.each([
    ['invalid_grant', 'OpenAI has ended this sign-in.'],
    ['invalid_refresh_token', 'OpenAI has ended this sign-in.'],
    ['token_expired', 'The sign-in has run out: it was not used for a month.'],
    ['refresh_token_expired', 'The sign-in has run out: it was not used for a month.'],
    ['refresh_token_invalidated', 'The sign-in was revoked.'],
    ['refresh_token_reused', 'OpenAI ended the sign-in because its token was used twice.'],
  ])('with %s is over, and says so', async (code, reason) => {
    await signedIn();
    test.openai.mood.tokenAnswer = { status: 400, body: { error: { code } } };
    expect(await call()).toMatchObject({ status: 401, body: { error: { code: 'auth_required' } } });
    expect(await test.bridge()).toMatchObject({
      state: 'auth_required',
      reason,
      mend: { label: 'Sign in again', action: { kind: 'sign_in' } },
    });
  });
  it.each([
    [{ status: 401, body: { error: 'invalid_client' } }, /does not know this app’s registration/],
    [{ status: 503, headers: { 'retry-after': '30' }, body: {} }, /did not renew the sign-in this time \(status 503\)/],
  ])('with %j keeps what is held, and goes on later', async (answer, reason) => {
    await signedIn();
    test.openai.mood.tokenAnswer = answer;
    expect((await call()).status).toBeGreaterThanOrEqual(429);
    expect(await test.bridge()).toMatchObject({ state: 'ready', reason: expect.stringMatching(reason) });
    aged += 3_600_000;
    expect((await call()).status).toBe(200);
    expect(await test.bridge()).toMatchObject({ state: 'ready', reason: null });
  });
  it('because the network is gone keeps what is held, and goes on by itself', async () => {
    await signedIn();
    test.openai.mood.dropsToken = true;
    expect((await call()).status).toBeGreaterThanOrEqual(429);
    expect(await test.bridge()).toMatchObject({ state: 'ready', reason: expect.stringMatching(/could not be reached to renew/) });
    test.openai.mood.dropsToken = false;
    aged += 60_000;
    expect((await call()).status).toBe(200);
  });
});

describe('a restart', () => {
  it.each(['locked', 'denied', 'unavailable'] as const)(
    'with a keychain that is %s holds a plan back, and is mended by it',
    async (kind) => {
      const inner = memorySecrets();
      let problem = false;
      const guarded = <T>(work: () => Promise<T>): Promise<T> => (problem ? Promise.reject(new SecretError(kind, 'no')) : work());
      const keychain = {
        lasting: true,
        get: (name: string) => guarded(() => inner.get(name)),
        set: (name: string, value: string) => guarded(() => inner.set(name, value)),
        delete: (name: string) => guarded(() => inner.delete(name)),
      };
      const home = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-restart-'));
      leftovers.push(home);
      await start({ home, keychain });
      await test.signIn('chatgpt');
      await test.engine.stop();
      problem = true;
      const { openai } = test;
      await start({ home, keychain, openai });
      expect(await test.call('/v1/chat/completions', chat, { key: test.appKey })).toMatchObject({ status: 401 });
      expect(await test.bridge()).toMatchObject({ state: 'auth_required', mend: { action: { kind: 'retry' } } });
      problem = false;
      expect(await test.engine.control.bridges.retry({ bridge: 'codex' })).toMatchObject({ state: 'ready', reason: null });
      expect(await test.call('/v1/chat/completions', chat, { key: test.appKey })).toMatchObject({ status: 200 });
      await openai.stop();
    },
  );
  it('finds a key, and the Codex CLI’s login, three days later', async () => {
    const home = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-restart-'));
    leftovers.push(home);
    await start({ home });
    mkdirSync(path.join(home, 'codex'));
    writeFileSync(
      path.join(home, 'codex', 'auth.json'),
      JSON.stringify({ tokens: { access_token: 'CANARY-cli-access', account_id: 'acct-1' } }),
    );
    await test.signIn('api-key', KEY);
    await test.signIn('codex-cli');
    const { keychain, openai } = test;
    await test.engine.stop();
    await start({
      home,
      keychain,
      openai,
      headless: { clock: { now: () => Date.now() + 3 * 86_400_000, monotonic: () => performance.now() } },
    });
    expect(await test.bridge()).toMatchObject({ state: 'ready', route: 'codex-cli' });
    expect((await test.call('/v1/responses', responses, { key: test.appKey })).status).toBe(200);
    const { accounts } = await test.bridge();
    await test.engine.control.bridges.useAccount({ bridge: 'codex', account: accounts.find(({ route }) => route === 'api-key')?.id ?? '' });
    expect((await test.call('/v1/responses', responses, { key: test.appKey })).status).toBe(200);
    expect(await test.bridge()).toMatchObject({ state: 'ready', route: 'api-key' });
    await openai.stop();
  });
});

describe('a sign-in with a key that is cancelled while the key is checked', () => {
  it('comes to nothing, and does not end the one that took its place', async () => {
    const checking = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    const net: Net = async () => {
      checking.resolve();
      await answer.promise;
      return { status: 200, headers: {}, body: { data: [] } };
    };
    await start({ headless: { net } });
    const { bridges } = test.engine.control;
    const withKey = bridges.signIn({ bridge: 'codex', route: 'api-key', agree: true, key: KEY });
    await checking.promise;
    expect(await bridges.cancelSignIn({ bridge: 'codex' })).toMatchObject({ state: 'signed_out' });
    await bridges.signIn({ bridge: 'codex', route: 'chatgpt', agree: true });
    answer.resolve();
    await withKey;
    expect(await test.bridge()).toMatchObject({ state: 'signing_in', accounts: [] });
  });
});

describe('a sign-out that OpenAI is slow to confirm', () => {
  it.each(['api-key', 'chatgpt'] as const)('leaves an account that was signed in meanwhile as it is: %s', async (route) => {
    const real = netOf('Drawbridge/test');
    const revoking = Promise.withResolvers<void>();
    const confirmed = Promise.withResolvers<void>();
    const net: Net = async (request) => {
      if (request.url.endsWith('/oauth/revoke')) {
        revoking.resolve();
        await confirmed.promise;
        return { status: 200, headers: {}, body: undefined };
      }
      return real(request);
    };
    await start({ headless: { net } });
    await test.signIn('chatgpt');
    const { bridges } = test.engine.control;
    const signedOut = bridges.signOut({ bridge: 'codex' });
    await revoking.promise;
    await test.signIn(route, KEY);
    confirmed.resolve();
    expect(await signedOut).toMatchObject({ state: 'ready', accounts: [{ route, active: true }] });
    expect(await test.call('/v1/responses', responses, { key: test.appKey })).toMatchObject({ status: 200 });
  });
});

describe('a list of models that comes late', () => {
  it('does not take the place of the one of the account that is in use by then', async () => {
    const real = netOf('Drawbridge/test');
    const other = 'sk-CANARY-platform-key-0002';
    const late = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    let checked = false;
    const net: Net = async (request) => {
      const isLate = checked && request.headers?.['authorization'] === `Bearer ${KEY}`;
      checked = true;
      if (!isLate) return real(request);
      asked.resolve();
      await late.promise;
      return real(request);
    };
    await start({ headless: { net } });
    test.openai.keys.add(other);
    await test.signIn('api-key', KEY);
    const models = () => fetch(`${test.engine.origin}/v1/models`, { headers: { authorization: `Bearer ${test.engine.key}` } });
    const first = models();
    await asked.promise;
    await test.signIn('api-key', other);
    expect(await (await models()).text()).toContain('codex/gpt-5.5');
    late.resolve();
    await first;
    expect(await test.call('/v1/responses', { ...responses, model: 'gpt-5.5' })).toMatchObject({ status: 200 });
  });
});

describe('a sign-in with a key while the network is gone', () => {
  it('leaves nobody signed in, and says what to check', async () => {
    await start({ headless: { net: () => Promise.reject(new Error('gone')) } });
    expect(await test.signIn('api-key', KEY)).toMatchObject({
      state: 'signed_out',
      reason: 'OpenAI could not be reached to check the key. Check the network, then try again.',
    });
  });
});

describe('a key that is not checked', () => {
  it.each([
    [503, {}, 'OpenAI could not check the key (status 503). Try again in a while.'],
    [302, undefined, expect.stringMatching(/^What answered for OpenAI was something else/)],
    [200, undefined, expect.stringMatching(/^What answered for OpenAI was something else/)],
  ])('with %i is not kept, and its owner is told why', async (status, body, reason) => {
    await start({ headless: { net: async () => ({ status, headers: {}, body }) } });
    expect(await test.signIn('api-key', KEY)).toMatchObject({ state: 'signed_out', reason });
  });
});

describe('with the Codex CLI’s own login', () => {
  const folder = (): string => path.join(test.engine.home, 'codex');
  const writeLogin = (login: object): void => {
    mkdirSync(folder(), { recursive: true });
    writeFileSync(path.join(folder(), 'auth.json'), JSON.stringify(login));
  };
  const cliLogin = (access: string) => ({
    auth_mode: 'chatgpt',
    tokens: { id_token: 'x', access_token: access, refresh_token: 'CANARY-cli-refresh', account_id: 'acct-1' },
  });

  it('says how to get one where there is none', async () => {
    await start();
    expect(await test.signIn('codex-cli')).toMatchObject({ state: 'signed_out', reason: expect.stringMatching(/codex login/) });
  });
  it('uses it at the backend under its own name, with its usage, and never renews it', async () => {
    await start();
    writeLogin(cliLogin('CANARY-cli-access'));
    await test.signIn('codex-cli');
    await test.engine.control.bridges.setScope({ bridge: 'codex', route: 'codex-cli', scope: ['app', 'clients'] });
    const reply = await test.call('/v1/responses', { ...responses, tools: [{ type: 'function', name: 'f' }] });
    expect(reply).toMatchObject({ status: 200, body: { output: [{ content: [{ text: 'Done.' }] }] } });
    expect(reply.headers.get('openai-model')).toBeNull();
    const sent = test.openai.seen.find(({ url }) => url === '/backend-api/codex/responses');
    expect(sent?.headers).toMatchObject({
      originator: 'drawbridge',
      'chatgpt-account-id': 'acct-1',
      'user-agent': 'Drawbridge/0.0.0-test',
    });
    expect(sent?.headers).toMatchObject({ 'x-openai-account-routing-override': 'us' });
    const turn = reply.headers.get('x-codex-turn-state') ?? '';
    await test.call('/v1/responses', responses, { headers: { 'x-codex-turn-state': turn } });
    expect(test.openai.seen.at(-1)?.headers['x-codex-turn-state']).toBe(turn);
    expect((await test.bridge()).quota?.windows[0]).toEqual({
      name: 'primary',
      usedPercent: 12.5,
      minutes: 300,
      resetsAt: '2027-01-15T08:00:00.000Z',
    });
    expect((await test.engine.control.bridges.retry({ bridge: 'codex' })).quota).toMatchObject({
      plan: 'plus',
      windows: [{ usedPercent: 40 }, { minutes: 10_080 }],
    });
  });
  it('that is let go while its usage is asked for leaves no usage behind', async () => {
    const real = netOf('Drawbridge/test');
    const answer = Promise.withResolvers<void>();
    let gate: Promise<void> | undefined;
    const asked = Promise.withResolvers<void>();
    const net: Net = async (request) => {
      const isUsage = gate !== undefined && request.url.endsWith('/wham/usage');
      if (isUsage) asked.resolve();
      if (isUsage) await gate;
      return real(request);
    };
    await start({ headless: { net } });
    writeLogin(cliLogin('CANARY-cli-access'));
    await test.signIn('codex-cli');
    const { bridges } = test.engine.control;
    await bridges.retry({ bridge: 'codex' });
    gate = answer.promise;
    const retried = bridges.retry({ bridge: 'codex' });
    await asked.promise;
    await bridges.signOut({ bridge: 'codex' });
    answer.resolve();
    await retried;
    expect(await test.bridge()).toMatchObject({ state: 'signed_out', quota: null });
  });
  it('reads it again when it is refused, and then asks for Codex to be used', async () => {
    await start();
    writeLogin(cliLogin('CANARY-old'));
    await test.signIn('codex-cli');
    expect(await test.call('/v1/responses', responses, { key: test.appKey })).toMatchObject({ status: 401 });
    expect(await test.bridge()).toMatchObject({ state: 'auth_required', reason: expect.stringMatching(/only Codex itself may renew it/) });
    writeLogin(cliLogin('CANARY-cli-access'));
    expect(await test.call('/v1/responses', responses, { key: test.appKey })).toMatchObject({ status: 200 });
    expect((await test.bridge()).state).toBe('ready');
    expect(test.openai.seen.some(({ url }) => url.includes('oauth'))).toBe(false);
    expect(readFileSync(path.join(folder(), 'auth.json'), 'utf8')).toBe(JSON.stringify(cliLogin('CANARY-cli-access')));
  });
  it('that can’t be read says so, at sign-in and later, hides nobody’s models, and is used once it can be', async () => {
    await start();
    const file = path.join(folder(), 'auth.json');
    const models = () => fetch(`${test.engine.origin}/v1/models`, { headers: { authorization: `Bearer ${test.engine.key}` } });
    mkdirSync(file, { recursive: true });
    const unreadable = expect.stringContaining('can’t be read: illegal operation on a directory (EISDIR)');
    expect(await test.signIn('codex-cli')).toMatchObject({ state: 'signed_out', reason: unreadable });
    rmSync(file, { recursive: true });
    writeLogin(cliLogin('CANARY-cli-access'));
    await test.signIn('codex-cli');
    rmSync(file);
    mkdirSync(file);
    const { bridges } = test.engine.control;
    expect(await bridges.retry({ bridge: 'codex' })).toMatchObject({ state: 'auth_required', reason: unreadable });
    expect((await models()).status).toBe(200);
    rmSync(file, { recursive: true });
    writeLogin(cliLogin('CANARY-cli-access'));
    expect(await bridges.retry({ bridge: 'codex' })).toMatchObject({ state: 'ready' });
    expect(await (await models()).text()).toContain('"codex/');
  });
  it('does not try one that has run out', async () => {
    await start();
    const token = await new SignJWT({}).setProtectedHeader({ alg: 'HS256' }).setExpirationTime(1_700_000_000).sign(new Uint8Array(32));
    writeLogin(cliLogin(token));
    expect(await test.signIn('codex-cli')).toMatchObject({ state: 'signed_out', reason: expect.stringMatching(/run out/) });
    expect(test.openai.seen).toEqual([]);
  });
  it('uses its key at the platform where that is what it holds', async () => {
    await start();
    writeLogin({ auth_mode: 'apikey', OPENAI_API_KEY: KEY });
    await test.signIn('codex-cli');
    expect(await test.call('/v1/responses', responses, { key: test.appKey })).toMatchObject({ status: 200 });
    expect(test.openai.seen.at(-1)?.url).toBe('/v1/responses');
  });
});

describe('the safety governor', () => {
  it('stops at the day’s ceiling with a 429 that says whose it is, and a notice', async () => {
    await start({ codex: { dailyCalls: 1 } });
    await test.signIn('api-key', KEY);
    expect((await test.call('/v1/chat/completions', chat)).status).toBe(200);
    const reply = await test.call('/v1/chat/completions', chat);
    expect(reply.status).toBe(429);
    expect(reply.body.error.message).toContain('bridges.codex.dailyCalls');
    expect((await test.engine.control.status.get({})).notices.map(({ id }) => id)).toContain('codex-ceiling');
  });
  it('can be switched off and on', async () => {
    await start();
    await test.signIn('api-key', KEY);
    expect(await test.engine.control.bridges.enable({ bridge: 'codex', enabled: false })).toMatchObject({ enabled: false });
    expect(await test.call('/v1/chat/completions', chat)).toMatchObject({ status: 403, body: { error: { code: 'bridge_off' } } });
    expect((await fetch(`${await test.origin()}/health`)).status).toBe(200);
    await test.engine.control.bridges.enable({ bridge: 'codex', enabled: true });
    expect((await test.call('/v1/chat/completions', chat)).status).toBe(200);
  });
  it('ends what is under way when it is switched off', async () => {
    await start();
    await test.signIn('api-key', KEY);
    test.openai.mood.hangs = true;
    const res = await fetch(`${test.engine.origin}/v1/responses`, {
      method: 'POST',
      headers: { authorization: `Bearer ${test.engine.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ ...responses, stream: true }),
    });
    const reader = res.body?.getReader();
    await reader?.read();
    await test.engine.control.bridges.enable({ bridge: 'codex', enabled: false });
    await expect(reader?.read()).rejects.toThrow();
    expect(await test.engine.call(({ cut }) => cut)).toMatchObject({ error: 'The codex bridge was switched off.' });
  });
});
