import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BridgeDetail } from '../../bridges/contract/index.ts';
import { pollDevice, startDevice, type DeviceResult } from '../../bridges/copilot/device.ts';
import { initiator } from '../../bridges/copilot/prepare.ts';
import { netOf } from '../../bridges/accounts/net.ts';
import { startFakeGitHub, type FakeGitHub } from '../fakes/github.ts';
import { startTestEngine, type TestEngine } from '../support/engine.ts';
import type { Reply } from './codex.support.ts';
import type { JsonObject } from '../../bridges/wire/turn.ts';

let github: FakeGitHub;
let engine: TestEngine;
beforeEach(async () => {
  github = await startFakeGitHub();
  const url = github.server.baseUrl;
  engine = await startTestEngine({ settings: { bridges: { copilot: { clientId: github.clientId, github: url, api: url, paceMs: 0 } } } });
});
afterEach(async () => {
  await engine.stop();
  await github.server.stop();
});

const until = async (fits: (bridge: BridgeDetail) => boolean): Promise<BridgeDetail> => {
  const { engine: inner } = engine.headless;
  for await (const event of inner.events.subscribe(AbortSignal.timeout(10_000))) {
    const now = inner.bridges.copilot.detail();
    if (event.type === 'status' && fits(now)) return now;
  }
  throw new Error('it did not come to that');
};
const signIn = async (): Promise<BridgeDetail> => {
  github.answer = 'allowed';
  const begun = await engine.control.bridges.signIn({ bridge: 'copilot', route: 'device', agree: true });
  expect(begun).toMatchObject({ url: 'https://github.com/login/device', code: 'ABCD-1234', bridge: { state: 'signing_in' } });
  const bridge = await until(({ state }) => state !== 'signing_in');
  await engine.control.bridges.setScope({ bridge: 'copilot', route: 'device', scope: ['app', 'clients'] });
  return bridge;
};
const call = async (path: string, body: object): Promise<Pick<Reply, 'status' | 'body'>> => {
  const res = await fetch(engine.origin + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${engine.key}`, 'content-type': 'application/json', 'user-agent': 'claude-cli/2.1.0' },
    body: JSON.stringify(body),
  });
  return { status: res.status, body: await res.json() };
};
const chat = { model: 'copilot/gpt-5.4', messages: [{ role: 'user', content: 'Hello' }] };

describe('the copilot bridge', () => {
  it('signs in by device code and uses each model as it wants to be used', async () => {
    expect(await signIn()).toMatchObject({
      state: 'ready',
      accounts: [{ label: 'octofake', plan: 'individual_pro' }],
      quota: { windows: [{ name: 'premium_interactions', usedPercent: 19.5 }] },
    });
    await engine.control.bridges.retry({ bridge: 'copilot' });
    expect((await call('/v1/chat/completions', chat)).status).toBe(200);
    expect((await call('/v1/messages', { ...chat, model: 'copilot/claude-sonnet-4.6', max_tokens: 5 })).body.content[0].text).toBe(
      'Hello.',
    );
    expect((await call('/v1/messages', { ...chat, max_tokens: 5 })).body.content[0].text).toBe('Hello.');
    const paths = github.server.seen.filter(({ body }) => body.toString().startsWith('{')).map(({ url }) => url);
    expect(paths).toEqual(['/chat/completions', '/v1/messages', '/responses']);
    const sent = github.server.seen.at(-1)?.headers;
    expect(sent).toMatchObject({ 'user-agent': 'Drawbridge/0.0.0-test', 'x-initiator': 'user' });
  });
  it('asks for an OAuth app of the owner’s own, and never brings one', async () => {
    await engine.control.settings.update({ patch: { bridges: { copilot: { clientId: null } } } });
    await expect(engine.control.bridges.signIn({ bridge: 'copilot', route: 'device', agree: true })).rejects.toMatchObject({
      code: 'bad_input',
    });
  });
  it('ends denied where the person declines, and where the account has no Copilot', async () => {
    github.answer = 'denied';
    await engine.control.bridges.signIn({ bridge: 'copilot', route: 'device', agree: true });
    expect(await until(({ state }) => state !== 'signing_in')).toMatchObject({ state: 'denied' });
    github.chat = false;
    expect(await signIn()).toMatchObject({ state: 'denied', reason: expect.stringMatching(/no Copilot/) });
  });
  it('sends its token to no address that is not GitHub’s', async () => {
    github.api = 'https://api.evil.example';
    expect(await signIn()).toMatchObject({ state: 'denied', reason: expect.stringMatching(/not one of its own/) });
  });
  it('says that a sign-in was revoked', async () => {
    await signIn();
    github.revoked = true;
    expect(await call('/v1/messages', { ...chat, max_tokens: 5 })).toMatchObject({
      status: 401,
      body: { error: { type: 'authentication_error' } },
    });
    expect((await until(({ state }) => state !== 'ready')).state).toBe('auth_required');
  });
});

describe('the device flow', () => {
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

describe('who began a request', () => {
  const cases: [body: JsonObject, who: string][] = [
    [{ messages: [{ role: 'user', content: 'x' }] }, 'user'],
    [{ messages: [{ role: 'user', content: [{ type: 'text' }] }] }, 'user'],
    [{ messages: [{ role: 'user', content: [{ type: 'tool_result' }, { type: 'text' }] }] }, 'agent'],
    [{ messages: [{ role: 'tool', content: 'x' }] }, 'agent'],
    [{ input: 'x' }, 'user'],
    [{ input: [{ role: 'user', content: 'x' }, { type: 'function_call_output' }] }, 'agent'],
    [{}, 'agent'],
  ];
  it.each(cases)('%j: %s', (body, who) => expect(initiator(body)).toBe(who));
});
