import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startCopilotTest, type CopilotRoute, type CopilotTest } from '../accounts/copilot.support.ts';
import { runtimes, sessionToken } from '../fakes/copilot-sdk/index.ts';
import { sendRaw, statusOf } from '../support/raw.ts';

let test: CopilotTest;
let port: number;

beforeAll(async () => {
  test = await startCopilotTest();
  await test.signIn('device');
  port = Number(test.origin().split(':').at(-1));
});
afterAll(() => test.stop());

const BODY = '{"model":"gpt-4.1","messages":[{"role":"user","content":"hello"}]}';

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
const lastCall = () => test.github.server.seen.filter(({ body }) => body.toString().startsWith('{')).at(-1);

describe('the copilot bridge’s own listener', () => {
  it('serves the request all of these are variations of', async () => expect(await status()).toBe(200));
  it.each([
    [{ host: 'evil.com' }, 421],
    [{ host: '0.0.0.0:3254' }, 421],
    [{ origin: 'https://evil.com' }, 403],
    [{ origin: 'null' }, 403],
    [{ 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }, 403],
    [{ authorization: undefined }, 401],
    [{ authorization: 'Bearer db_guessed0123456789012345678901234567890123' }, 401],
    [{ authorization: 'Bearer gho_CANARY0123456789012345678901234567' }, 401],
    [{ 'content-type': 'text/plain' }, 415],
  ])('answers %j with %i', async (headers, wanted) => expect(await status(headers)).toBe(wanted));
  it.each([
    'POST /rpc/bridges/list',
    'POST /copilot_internal/user',
    'POST /copilot_internal/v2/token',
    'POST /v1/../copilot_internal/user',
    'POST /login/oauth/access_token',
    'POST /backend-api/codex/responses',
    'POST /models',
  ])('has no door at %s', async (line) => expect([400, 404]).toContain(await status({}, `${line} HTTP/1.1`)));
  it('forwards nothing of the caller’s own credentials, cookies or names', async () => {
    await sendRaw(
      port,
      call({
        cookie: 'a=CANARY-cookie',
        'x-api-key': test.engine.key,
        'copilot-session-token': 'CANARY-foreign',
        'copilot-integration-id': 'vscode-chat',
        'editor-version': 'vscode/1.0',
        'user-agent': 'GitHubCopilotChat/1.0',
        'x-initiator': 'agent',
      }),
    );
    const { headers } = lastCall() ?? { headers: {} };
    expect(headers).toMatchObject({
      authorization: `Bearer ${test.github.token}`,
      'user-agent': 'Drawbridge/0.0.0-test',
      // Who pays is not the caller's to say.
      'x-initiator': 'user',
    });
    for (const name of ['cookie', 'x-api-key', 'copilot-session-token', 'copilot-integration-id', 'editor-version'])
      expect(headers).not.toHaveProperty(name);
  });
  it('does not let a body choose where a call goes', async () => {
    const before = test.github.server.seen.length;
    const reply = await test.call(
      '/v1/chat/completions',
      { model: 'gpt-4.1', messages: [], base_url: 'https://evil.com' },
      { origin: test.origin() },
    );
    expect(reply.status).toBe(400);
    expect(test.github.server.seen).toHaveLength(before);
  });
  it('does not take a client’s key for the app’s own, whatever it is named', async () => {
    const { key } = await test.engine.control.keys.create({ name: 'Drawbridge itself' });
    await test.engine.control.bridges.setScope({ bridge: 'copilot', route: 'device', scope: ['app'] });
    expect((await test.call('/v1/chat/completions', { model: 'copilot/gpt-4.1', messages: [] }, { key })).status).toBe(403);
    await test.engine.control.bridges.setScope({ bridge: 'copilot', route: 'device', scope: ['app', 'clients'] });
  });
  it('tells nothing of the account at /health without a key', async () => {
    const open: unknown = await (await fetch(`${test.origin()}/health`)).json();
    expect(Object.keys(open as object).toSorted()).toEqual(['bridge', 'enabled', 'name', 'route', 'state', 'status', 'version']);
  });
});

describe.each<CopilotRoute>(['device', 'sdk'])('secrets of a sign-in by %s', (route) => {
  it('stand in no file, log, row, child, environment, answer or event, whatever happens to it', async () => {
    const told: string[] = [];
    const mine = await startCopilotTest({
      headless: {
        run: async (command, args, options) => {
          told.push(JSON.stringify([command, args, options]));
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
      const messages = [{ role: 'user', content: 'Hello' }];
      for (const [at, body] of [
        ['/v1/chat/completions', { model: 'copilot/gpt-4.1', messages }],
        ['/v1/responses', { model: 'copilot/gpt-5.4', input: 'x' }],
        ['/v1/messages', { model: 'copilot/claude-sonnet-4.6', messages, max_tokens: 5 }],
        ['/v1/messages', { model: 'copilot/gpt-5.4', messages, max_tokens: 5 }],
      ] as const) {
        const reply = await mine.call(at, body);
        told.push(reply.text, JSON.stringify([...reply.headers]));
      }
    };
    mine.github.expiresIn = 28_800;
    mine.github.sessionToken = route === 'sdk' ? 'CANARY-session' : null;
    sessionToken.next = { token: 'CANARY-session', expiresAt: new Date(Date.now() + 3_600_000).toISOString() };
    told.push(JSON.stringify(await mine.signIn(route)));
    await calls();
    mine.github.callAnswer = { status: 500, body: { error: { message: 'It broke' } } };
    await calls();
    mine.github.outage = 'failing';
    await control.bridges.retry({ bridge: 'copilot' });
    await calls();
    mine.github.outage = 'none';
    mine.github.revoked = true;
    await control.bridges.retry({ bridge: 'copilot' });
    await calls();
    mine.github.revoked = false;
    await mine.signIn(route);
    await calls();
    for (const question of [
      control.status.get({}),
      control.bridges.list({}),
      control.settings.get({}),
      control.doctor.run({ bridge: 'copilot' }),
    ])
      told.push(JSON.stringify(await question));
    const { calls: rows } = await control.calls.list({ limit: 100 });
    for (const { id } of rows) told.push(JSON.stringify(await control.calls.get({ id })));
    await control.bridges.signOut({ bridge: 'copilot' });
    sessionToken.next = undefined;
    listening.abort();
    // A listener that is just busy with an event may miss the abort; the engine's end it can't miss.
    await mine.engine.headless.stop();
    await events;

    // What is searched is really there.
    expect(told.join()).toContain('octofake');
    expect(rows.length).toBeGreaterThan(12);
    for (const text of told) expect(text).not.toMatch(/CANARY/);
    for (const file of readdirSync(mine.engine.home, { recursive: true, withFileTypes: true })) {
      if (!file.isFile()) continue;
      const text = readFileSync(path.join(file.parentPath, file.name), 'latin1');
      expect([file.name, text.includes('CANARY')]).toEqual([file.name, false]);
    }
    expect(JSON.stringify([process.argv, process.env, runtimes])).not.toContain('CANARY');
    await mine.stop();
  });
});
