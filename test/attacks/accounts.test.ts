import { readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KEY, startCodexTest, type CodexTest } from '../accounts/codex.support.ts';
import { sendRaw, statusOf } from '../support/raw.ts';

let test: CodexTest;
let port: number;
let callbackPort: number;
let url: string;

beforeAll(async () => {
  test = await startCodexTest();
  await test.signIn('api-key', KEY);
  port = Number((await test.origin()).split(':').at(-1));
  const begun = await test.engine.control.bridges.signIn({ bridge: 'codex', route: 'chatgpt', agree: true });
  url = begun.url ?? '';
  callbackPort = Number(new URL(new URL(url).searchParams.get('redirect_uri') ?? '').port);
});
afterAll(() => test.stop());

const BODY = '{"model":"gpt-5.5","messages":[{"role":"user","content":"hello"}]}';

function call(headers: Record<string, string | undefined> = {}, line = 'POST /v1/chat/completions HTTP/1.1'): string {
  const all: Record<string, string | undefined> = {
    host: `127.0.0.1:${port}`,
    authorization: `Bearer ${test.engine.key}`,
    'content-type': 'application/json',
    'content-length': String(BODY.length),
    connection: 'close',
    ...headers,
  };
  const lines = Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`]));
  return `${line}\r\n${lines.join('\r\n')}\r\n\r\n${line.startsWith('POST') ? BODY : ''}`;
}
const status = async (headers?: Record<string, string | undefined>, line?: string): Promise<number> =>
  statusOf(await sendRaw(port, call(headers, line)));

describe('the codex bridge’s own listener', () => {
  it('serves the request all of these are variations of', async () => expect(await status()).toBe(200));
  it.each([
    [{ host: 'evil.com' }, 421],
    [{ host: '0.0.0.0:3253' }, 421],
    [{ origin: 'https://evil.com' }, 403],
    [{ origin: 'null' }, 403],
    [{ 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }, 403],
    [{ authorization: undefined }, 401],
    [{ authorization: 'Bearer db_guessed0123456789012345678901234567890123' }, 401],
    [{ authorization: `Bearer ${KEY}` }, 401],
    [{ 'content-type': 'text/plain' }, 415],
  ])('answers %j with %i', async (headers, wanted) => expect(await status(headers)).toBe(wanted));
  it('declines WebSockets, so that Codex falls back to HTTP', async () => {
    const line = 'GET /v1/responses HTTP/1.1';
    expect(await status({ upgrade: 'websocket', connection: 'Upgrade', 'content-length': undefined }, line)).toBe(426);
  });
  it.each(['POST /rpc/bridges/list', 'POST /backend-api/codex/responses/x', 'POST /v1/../rpc', 'POST /signin', 'POST /auth/callback'])(
    'has no door at %s',
    async (line) => expect([400, 404]).toContain(await status({}, `${line} HTTP/1.1`)),
  );
  it('forwards nothing of the caller’s own credentials or cookies, whatever the path', async () => {
    await sendRaw(port, call({ cookie: 'a=CANARY', 'chatgpt-account-id': 'other', 'x-api-key': test.engine.key }));
    const headers = test.openai.seen.at(-1)?.headers;
    expect(headers).toMatchObject({ authorization: `Bearer ${KEY}` });
    expect(headers).not.toHaveProperty('cookie');
    expect(headers).not.toHaveProperty('chatgpt-account-id');
    expect(headers).not.toHaveProperty('x-api-key');
  });
  it('does not let a body choose where a call goes', async () => {
    const reply = await test.call(
      '/v1/chat/completions',
      { model: 'gpt-5.5', messages: [], base_url: 'https://evil.com' },
      { origin: await test.origin() },
    );
    expect(reply.status).toBe(400);
  });
  it('does not take a client’s key for the app’s own, whatever it is named', async () => {
    const { key } = await test.engine.control.keys.create({ name: 'Drawbridge itself' });
    await test.engine.control.bridges.setScope({ bridge: 'codex', route: 'api-key', scope: ['app'] });
    expect((await test.call('/v1/chat/completions', { model: 'codex/gpt-5.5', messages: [] }, { key })).status).toBe(403);
    await test.engine.control.bridges.setScope({ bridge: 'codex', route: 'api-key', scope: ['app', 'clients'] });
  });
});

describe('the address a sign-in comes back to', () => {
  const land = (query: string, headers: Record<string, string> = {}, line = `GET /auth/callback${query} HTTP/1.1`): Promise<string> => {
    const all = { host: `127.0.0.1:${callbackPort}`, connection: 'close', ...headers };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
    return sendRaw(callbackPort, `${line}\r\n${lines.join('\r\n')}\r\n\r\n`);
  };
  const arriving = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };

  it.each(['', '?', '?state=', '?code=x', '?code=x&state=guess', '?error=access_denied&state=guess', '?state=guess&state=guess2&code=x'])(
    'believes nothing of "%s"',
    async (query) => expect(statusOf(await land(query, arriving))).toBe(400),
  );
  it('does not take a state that is told twice', async () => {
    const state = new URL(url).searchParams.get('state') ?? '';
    expect(statusOf(await land(`?code=x&state=${state}&state=${state}`, arriving))).toBe(400);
  });
  it.each([
    [{ host: 'evil.com' }, 421],
    [{ host: 'localhost.evil.com' }, 421],
    [{ origin: 'https://evil.com' }, 403],
    [{ ...arriving, 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' }, 403],
    [{ ...arriving, 'sec-fetch-dest': 'iframe' }, 403],
    [{ ...arriving, 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' }, 403],
  ])('refuses %j', async (headers, wanted) =>
    expect(statusOf(await land('?code=x&state=y', headers as Record<string, string>))).toBe(wanted),
  );
  it('has no other path, and takes a browser in at none of them', async () => {
    expect(statusOf(await land('', {}, 'GET / HTTP/1.1'))).toBe(404);
    expect(statusOf(await land('', arriving, 'GET /other HTTP/1.1'))).toBe(403);
  });
  it('shows a page that loads and tells nothing', async () => {
    const answer = await land('?code=x&state=guess', arriving);
    expect(answer).toContain("default-src 'none'");
    expect(answer).toContain('referrer-policy: no-referrer');
    expect(answer).not.toContain('guess');
  });
  it('is still waiting after all that, and gone once the sign-in has ended', async () => {
    expect((await test.bridge()).state).toBe('signing_in');
    await test.openai.person(url, 'allow');
    await test.until(({ state }) => state === 'ready');
    await expect(sendRaw(callbackPort, 'GET / HTTP/1.1\r\n\r\n')).rejects.toThrow();
  });
});

describe('secrets', () => {
  it('stand in no file, log, row, child, answer or event, whatever happens to a sign-in', async () => {
    const children: string[] = [];
    const told: string[] = [];
    const openai = test.openai;
    const mine = await startCodexTest({
      openai,
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
    const ask = { model: 'codex/gpt-5.5', messages: [{ role: 'user', content: 'Hello' }] };
    const calls = async (): Promise<void> => {
      for (const where of ['/v1/chat/completions', '/v1/responses', '/v1/messages']) {
        const body = where === '/v1/responses' ? { model: ask.model, input: 'x', stream: true } : { ...ask, max_tokens: 5 };
        const reply = await mine.call(where, body, { key: mine.appKey });
        told.push(reply.text, JSON.stringify([...reply.headers]));
      }
    };

    told.push(JSON.stringify(await mine.signIn('api-key', KEY)));
    await calls();
    const begun = await control.bridges.signIn({ bridge: 'codex', route: 'chatgpt', agree: true });
    told.push(JSON.stringify(begun));
    const page = await openai.person(begun.url ?? '', 'allow');
    told.push(page.text, JSON.stringify(await mine.until(({ route }) => route === 'chatgpt')));
    await calls();
    openai.mood.callAnswer = { status: 403, body: { error: { code: 'chatpass_v2_scope_not_authorized', message: 'no' } } };
    await calls();
    openai.disconnect();
    await calls();
    openai.mood.idToken = 'wrong_key';
    await mine.signIn('chatgpt');
    openai.mood.idToken = 'good';
    await control.gateway.set({ baseUrl: openai.baseUrl, key: 'CANARY-gateway-key' });
    for (const question of [control.status.get({}), control.bridges.list({}), control.settings.get({}), control.doctor.run({})])
      told.push(JSON.stringify(await question));
    const { calls: rows } = await control.calls.list({ limit: 100 });
    for (const { id } of rows) told.push(JSON.stringify(await control.calls.get({ id })));
    await control.bridges.signOut({ bridge: 'codex' });
    listening.abort();
    // A listener that is just busy with an event may miss the abort; the engine's end it can't miss.
    await mine.engine.headless.stop();
    await events;

    // What is searched is really there: the answers name the account, the rows hold what was said.
    expect(told.join()).toContain('user@example.com');
    expect(rows.length).toBeGreaterThan(8);
    for (const text of [...told, ...children]) expect(text).not.toContain('CANARY');
    for (const file of readdirSync(mine.engine.home, { recursive: true, withFileTypes: true })) {
      if (!file.isFile()) continue;
      expect([file.name, readFileSync(path.join(file.parentPath, file.name), 'latin1').includes('CANARY')]).toEqual([file.name, false]);
    }
    expect(JSON.stringify([process.argv, process.env])).not.toContain('CANARY');
    rmSync(mine.engine.home, { recursive: true, force: true });
  });
});
