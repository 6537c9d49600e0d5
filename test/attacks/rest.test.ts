import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestEngine, type TestEngine } from '../support/engine.ts';
import { sendRaw, statusOf } from '../support/raw.ts';

let engine: TestEngine;
let port: number;
let key: string;
let id: string;

beforeAll(async () => {
  engine = await startTestEngine();
  const { listeners } = await engine.control.status.get({});
  port = Number(listeners.find(({ name }) => name === 'ui')?.address?.split(':')[1]);
  ({ key, id } = await engine.control.readKeys.create({ name: 'reader' }));
});
afterAll(() => engine.stop());

type Change = { line?: string; headers?: Record<string, string | undefined>; port?: number };

async function status({ line = 'GET /api/calls HTTP/1.1', headers = {}, port: to = port }: Change): Promise<number> {
  const all: Record<string, string | undefined> = {
    host: `127.0.0.1:${to}`,
    authorization: `Bearer ${key}`,
    connection: 'close',
    ...headers,
  };
  const lines = Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`]));
  return statusOf(await sendRaw(to, `${line}\r\n${lines.join('\r\n')}\r\n\r\n`));
}

it('serves the read all of these are variations of', async () => {
  expect(await status({})).toBe(200);
});

describe('who may read', () => {
  it.each([
    ['no key', undefined],
    ['a wrong key', `Bearer db_read_${'x'.repeat(43)}`],
    ['an empty key', 'Bearer '],
    ['another scheme', 'Basic ZGI6eA=='],
  ])('not one with %s', async (_name, authorization) => {
    expect(await status({ headers: { authorization } })).toBe(401);
    expect(await status({ line: 'GET /api/openapi.json HTTP/1.1', headers: { authorization } })).toBe(401);
    expect(await status({ line: 'GET /api/health HTTP/1.1', headers: { authorization } })).toBe(401);
  });

  it('not one with a key for calls, and no call is served with a key for reading', async () => {
    expect(await status({ headers: { authorization: `Bearer ${engine.key}` } })).toBe(401);
    for (const { address } of (await engine.control.status.get({})).bridges) {
      const to = Number(address?.split(':')[1]);
      expect(await status({ line: 'GET /v1/models HTTP/1.1', port: to })).toBe(401);
    }
    expect(await status({ line: 'GET /v1/models HTTP/1.1', port: engine.port })).toBe(401);
    expect(await status({ line: `GET /k/${key}/v1/models HTTP/1.1`, port: engine.port, headers: { authorization: undefined } })).toBe(401);
  });

  it('not one whose key opens the window', async () => {
    expect(await status({ line: 'GET /rpc/calls/list HTTP/1.1' })).toBe(401);
    expect(await status({ line: 'GET / HTTP/1.1' })).toBe(401);
  });

  it('not one whose key was revoked', async () => {
    const { key: other, id: otherId } = await engine.control.readKeys.create({ name: 'leaves' });
    expect(await status({ headers: { authorization: `Bearer ${other}` } })).toBe(200);
    await engine.control.readKeys.revoke({ id: otherId });
    expect(await status({ headers: { authorization: `Bearer ${other}` } })).toBe(401);
    expect(id).not.toBe(otherId);
  });

  it.each(['evil.example', '0.0.0.0', 'localhost.'])('not one that calls us %s', async (name) => {
    expect(await status({ headers: { host: `${name}:${port}` } })).toBe(421);
  });

  it('not a page of another origin, key or not', async () => {
    expect(await status({ headers: { origin: 'http://evil.example' } })).toBe(403);
    expect(await status({ headers: { 'sec-fetch-site': 'cross-site' } })).toBe(403);
    expect(await status({ headers: { 'sec-fetch-site': 'same-site' } })).toBe(403);
  });
});

describe('what may be done', () => {
  it.each(['PUT', 'DELETE', 'PATCH', 'OPTIONS'])('not %s', async (method) => {
    expect(await status({ line: `${method} /api/calls HTTP/1.1` })).toBe(405);
  });

  it('nothing but reading', async () => {
    expect(await status({ line: 'POST /api/calls HTTP/1.1', headers: { 'content-type': 'application/json', 'content-length': '0' } })).toBe(
      405,
    );
  });

  it.each(['/api/../settings.json', '/api/%2e%2e/x', '/api//calls/..', '/api/calls/%2f'])('nothing by the path %s', async (path) => {
    expect(await status({ line: `GET ${path} HTTP/1.1` })).toBe(400);
  });

  it.each(['/api/keys', '/api/settings', '/api/bridges', '/api/calls/1/replay', '/api/__proto__'])('there is no %s', async (path) => {
    expect(await status({ line: `GET ${path} HTTP/1.1` })).toBe(404);
  });

  it('nothing of it on a data listener', async () => {
    for (const authorization of [`Bearer ${key}`, `Bearer ${engine.key}`]) {
      expect(await status({ port: engine.port, headers: { authorization } })).toBeGreaterThanOrEqual(401);
    }
    expect(await status({ port: engine.port, headers: { authorization: `Bearer ${engine.key}` } })).toBe(404);
  });
});
