import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestEngine, type TestEngine } from '../support/engine.ts';
import { say } from './support.ts';

let engine: TestEngine;
let origin: string;
let key: string;

beforeEach(async () => {
  engine = await startTestEngine();
  const { listeners } = await engine.control.status.get({});
  origin = `http://${listeners.find(({ name }) => name === 'ui')?.address ?? ''}`;
  key = (await engine.control.readKeys.create({ name: 'reader' })).key;
});
afterEach(() => engine.stop());

async function read(path: string, headers: Record<string, string> = { authorization: `Bearer ${key}` }) {
  const reply = await fetch(`${origin}/api${path}`, { headers });
  return { status: reply.status, body: JSON.parse(await reply.text()) };
}

describe('read over HTTP', () => {
  it('are calls, by pages and by query', async () => {
    const ids = [await say(engine, 'one'), await say(engine, 'two'), await say(engine, 'three')].toReversed();
    const page = await read('/calls?limit=2');
    expect(page.body.calls.map(({ id }: { id: number }) => id)).toEqual(ids.slice(0, 2));
    const rest = await read(`/calls?limit=2&before=${page.body.next}`);
    expect(rest.body).toMatchObject({ calls: [{ id: ids[2] }], next: null });
    expect((await read('/calls?query=status:500')).body).toEqual({ calls: [], next: null });
    expect((await read('/calls?client=node')).body.calls).toHaveLength(3);
    expect(await read('/calls?query=nonsense:1')).toMatchObject({ status: 400, body: { code: 'bad_input' } });
    // Left empty it is no number: read as nought it would be the end of the list.
    expect(await read('/calls?before=')).toMatchObject({ status: 400 });
  });

  it('say how they are read, and that a key is wanted', async () => {
    const posted = await fetch(`${origin}/api/calls`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: '{}',
    });
    expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    const nobody = await fetch(`${origin}/api/calls`);
    expect([nobody.status, nobody.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
  });

  it.each([
    ['/calls?limit=none', '"limit" is wrong'],
    ['/calls/none', '"id" is wrong'],
    ['/token-stats?by=colour', '"by" is wrong'],
  ])('names what is wrong with %s', async (path, said) => {
    expect(await read(path)).toMatchObject({ status: 400, body: { code: 'bad_input', message: expect.stringContaining(said) } });
  });

  it('is one call with what it said', async () => {
    const id = await say(engine, 'an unlikely word');
    const { status, body } = await read(`/calls/${id}`);
    expect(status).toBe(200);
    expect(body).toEqual(JSON.parse(JSON.stringify(await engine.control.calls.get({ id }))));
    expect(await read('/calls/7')).toMatchObject({ status: 404, body: { code: 'not_found' } });
  });

  it('are conversations, usage and health', async () => {
    const first = await say(engine, 'one');
    await say(engine, 'one', 'answer', 'two');
    expect((await read('/conversations')).body).toMatchObject({ conversations: [{ id: first, calls: 2 }], next: null });
    expect((await read(`/conversations/${first}`)).body).toMatchObject({ conversation: { id: first }, nodes: [{ call: first }, {}] });
    expect((await read('/token-usage/current')).body).toMatchObject({ windows: [{ numbers: { calls: 2 } }] });
    expect((await read('/token-usage/daily?days=2')).body).toMatchObject({ all: { calls: 2 } });
    expect((await read('/token-stats?by=model')).body).toMatchObject({ totals: [{ group: 'practice/echo', calls: 2 }] });
    expect((await read('/health')).body).toMatchObject({ status: 'ok', version: '0.0.0-test' });
  });

  it('is asked with HEAD as with GET, and answers without the body', async () => {
    await say(engine, 'one');
    for (const path of ['/health', '/calls', '/openapi.json', '/calls/7']) {
      const [head, get] = await Promise.all(
        ['HEAD', 'GET'].map((method) => fetch(`${origin}/api${path}`, { method, headers: { authorization: `Bearer ${key}` } })),
      );
      expect([path, head?.status]).toEqual([path, get?.status]);
      expect(head?.headers.get('content-type')).toBe(get?.headers.get('content-type'));
      expect(await head?.text()).toBe('');
      expect(await get?.text()).not.toBe('');
    }
  });

  it('is described by OpenAPI, from the shapes of the contract', async () => {
    const { body } = await read('/openapi.json');
    expect(body.openapi).toMatch(/^3\.1/);
    expect(Object.keys(body.paths).toSorted()).toEqual([
      '/calls',
      '/calls/{id}',
      '/conversations',
      '/conversations/{id}',
      '/health',
      '/token-stats',
      '/token-usage/current',
      '/token-usage/daily',
    ]);
    const { schema } = body.paths['/calls'].get.responses['200'].content['application/json'];
    expect(schema.properties.calls.items.properties).toHaveProperty('replayOf');
    expect(body.components.securitySchemes).toEqual({ key: { type: 'http', scheme: 'bearer' } });
    for (const path of Object.values<object>(body.paths)) expect(Object.keys(path)).toEqual(['get']);
  });

  it('may be by a window that has a session, too', async () => {
    const arrival = await fetch(engine.headless.link(), { redirect: 'manual' });
    const cookie = arrival.headers.get('set-cookie')?.split(';')[0] ?? '';
    expect((await read('/health', { cookie })).status).toBe(200);
    expect((await read('/health', { cookie, authorization: 'Bearer db_read_wrong' })).status).toBe(401);
  });
});
