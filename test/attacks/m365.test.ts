import { readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startM365Test, type M365Test } from '../accounts/m365.support.ts';
import { sendRaw, statusOf } from '../support/raw.ts';

let test: M365Test;
let port: number;
let url: string;
let landingPort: number;
beforeAll(async () => {
  test = await startM365Test();
  await test.signIn();
  port = Number(test.origin().split(':').at(-1));
  url = (await test.engine.control.bridges.signIn({ bridge: 'm365', route: 'graph' })).url ?? '';
  landingPort = Number(new URL(new URL(url).searchParams.get('redirect_uri') ?? '').port);
});
afterAll(() => test.stop());

const BODY = '{"model":"copilot","messages":[{"role":"user","content":"hello"}]}';
type Headers = Record<string, string | undefined>;

function raw(to: number, line: string, headers: Headers, body: string): Promise<string> {
  const all: Headers = { host: `127.0.0.1:${to}`, 'content-length': String(Buffer.byteLength(body)), connection: 'close', ...headers };
  const lines = Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`]));
  return sendRaw(to, `${line}\r\n${lines.join('\r\n')}\r\n\r\n${body}`);
}

describe('the m365 bridge’s own listener', () => {
  const status = async (headers: Headers = {}, line = 'POST /v1/chat/completions HTTP/1.1'): Promise<number> => {
    const own = { authorization: `Bearer ${test.engine.key}`, 'content-type': 'application/json' };
    return statusOf(await raw(port, line, { ...own, ...headers }, BODY));
  };
  it('serves the request all of these are variations of', async () => expect(await status()).toBe(200));
  it.each([
    [{ host: 'evil.com' }, 421],
    [{ host: '127.0.0.1.nip.io:3255' }, 421],
    [{ origin: 'https://evil.com' }, 403],
    [{ origin: 'null' }, 403],
    [{ origin: 'https://login.microsoftonline.com' }, 403],
    [{ 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }, 403],
    [{ authorization: undefined }, 401],
    [{ authorization: 'Bearer db_guessed0123456789012345678901234567890123' }, 401],
    [{ 'content-type': 'text/plain' }, 415],
    [{ 'content-type': 'application/x-www-form-urlencoded' }, 415],
  ])('answers %j with %i', async (headers, wanted) => expect(await status(headers)).toBe(wanted));
  it('declines WebSockets', async () => expect(await status({ upgrade: 'websocket', connection: 'Upgrade' })).toBe(426));
  it.each(['POST /rpc/bridges/list', 'POST /', 'POST /beta/copilot/conversations', 'POST /rest/conversations', 'POST /v1/../rpc'])(
    'has no door at %s',
    async (line) => expect([400, 404]).toContain(await status({}, `${line} HTTP/1.1`)),
  );
  it('forwards nothing of the caller’s own', async () => {
    await status({ cookie: 'a=b', 'x-api-key': test.engine.key, 'x-drawbridge-drop': 'tools', 'user-agent': 'evil/1' });
    const sent = test.microsoft.seen.at(-1)?.headers;
    expect(sent?.['user-agent']).toBe('Drawbridge/0.0.0-test');
    for (const name of ['cookie', 'x-api-key', 'x-drawbridge-drop']) expect(sent).not.toHaveProperty(name);
    expect(JSON.stringify(sent)).not.toContain(test.engine.key);
  });
  it('lets neither a body nor a conversation’s name choose where a call goes', async () => {
    const reply = await test.call('/v1/chat/completions', { model: 'm365/copilot', messages: [], base_url: 'https://evil.com' });
    expect(reply.status).toBe(400);
    test.microsoft.mood.conversationId = '../../../evil?x=';
    expect((await test.call('/v1/chat/completions', { ...JSON.parse(BODY), model: 'm365/copilot' })).status).toBe(200);
    expect(test.microsoft.seen.at(-1)?.url).toBe('/beta/copilot/conversations/..%2F..%2F..%2Fevil%3Fx%3D/chat');
    test.microsoft.mood.conversationId = null;
  });
});

describe('the address a sign-in comes back to', () => {
  const arriving = {
    'content-type': 'application/x-www-form-urlencoded',
    origin: 'null',
    'sec-fetch-site': 'cross-site',
    'sec-fetch-mode': 'navigate',
    'sec-fetch-dest': 'document',
  };
  const land = (form: string, headers: Headers = {}, line = 'POST / HTTP/1.1'): Promise<string> =>
    raw(landingPort, line, { ...arriving, ...headers }, form);
  const state = (): string => encodeURIComponent(new URL(url).searchParams.get('state') ?? '');

  it.each(['', 'code=x', 'code=x&state=', 'code=x&state=guess', 'error=access_denied&state=guess', 'state=guess&state=guess2&code=x'])(
    'believes nothing of "%s"',
    async (form) => expect(statusOf(await land(form))).toBe(400),
  );
  it('does not take a state that is told twice, nor one without an answer, nor a code beside an error', async () => {
    expect(statusOf(await land(`code=x&state=${state()}&state=${state()}`))).toBe(400);
    expect(statusOf(await land(`state=${state()}`))).toBe(400);
  });
  it('takes no answer out of an address', async () => {
    const get = `GET /?code=x&state=${state()} HTTP/1.1`;
    expect(statusOf(await land('', { 'content-type': undefined }, get))).toBe(403);
    expect(statusOf(await raw(landingPort, get, {}, ''))).toBe(404);
  });
  it.each([
    [{ host: 'evil.com' }, 421],
    [{ host: 'localhost.evil.com' }, 421],
    [{ origin: 'https://evil.com' }, 403],
    [{ 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' }, 403],
    [{ 'sec-fetch-dest': 'iframe' }, 403],
    [{ 'content-type': 'text/plain' }, 403],
    [{ 'content-type': 'multipart/form-data; boundary=x' }, 403],
    [{ 'content-length': '999999999' }, 400],
  ])('refuses %j', async (headers, wanted) => expect(statusOf(await land(`code=x&state=${state()}`, headers))).toBe(wanted));
  it('has no other path', async () => {
    expect(statusOf(await land(`code=x&state=${state()}`, {}, 'POST /other HTTP/1.1'))).toBe(403);
    expect(statusOf(await raw(landingPort, 'GET / HTTP/1.1', {}, ''))).toBe(404);
  });
  it('shows a page that loads and tells nothing', async () => {
    const answer = await land('code=x&state=guess');
    expect(answer).toContain("default-src 'none'");
    expect(answer).toContain('referrer-policy: no-referrer');
    expect(answer).not.toContain('guess');
  });
  it('is still waiting after all that; a code that was not given for this verifier is worth nothing', async () => {
    expect(test.bridge().state).toBe('signing_in');
    const other = await test.engine.control.bridges.signIn({ bridge: 'm365', route: 'graph' });
    const stolen = new URL(other.url ?? '');
    stolen.searchParams.set('code_challenge', 'A'.repeat(43));
    const before = test.bridge().accounts;
    await test.microsoft.person(stolen.href, 'allow');
    expect(await test.until(({ state: now }) => now !== 'signing_in')).toMatchObject({ reason: expect.stringContaining('AADSTS501481') });
    expect(test.bridge().accounts).toEqual(before);
  });
  it('is gone once the sign-in has ended', async () => {
    await expect(sendRaw(landingPort, 'GET / HTTP/1.1\r\n\r\n')).rejects.toThrow();
  });
});

describe('secrets', () => {
  it('stand in no file, log, row, child, answer or event, whatever happens to a sign-in', async () => {
    const children: string[] = [];
    const told: string[] = [];
    const { microsoft } = test;
    const mine = await startM365Test({
      microsoft,
      headless: {
        run: async (command, args, options) => {
          children.push(JSON.stringify([command, args, options]));
          return { code: 0, stdout: '', stderr: '' };
        },
      },
    });
    const { control } = mine.engine;
    await control.settings.update({ patch: { log: { level: 'debug' } } });
    const listening = new AbortController();
    const events = (async () => {
      for await (const event of await control.events({}, { signal: listening.signal })) told.push(JSON.stringify(event));
    })().catch(() => undefined);
    const calls = async (): Promise<void> => {
      for (const where of ['/v1/chat/completions', '/v1/messages']) {
        for (const stream of [true, false]) {
          const reply = await mine.call(where, { ...JSON.parse(BODY), model: 'm365/copilot', max_tokens: 5, stream });
          told.push(reply.text, JSON.stringify([...reply.headers]));
        }
      }
    };
    const begun = await control.bridges.signIn({ bridge: 'm365', route: 'graph', agree: true });
    told.push(JSON.stringify(begun));
    const page = await microsoft.person(begun.url ?? '', 'allow');
    told.push(page.text, JSON.stringify(await mine.until(({ state }) => state === 'ready')));
    await control.bridges.setScope({ bridge: 'm365', route: 'graph', scope: ['app', 'clients'] });
    await calls();
    microsoft.mood.licence = false;
    await calls();
    for (const check of await control.doctor.run({ bridge: 'm365' })) told.push(JSON.stringify(check));
    microsoft.mood.licence = true;
    microsoft.mood.challenge = JSON.stringify({ access_token: { nbf: { essential: true, value: '1' } } });
    await calls();
    microsoft.mood.challenge = null;
    microsoft.revoke();
    await calls();
    microsoft.mood.device = 'allowed';
    told.push(JSON.stringify(await control.bridges.signIn({ bridge: 'm365', route: 'work-iq', agree: true, byCode: true })));
    await mine.until(({ route }) => route === 'work-iq');
    for (const question of [control.status.get({}), control.bridges.list({}), control.settings.get({}), control.doctor.run({})])
      told.push(JSON.stringify(await question));
    const { calls: rows } = await control.calls.list({ limit: 100 });
    for (const { id } of rows) told.push(JSON.stringify(await control.calls.get({ id })));
    listening.abort();
    // A listener that is just busy with an event may miss the abort; the engine's end it can't miss.
    await mine.engine.headless.stop();
    await events;

    // What is searched is really there: the answers name the account, the rows hold what was said.
    expect(told.join()).toContain('adele@contoso.example');
    expect(rows.length).toBeGreaterThan(12);
    for (const text of [...told, ...children]) expect(text).not.toContain('CANARY');
    for (const file of readdirSync(mine.engine.home, { recursive: true, withFileTypes: true })) {
      if (!file.isFile()) continue;
      expect([file.name, readFileSync(path.join(file.parentPath, file.name), 'latin1').includes('CANARY')]).toEqual([file.name, false]);
    }
    expect(JSON.stringify([process.argv, process.env])).not.toContain('CANARY');
    rmSync(mine.engine.home, { recursive: true, force: true });
  });
});
