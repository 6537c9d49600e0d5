import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { startTestEngine, type TestEngine } from '../support/engine.ts';

let engine: TestEngine;
beforeEach(async () => {
  engine = await startTestEngine({ settings: { log: { level: 'debug' } } });
});
afterEach(() => engine.stop());

const lines = (event: string): Record<string, unknown>[] =>
  readFileSync(path.join(engine.home, 'logs', 'drawbridge.log'), 'utf8')
    .split('\n')
    .filter((line) => line.includes(`"event":"${event}"`))
    .map((line) => JSON.parse(line));

async function say(text: string): Promise<void> {
  const stored = engine.call(({ state }) => state === 'done');
  const reply = await fetch(`${engine.origin}/k/${engine.key}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'practice/echo', messages: [{ role: 'user', content: text }] }),
  });
  expect(await reply.text()).toContain('xyzzy');
  await stored;
}

it('a log that is to tell all tells calls and what is asked of the history, and never what was said or looked for', async () => {
  await say("say 'xyzzy'");
  await vi.waitFor(() =>
    expect(lines('call')).toMatchObject([{ level: 'debug', upstream: 'practice', status: 200, model: 'practice/echo' }]),
  );
  const { calls } = await engine.control.calls.list({ query: "'xyzzy' client:node" });
  expect(calls).toHaveLength(1);
  await vi.waitFor(() => expect(lines('capture.sql').map(({ sql }) => sql)).toContainEqual(expect.stringMatching(/from calls .*\?/)));
  const written = readFileSync(path.join(engine.home, 'logs', 'drawbridge.log'), 'utf8');
  expect(written).not.toContain('xyzzy');
  expect(written).not.toContain(engine.key);
});

it('a log that is to tell no more than usual does not, from the moment on that this is set', async () => {
  await engine.control.settings.update({ patch: { log: { level: 'info' } } });
  const before = lines('call').length;
  await say('xyzzy');
  expect(lines('call')).toHaveLength(before);
});
