import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { netOf, type Net } from '../../bridges/accounts/net.ts';
import { memorySecrets, SecretError, type SecretProblem, type SecretStore } from '../../bridges/engine/secrets.ts';
import { openEntra } from '../../bridges/m365/entra.ts';
import { BACK_ENDS } from '../../bridges/m365/back-end.ts';
import { TENANT } from '../fakes/microsoft.ts';
import { testClock, type TestClock } from './keeper.support.ts';
import { startM365Test, type M365Test } from './m365.support.ts';

const DAY = 86_400_000;
const chat = { model: 'm365/copilot', messages: [{ role: 'user', content: 'When is the demo?' }] };
const messages = { ...chat, max_tokens: 100 };

let test: M365Test;
let clock: TestClock;
let keychain: SecretStore & { problem: SecretProblem | null };
beforeEach(async () => {
  clock = testClock(Date.now());
  keychain = moody();
  test = await startM365Test({ keychain, headless: { clock } });
});
afterEach(() => test.stop());

/** A keychain that can be locked, refused, or gone. */
function moody(): SecretStore & { problem: SecretProblem | null } {
  const inner = memorySecrets();
  const asked = async <T>(work: () => Promise<T>): Promise<T> => {
    if (moodyStore.problem !== null) throw new SecretError(moodyStore.problem, `The keychain is ${moodyStore.problem}.`);
    return work();
  };
  const moodyStore: SecretStore & { problem: SecretProblem | null } = {
    problem: null,
    lasting: true,
    get: (name) => asked(() => inner.get(name)),
    set: (name, value) => asked(() => inner.set(name, value)),
    delete: (name) => asked(() => inner.delete(name)),
  };
  return moodyStore;
}

const ask = () => test.call('/v1/chat/completions', chat);
const tokenRequests = (): URLSearchParams[] =>
  test.microsoft.seen.filter(({ url }) => url.includes('/oauth2/v2.0/token')).map(({ body }) => new URLSearchParams(body.toString()));

describe('signing in with a browser', () => {
  it('ends ready, with a token for the chosen service alone', async () => {
    expect(await test.signIn()).toMatchObject({
      state: 'ready',
      reason: null,
      route: 'graph',
      accounts: [{ label: 'adele@contoso.example' }],
    });
    expect((await ask()).status).toBe(200);
    expect(await test.signIn('work-iq')).toMatchObject({ state: 'ready', route: 'work-iq' });
    expect((await ask()).status).toBe(200);
    const last = test.microsoft.seen.at(-1);
    expect(last?.url).toMatch(/^\/rest\/conversations\/.*\/chat$/);
    // Both are held; the one that is used is chosen.
    const [first] = test.bridge().accounts;
    await test.engine.control.bridges.useAccount({ bridge: 'm365', account: first?.id ?? '' });
    expect(test.bridge().route).toBe('graph');
  });
  it('tells the terms of a route first, and asks once', async () => {
    const begun = test.engine.control.bridges.signIn({ bridge: 'm365', route: 'graph' });
    await expect(begun).rejects.toMatchObject({ code: 'terms_not_agreed', data: { standing: 'preview' } });
  });
  it('asks for an app registration of the owner’s own, and never brings one', async () => {
    await test.engine.control.settings.update({ patch: { bridges: { m365: { clientId: null } } } });
    const begun = test.engine.control.bridges.signIn({ bridge: 'm365', route: 'graph', agree: true });
    await expect(begun).rejects.toMatchObject({ code: 'bad_input', message: expect.stringContaining('docs/m365.md') });
  });
  it('ends denied where the person declines, and an account that worked goes on working', async () => {
    const begun = await test.engine.control.bridges.signIn({ bridge: 'm365', route: 'graph', agree: true });
    await test.microsoft.person(begun.url ?? '', 'deny');
    expect(await test.until(({ state }) => state !== 'signing_in')).toMatchObject({
      state: 'denied',
      reason: 'The sign-in was declined at the provider.',
    });
    await test.signIn();
    const again = await test.engine.control.bridges.signIn({ bridge: 'm365', route: 'graph' });
    await test.microsoft.person(again.url ?? '', 'deny');
    expect(await test.until(({ state }) => state !== 'signing_in')).toMatchObject({ state: 'ready' });
  });
  it('ends denied, with the link for an administrator, where nobody has granted the permissions', async () => {
    test.microsoft.mood.consent = false;
    expect(await test.signIn()).toMatchObject({
      state: 'denied',
      reason: expect.stringContaining('AADSTS90094'),
      mend: {
        label: 'Let an administrator grant the permissions',
        action: { kind: 'link', href: expect.stringContaining('/adminconsent?') },
      },
    });
  });
  it('ends denied for a personal account, which has no Microsoft 365 Copilot', async () => {
    test.microsoft.mood.account = 'personal';
    expect(await test.signIn()).toMatchObject({
      state: 'denied',
      reason: expect.stringContaining('personal Microsoft account'),
      accounts: [],
    });
  });
  it('ends where a secret is asked of the app registration, with what to change there', async () => {
    test.microsoft.mood.publicClient = false;
    expect(await test.signIn()).toMatchObject({
      state: 'signed_out',
      reason: expect.stringMatching(/AADSTS7000218.*allow public client flows/),
    });
  });
  it('ends where the network is gone, and works when it is back', async () => {
    test.microsoft.mood.dropsToken = true;
    expect(await test.signIn()).toMatchObject({
      state: 'signed_out',
      // Nothing tries a sign-in again by itself.
      reason: 'Microsoft’s sign-in service could not be reached. Check the network, then try again.',
    });
    test.microsoft.mood.dropsToken = false;
    expect((await test.signIn()).state).toBe('ready');
  });
  it('is dropped when it is cancelled: nothing listens, and a late answer counts for nothing', async () => {
    const begun = await test.engine.control.bridges.signIn({ bridge: 'm365', route: 'graph', agree: true });
    expect(begun.bridge.state).toBe('signing_in');
    expect(await test.engine.control.bridges.cancelSignIn({ bridge: 'm365' })).toMatchObject({
      state: 'signed_out',
      reason: 'The sign-in was cancelled.',
    });
    await expect(test.microsoft.person(begun.url ?? '', 'allow')).rejects.toThrow(/ECONN/);
    expect(test.bridge().accounts).toEqual([]);
  });
  it.each([
    ['in the browser', false],
    ['by code', true],
  ])('comes to nothing %s where it is cancelled while it is prepared', async (_how, byCode) => {
    const asking = Promise.withResolvers<void>();
    const cancelled = Promise.withResolvers<void>();
    const net: Net = async (request) => {
      asking.resolve();
      await cancelled.promise;
      return netOf('Drawbridge/test')(request);
    };
    const slow = await startM365Test({ microsoft: test.microsoft, headless: { net } });
    const { bridges } = slow.engine.control;
    const begun = bridges.signIn({ bridge: 'm365', route: 'graph', agree: true, byCode });
    await asking.promise;
    expect(await bridges.cancelSignIn({ bridge: 'm365' })).toMatchObject({ state: 'signed_out' });
    cancelled.resolve();
    expect(await begun).toMatchObject({ url: null, code: null, bridge: { state: 'signed_out', offer: null } });
    // What was prepared is gone: a sign-in begun anew is the only one.
    expect(await slow.signIn()).toMatchObject({ state: 'ready' });
    await slow.stop();
  });
  it('says so where the keychain does not take it', async () => {
    const begun = await test.engine.control.bridges.signIn({ bridge: 'm365', route: 'graph', agree: true });
    keychain.problem = 'locked';
    await test.microsoft.person(begun.url ?? '', 'allow');
    expect(await test.until(({ state }) => state !== 'signing_in')).toMatchObject({
      state: 'signed_out',
      reason: 'The keychain is locked, so the sign-in could not be kept.',
      mend: { label: 'Unlock the keychain, then sign in', action: { kind: 'sign_in' } },
    });
  });
});

describe('signing in with a code', () => {
  const byCode = async (answer: 'allowed' | 'declined' | 'expired') => {
    const begun = await test.engine.control.bridges.signIn({ bridge: 'm365', route: 'graph', agree: true, byCode: true });
    expect(begun).toMatchObject({ url: 'https://microsoft.com/devicelogin', code: 'ABCD12345', bridge: { state: 'signing_in' } });
    test.microsoft.mood.device = answer;
    return test.until(({ state }) => state !== 'signing_in');
  };
  it('ends ready', async () => {
    expect(await byCode('allowed')).toMatchObject({ state: 'ready', accounts: [{ label: 'adele@contoso.example' }] });
  });
  it('ends denied where the person declines', async () => expect(await byCode('declined')).toMatchObject({ state: 'denied' }));
  it('ends where the code runs out', async () => {
    expect(await byCode('expired')).toMatchObject({ state: 'signed_out', reason: expect.stringContaining('before it ran out') });
  });
  it('ends at once where Entra does not know the app', async () => {
    await test.engine.control.settings.update({ patch: { bridges: { m365: { clientId: '55555555-5555-4555-8555-555555555555' } } } });
    const begun = await test.engine.control.bridges.signIn({ bridge: 'm365', route: 'graph', agree: true, byCode: true });
    expect(begun).toMatchObject({
      url: null,
      code: null,
      bridge: { state: 'signed_out', reason: expect.stringContaining('AADSTS700016') },
    });
  });
  it('waits longer from then on when it is told to, and rides out an outage', async () => {
    const waits: number[] = [];
    const outages = ['gone', 503, 'slow_down'];
    const net: Net = async (request) => {
      const reply = await netOf('Drawbridge/test')(request);
      if (request.form?.['grant_type'] !== 'device_code') return reply;
      const outage = outages.shift();
      if (outage === 'gone') throw new Error('gone');
      if (outage === 503) return { status: 503, headers: {}, body: undefined };
      if (outage === 'slow_down') return { status: 400, headers: {}, body: { error: 'slow_down' } };
      test.microsoft.mood.device = 'allowed';
      return reply;
    };
    const app = { clientId: test.microsoft.clientId, tenant: TENANT, login: test.microsoft.baseUrl };
    const pause = async (milliseconds: number): Promise<void> => void waits.push(milliseconds);
    const entra = await openEntra({ net, app, scopes: BACK_ENDS.graph.scopes, pause });
    const outcome = await entra.byCode({ claims: null, onCode: () => {}, signal: new AbortController().signal });
    expect(outcome).toHaveProperty('granted');
    expect(waits).toEqual([5_000, 5_000]);
  });
});

describe('a held sign-in', () => {
  it('renews itself after three days of sleep', async () => {
    await test.signIn();
    test.microsoft.expireAccess();
    clock.at += 3 * DAY;
    const replies = await Promise.all([ask(), ask(), ask()]);
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(test.microsoft.refreshes()).toBe(1);
    expect(test.bridge()).toMatchObject({ state: 'ready', reason: null });
  });
  it('outlives a restart, and a longer one does not pass for a sign-in', async () => {
    const home = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-m365-'));
    const { microsoft } = test;
    const first = await startM365Test({ home, keychain, microsoft, headless: { clock } });
    await first.signIn();
    await first.engine.stop();
    clock.at += 3 * DAY;
    microsoft.expireAccess();
    const second = await startM365Test({ home, keychain, microsoft, headless: { clock } });
    expect((await second.call('/v1/chat/completions', chat)).status).toBe(200);
    expect(second.bridge()).toMatchObject({ state: 'ready', route: 'graph' });
    await second.engine.stop();
    clock.at += 120 * DAY;
    microsoft.mood.refresh = {
      error: 'invalid_grant',
      error_description: 'AADSTS700082: The refresh token has expired due to inactivity.',
    };
    const third = await startM365Test({ home, keychain, microsoft, headless: { clock } });
    expect(await third.call('/v1/messages', messages)).toMatchObject({ status: 401, body: { error: { type: 'authentication_error' } } });
    expect(third.bridge()).toMatchObject({
      state: 'auth_required',
      reason: 'The sign-in has not been used for too long. (AADSTS700082) Sign in again.',
      mend: { label: 'Sign in again' },
    });
    await third.engine.stop();
    rmSync(home, { recursive: true, force: true });
  });
  it('is told to be revoked, in the client’s own words', async () => {
    await test.signIn();
    test.microsoft.revoke();
    expect(await ask()).toMatchObject({ status: 401, body: { error: { message: expect.stringContaining('drawbridge signin m365') } } });
    expect(await test.call('/v1/messages', messages)).toMatchObject({
      status: 401,
      body: { type: 'error', error: { type: 'authentication_error' } },
    });
    expect(test.bridge()).toMatchObject({ state: 'auth_required', reason: expect.stringContaining('AADSTS50173') });
  });
  it('stays ready while Entra can’t be reached, and goes on when it can', async () => {
    await test.signIn();
    test.microsoft.expireAccess();
    clock.at += DAY;
    test.microsoft.mood.dropsToken = true;
    expect(await ask()).toMatchObject({ status: 503 });
    expect(test.bridge()).toMatchObject({ state: 'ready', reason: expect.stringContaining('could not be reached'), mend: null });
    test.microsoft.mood.dropsToken = false;
    clock.at += 60_000;
    expect((await ask()).status).toBe(200);
    expect(test.bridge()).toMatchObject({ state: 'ready', reason: null });
  });
  it.each([
    [{ status: 403, body: '<html>Blocked by the company proxy</html>' }, 'something else than Microsoft'],
    [{ status: 407, body: '<html>Proxy authentication required</html>' }, 'something else than Microsoft'],
    [{ status: 200, body: '<html>Welcome to the hotel</html>' }, 'something else than Microsoft'],
    [{ status: 200, body: { welcome: 'to the hotel' } }, 'something else than Microsoft'],
    [{ status: 400, body: { error: 'a_word_of_tomorrow' } }, 'did not renew'],
    [
      { status: 429, body: { error: 'invalid_request', error_description: 'AADSTS90055: There are too many incoming requests.' } },
      'was asked too often (status 429)',
    ],
    [{ status: 503, body: { error: 'temporarily_unavailable' } }, 'has trouble (status 503)'],
  ])('outlives an answer to its renewal that says nothing of it: %j', async (answer, words) => {
    await test.signIn();
    expect((await ask()).status).toBe(200);
    clock.at += DAY;
    test.microsoft.expireAccess();
    test.microsoft.mood.tokenAnswer = answer;
    expect((await ask()).status).toBe(503);
    expect(test.bridge()).toMatchObject({ state: 'ready', reason: expect.stringContaining(words) });
    clock.at += 600_000;
    expect((await ask()).status).toBe(200);
  });
  it.each([
    ['unauthorized_client', 'AADSTS700016: Application was not found.', undefined, 'clientId'],
    ['invalid_request', 'AADSTS90002: Tenant not found.', undefined, 'There is no such directory'],
    ['access_denied', 'AADSTS53003: Blocked by Conditional Access.', undefined, 'conditional access'],
    ['invalid_grant', 'AADSTS53003: Blocked by Conditional Access.', 'message_only', 'conditional access'],
  ])('outlives a renewal that the settings or the place stand in the way of: %s, %s', async (error, error_description, suberror, why) => {
    await test.signIn();
    clock.at += DAY;
    test.microsoft.expireAccess();
    test.microsoft.mood.tokenAnswer = { status: 400, body: { error, error_description, suberror } };
    expect(await ask()).toMatchObject({ status: 503, body: { error: { message: expect.stringContaining(why) } } });
    expect(test.bridge()).toMatchObject({ state: 'ready', reason: expect.stringContaining(why) });
    clock.at += 600_000;
    expect((await ask()).status).toBe(200);
  });
  it('that the service refuses is told so, also where its owner has taken the client id out of the settings', async () => {
    await test.signIn();
    await test.engine.control.settings.update({ patch: { bridges: { m365: { clientId: null } } } });
    test.microsoft.mood.callAnswer = {
      status: 403,
      body: { error: { code: 'Forbidden', message: 'Required scopes are missing in the token.' } },
    };
    expect((await ask()).status).toBe(403);
    expect(test.bridge()).toMatchObject({ state: 'denied', reason: expect.stringContaining('lacks permissions') });
  });
  it('waits as long as Entra asks it to', async () => {
    await test.signIn();
    test.microsoft.expireAccess();
    clock.at += DAY;
    test.microsoft.mood.tokenAnswer = { status: 429, headers: { 'retry-after': '120' }, body: {} };
    const refused = await ask();
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '120']);
    const asked = tokenRequests().length;
    clock.at += 60_000;
    expect((await ask()).status).toBe(503);
    expect(tokenRequests()).toHaveLength(asked);
    clock.at += 61_000;
    expect((await ask()).status).toBe(200);
  });
  it.each([-2, 2])('works with a clock that is off by %i days', async (days) => {
    clock.at += days * DAY;
    await test.signIn();
    for (let n = 0; n < 3; n += 1) expect((await ask()).status).toBe(200);
    expect(test.microsoft.refreshes()).toBe(0);
  });
  it.each(['locked', 'unavailable'] as const)('can’t be read while the keychain is %s, and can be again', async (problem) => {
    const home = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-m365-'));
    const { microsoft } = test;
    const first = await startM365Test({ home, keychain, microsoft, headless: { clock } });
    await first.signIn();
    await first.engine.stop();
    keychain.problem = problem;
    const second = await startM365Test({ home, keychain, microsoft, headless: { clock } });
    expect(await second.call('/v1/messages', messages)).toMatchObject({ status: 401 });
    expect(second.bridge()).toMatchObject({
      state: 'auth_required',
      reason: expect.stringContaining(problem === 'locked' ? 'locked' : 'gone'),
      mend: { action: { kind: 'retry' } },
    });
    keychain.problem = null;
    clock.at += 1_000;
    expect(await second.engine.control.bridges.retry({ bridge: 'm365' })).toMatchObject({ state: 'ready' });
    expect((await second.call('/v1/chat/completions', chat)).status).toBe(200);
    await second.engine.stop();
    rmSync(home, { recursive: true, force: true });
  });
  it('is forgotten at sign-out, and says how to end it at Microsoft', async () => {
    await test.signIn();
    const signedOut = await test.engine.control.bridges.signOut({ bridge: 'm365' });
    expect(signedOut).toMatchObject({ state: 'signed_out', accounts: [], reason: expect.stringContaining('myapps.microsoft.com') });
    expect(await ask()).toMatchObject({ status: 401 });
  });
});

describe('continuous access evaluation', () => {
  const challenge = JSON.stringify({ access_token: { nbf: { essential: true, value: '1604106651' } } });
  it('proves at once what a service asks for, and asks again for the client', async () => {
    await test.signIn();
    test.microsoft.mood.challenge = challenge;
    expect((await ask()).status).toBe(200);
    expect(test.microsoft.refreshes()).toBe(1);
    expect(JSON.parse(tokenRequests().at(-1)?.get('claims') ?? '')).toMatchObject(JSON.parse(challenge));
  });
  it('does so, too, right after a renewal', async () => {
    await test.signIn();
    clock.at += DAY;
    test.microsoft.expireAccess();
    expect((await ask()).status).toBe(200);
    test.microsoft.mood.challenge = challenge;
    expect((await ask()).status).toBe(200);
    expect(test.microsoft.refreshes()).toBe(2);
    expect(test.bridge()).toMatchObject({ state: 'ready', reason: null });
  });
  it('asks for a new sign-in where the service is never content with what was proved', async () => {
    await test.signIn();
    let asked = 0;
    const never = (): string => JSON.stringify({ access_token: { nbf: { essential: true, value: String(++asked) } } });
    Object.defineProperty(test.microsoft.mood, 'challenge', { get: never });
    for (let n = 0; n < 4; n++) expect((await ask()).status).toBe(401);
    expect(test.microsoft.refreshes()).toBe(1);
    expect(test.bridge()).toMatchObject({ state: 'auth_required' });
  });
  it('takes what it could not prove into the next sign-in', async () => {
    await test.signIn();
    const claims = JSON.stringify({ access_token: { acrs: { essential: true, value: 'c1' } } });
    test.microsoft.expireAccess();
    test.microsoft.mood.refresh = { error: 'interaction_required', error_description: 'AADSTS50076: MFA is needed.', claims };
    expect((await ask()).status).toBe(401);
    expect(test.bridge()).toMatchObject({ state: 'auth_required', reason: expect.stringContaining('AADSTS50076') });
    test.microsoft.mood.refresh = null;
    const { url } = await test.engine.control.bridges.signIn({ bridge: 'm365', route: 'graph' });
    expect(JSON.parse(new URL(url ?? '').searchParams.get('claims') ?? '')).toMatchObject(JSON.parse(claims));
    await test.microsoft.person(url ?? '', 'allow');
    expect(await test.until(({ state }) => state !== 'signing_in')).toMatchObject({ state: 'ready' });
  });
});

it('tells of no sign-in under way where a locked keychain keeps the account from being signed out', async () => {
  await test.signIn();
  await test.engine.control.bridges.signIn({ bridge: 'm365', route: 'graph' });
  expect(test.bridge().state).toBe('signing_in');
  keychain.problem = 'locked';
  await expect(test.engine.control.bridges.signOut({ bridge: 'm365' })).rejects.toThrow();
  expect(test.bridge().state).not.toBe('signing_in');
  keychain.problem = null;
});

describe('the doctor', () => {
  const found = async (): Promise<Record<string, string>> =>
    Object.fromEntries(
      (await test.engine.control.doctor.run({ bridge: 'm365' })).map(({ id, state, found: what, mend }) => [
        id,
        `${state}: ${what} ${mend ?? ''}`,
      ]),
    );
  it('finds nothing where nothing is wrong, and asks Copilot nothing', async () => {
    await test.signIn();
    const checks = await found();
    expect(Object.values(checks).filter((text) => text.startsWith('failed'))).toEqual([]);
    expect(test.microsoft.seen.filter(({ url }) => url.includes('/chat'))).toEqual([]);
  });
  it('tells a missing app registration, and one that Entra does not know', async () => {
    await test.engine.control.settings.update({ patch: { bridges: { m365: { clientId: null } } } });
    expect((await found())['m365-app']).toMatch(/^failed: The settings name none. .*docs\/m365\.md/);
    await test.engine.control.settings.update({ patch: { bridges: { m365: { clientId: '55555555-5555-4555-8555-555555555555' } } } });
    expect((await found())['m365-app']).toMatch(/^failed: .*AADSTS700016.*bridges\.m365\.clientId/);
  });
  it('tells a directory that does not exist', async () => {
    await test.engine.control.settings.update({ patch: { bridges: { m365: { tenant: 'nobody.example' } } } });
    expect((await found())['m365-app']).toMatch(/^failed: There is no such directory\. \(AADSTS90002\)/);
  });
  it('tells a personal account', async () => {
    test.microsoft.mood.account = 'personal';
    await test.signIn();
    expect((await found())['m365-account-type']).toMatch(/^failed: A personal Microsoft account/);
  });
  it('tells another directory than the one that was named, and a guest', async () => {
    test.microsoft.mood.account = 'guest';
    await test.signIn('work-iq');
    expect((await found())['m365-directory']).toMatch(/^failed: The account is a guest/);
    await test.engine.control.settings.update({ patch: { bridges: { m365: { tenant: '99999999-9999-4999-8999-999999999999' } } } });
    expect((await found())['m365-directory']).toMatch(/^failed: The sign-in is for 1{8}.* and the settings name 9{8}/);
  });
  it('tells missing consent, with the link for an administrator', async () => {
    test.microsoft.mood.consent = false;
    await test.signIn();
    expect((await found())['m365-consent']).toMatch(/^failed: .*AADSTS90094.*\/v2\.0\/adminconsent\?client_id=4{8}/);
    test.microsoft.mood.consent = true;
    test.microsoft.mood.withheld = ['Chat.Read'];
    expect(await test.signIn()).toMatchObject({ state: 'denied', reason: expect.stringContaining('Chat.Read') });
    expect((await found())['m365-consent']).toMatch(/^failed: Not granted: Chat\.Read\. .*adminconsent/);
  });
  it('takes a page that forbids a call for no word about the licence', async () => {
    await test.signIn();
    test.microsoft.mood.callAnswer = { status: 403, headers: { 'content-type': 'text/html' }, body: 'Blocked by your organization' };
    expect(await test.call('/v1/messages', messages)).toMatchObject({
      status: 502,
      body: { error: { message: expect.stringMatching(/^What answered for Microsoft was something else/) } },
    });
    expect(test.bridge()).toMatchObject({ state: 'ready' });
    expect((await ask()).status).toBe(200);
  });
  it('tells a missing licence, before and at the first prompt, and when it has come', async () => {
    await test.signIn();
    test.microsoft.mood.licence = false;
    expect((await found())['m365-licence']).toMatch(/^failed: The service answered 403 .*licence/);
    expect(test.bridge()).toMatchObject({ state: 'denied', reason: expect.stringContaining('licence') });
    expect(await test.call('/v1/messages', messages)).toMatchObject({ status: 403, body: { error: { type: 'permission_error' } } });
    test.microsoft.mood.licence = true;
    expect((await ask()).status).toBe(200);
    expect(test.bridge()).toMatchObject({ state: 'ready' });
  });
});
