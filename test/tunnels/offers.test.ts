import http from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startFakeOpenAI, type FakeOpenAI } from '../fakes/openai.ts';
import { hasCheckTools, hasOpenssl, hasSsh } from '../support/programs.ts';
import { call, NAME, startRig, type Answer, type Rig } from './rig.ts';

/** A bridge of this engine, lent by its name, over a real sshd. */

const KEY = 'sk-CANARY-platform-key-0001';
const BODY = { model: 'gpt-5.5', messages: [{ role: 'user', content: 'hello' }] };

describe.skipIf(!hasSsh || !hasOpenssl || !hasCheckTools)('a bridge that is lent', () => {
  let openai: FakeOpenAI;
  let rig: Rig;
  const ask = async (key: string | undefined = rig.key, target = '/v1/chat/completions'): Promise<Answer> =>
    call(await rig.far(), target, { key, body: BODY });
  const edit = async (offer: string): Promise<void> => {
    const { definition, marks } = await rig.status();
    await rig.engine.control.tunnels.edit({ definition: { ...definition, offer } });
    await rig.until(
      (one) => one.state === 'up' && one.definition.offer === offer && one.marks.connected?.at !== marks.connected?.at,
      offer,
    );
  };

  beforeAll(async () => {
    openai = await startFakeOpenAI();
    openai.keys.add(KEY);
    rig = await startRig({
      definition: { offer: 'codex' },
      settings: {
        upstreams: { openai: { baseUrl: openai.baseUrl }, chatgpt: { baseUrl: openai.baseUrl } },
        bridges: { codex: { issuer: openai.baseUrl, paceMs: 0 } },
      },
    });
    await rig.engine.control.bridges.signIn({ bridge: 'codex', route: 'api-key', agree: true, key: KEY });
    await rig.up();
  });
  afterAll(async () => {
    await rig.stop();
    await openai.stop();
  });

  it('is one of those there are, by name', async () => {
    const offers = await rig.engine.control.tunnels.offers({});
    expect(offers.map(({ name }) => name)).toEqual(['companion', ...Object.keys(rig.engine.headless.engine.bridges)]);
    for (const { label } of offers) expect(label).toMatch(/^[A-Z]/);
  });
  it('answers the gateway, is told apart on the calls list, and keeps the account’s key to itself', async () => {
    openai.seen.length = 0;
    const answer = await ask();
    expect(answer.status).toBe(200);
    expect(await rig.engine.call((row) => row.caller === `tunnel ${NAME}`)).toMatchObject({
      status: 200,
      upstream: 'codex',
      route: 'codex bridge',
    });
    expect(openai.seen.at(-1)?.headers['authorization']).toBe(`Bearer ${KEY}`);
    expect(JSON.stringify(answer)).not.toContain(KEY);
  });
  it('leads nowhere but to that account', async () => {
    const answer = await call(await rig.far(), '/v1/chat/completions', { key: rig.key, body: { ...BODY, model: 'practice/echo' } });
    expect(answer.headers['x-drawbridge-tunnel']).toBe(NAME);
    expect(await rig.engine.call((row) => row.modelRequested === 'practice/echo')).toMatchObject({ upstream: 'codex' });
  });
  it('wants the tunnel’s own key', async () => {
    expect((await ask('db_guessed')).status).toBe(401);
    expect((await ask(rig.engine.key)).status).toBe(401);
  });
  it('is the gateway’s use: where the owner does not allow that, it says so', async () => {
    const { control } = rig.engine;
    await control.bridges.setScope({ bridge: 'codex', route: 'api-key', scope: ['app', 'clients'] });
    const refused = await ask();
    expect(refused.status).toBe(403);
    expect(refused.body).toContain('this call comes from your gateway');
    await control.bridges.setScope({ bridge: 'codex', route: 'api-key', scope: ['gateway'] });
    expect((await ask()).status).toBe(200);
    const own = await call(rig.engine.origin, '/v1/chat/completions', { key: rig.engine.key, body: { ...BODY, model: 'codex/gpt-5.5' } });
    expect(own.status).toBe(403);
  });
  it('hears at once that the gateway hung up', async () => {
    openai.mood.hangs = true;
    const begun = await openStream(await rig.far(), rig.key);
    begun.destroy();
    expect(await rig.engine.call((row) => row.caller === `tunnel ${NAME}` && row.cut)).toMatchObject({ upstream: 'codex', streamed: true });
    openai.mood.hangs = false;
  });
  it('can be changed for another; where nobody is signed in, that is what the gateway reads', async () => {
    await edit('copilot');
    const answer = await ask();
    expect(answer.status).toBe(401);
    expect(answer.body).toContain('auth_required');
    await edit('companion');
    expect((await call(await rig.far(), '/v1/chat/completions', { key: rig.key, body: { ...BODY, model: 'practice/echo' } })).status).toBe(
      200,
    );
  });
  it('must be one that there is', async () => {
    const { definition } = await rig.status();
    await expect(rig.engine.control.tunnels.edit({ definition: { ...definition, offer: 'ui' } })).rejects.toThrow(
      /must be one of: companion, codex/,
    );
  });
});

/** A stream of which the first bytes have come. */
function openStream(origin: string, key: string): Promise<http.ClientRequest> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const request = http.request(`${origin}/v1/chat/completions`, { method: 'POST', agent: false, headers });
    request.on('error', reject);
    request.once('response', (reply) => reply.on('error', () => {}).once('data', () => resolve(request)));
    request.end(JSON.stringify({ ...BODY, stream: true }));
  });
}
