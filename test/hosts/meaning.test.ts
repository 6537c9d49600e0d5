import { afterEach, describe, expect, it, vi } from 'vitest';
import { callLine } from '../../bridges/capture/export/jsonl.ts';
import { idAt } from '../../bridges/capture/recorder.ts';
import { showCalls } from '../../bridges/hosts/cli/calls.ts';
import { usage } from '../../bridges/hosts/cli/meaning.ts';
import { callRow } from '../capture/rows.ts';
import { startTestEngine, type TestEngine } from '../support/engine.ts';

let engine: TestEngine | undefined;
afterEach(async () => {
  vi.unstubAllEnvs();
  await engine?.stop();
  engine = undefined;
});

type Message = { role: string; content: string };

/** One practice call; resolves with its row once it is stored. */
async function say(to: TestEngine, messages: Message[]): Promise<number> {
  const stored = to.call(
    (call) => call.state === 'done' && call.requestBytes === Buffer.byteLength(JSON.stringify({ model: 'practice/echo', messages })),
  );
  const reply = await fetch(`${to.origin}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${to.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'practice/echo', messages }),
  });
  expect(reply.status).toBe(200);
  await reply.text();
  return (await stored).id;
}

const HISTORY: Message[] = [
  { role: 'user', content: 'first question' },
  { role: 'assistant', content: 'an answer' },
  { role: 'user', content: 'second question' },
];

describe('an engine that has served a conversation', () => {
  it('shows it as one, with its prompts compared and its usage summed', async () => {
    engine = await startTestEngine();
    const first = await say(engine, HISTORY.slice(0, 1));
    const second = await say(engine, HISTORY);
    const { conversations, next } = await engine.control.conversations.list({});
    expect(conversations).toHaveLength(1);
    expect(next).toBeNull();
    expect(conversations[0]).toMatchObject({ id: first, title: 'first question', calls: 2, failed: 0 });
    const tree = await engine.control.conversations.tree({ id: second });
    expect(tree.nodes.map(({ call, parent, kind, line, title }) => [call, parent, kind, line, title])).toEqual([
      [first, null, 'turn', 'main', 'first question'],
      [second, first, 'turn', 'main', 'second question'],
    ]);
    const why = await engine.control.conversations.why({ call: second });
    expect(why).toMatchObject({ previous: first, shared: { elements: 1 }, broke: null });
    expect(await engine.control.conversations.identity({ call: second })).toMatchObject({
      adapter: 'openai',
      source: 'hash',
      session: null,
    });
    const usage = await engine.control.usage.series({ by: 'bridge' });
    expect(usage.totals[0]).toMatchObject({ group: 'practice', calls: 2, cost: { usd: 0 } });
    expect((await engine.control.usage.window5h({}))[0]?.numbers.calls).toBe(2);
    expect((await engine.control.usage.window5h({ by: 'kind' }))[0]).toMatchObject({ group: 'turn', numbers: { calls: 2, toolCalls: 0 } });
    expect((await engine.control.usage.series({ by: 'kind' })).totals[0]).toMatchObject({ group: 'turn', calls: 2, toolCalls: 0 });
    expect((await engine.control.adapters.list({})).adapters.map(({ name }) => name)).toEqual([
      'claude',
      'codex',
      'copilot',
      'practice',
      'openai',
    ]);
    expect((await engine.control.usage.prices({})).problem).toBeNull();
    await expect(engine.control.conversations.tree({ id: 1 })).rejects.toMatchObject({ code: 'not_found' });
  });
  it('does not take the counting of a prompt for a part of it, whoever counts', async () => {
    engine = await startTestEngine();
    const counted = engine.call(({ path }) => path.endsWith('/count_tokens'));
    const reply = await fetch(`${engine.origin}/v1/messages/count_tokens`, {
      method: 'POST',
      headers: { authorization: `Bearer ${engine.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'practice/echo', messages: HISTORY.slice(0, 1), tools: [] }),
    });
    expect(reply.status).toBe(200);
    await counted;
    const first = await say(engine, HISTORY.slice(0, 1));
    const { conversations } = await engine.control.conversations.list({});
    expect(conversations).toMatchObject([{ id: first, calls: 1 }]);
    const { totals } = await engine.control.usage.series({ by: 'kind' });
    expect(new Map(totals.map(({ group, calls }) => [group, calls]))).toEqual(
      new Map([
        ['turn', 1],
        ['side', 1],
      ]),
    );
  });
  it('says where a prompt broke', async () => {
    engine = await startTestEngine();
    await say(engine, [{ role: 'system', content: 'It is 10:00.' }, ...HISTORY.slice(0, 1)]);
    const changed = await say(engine, [{ role: 'system', content: 'It is 10:01.' }, ...HISTORY]);
    expect((await engine.control.conversations.why({ call: changed })).broke).toMatchObject({
      section: 'history',
      index: 0,
      reason: 'message 1 (system) changed',
      before: expect.stringContaining('10:00'),
      after: expect.stringContaining('10:01'),
    });
  });
});

describe('on the command line', () => {
  it('days and times are those of whoever asks', async () => {
    vi.stubEnv('TZ', 'Asia/Tokyo');
    engine = await startTestEngine();
    // Late on the 30th there, and early on the 31st; the 30th in Greenwich, both.
    const lines = ['2026-01-30T14:30:00.000Z', '2026-01-30T15:30:00.000Z'].map((startedAt) =>
      callLine({ call: callRow(idAt(Date.parse(startedAt)), { startedAt }), sides: [], timeline: [] }, null, true),
    );
    await engine.control.exchange.import({ lines, firstLine: 1 });
    const printed: string[] = [];
    const out = (text: string): void => void printed.push(text);
    const output = { out, err: out, interactive: false, confirm: async () => false, secret: async () => '' };
    await usage(engine.control, { by: undefined, days: 3660, json: false, output });
    expect(printed.pop()?.match(/^2026-\d\d-\d\d +\d+/gm)).toEqual(['2026-01-30  1', '2026-01-31  1']);
    await showCalls(engine.control, { limit: 20, query: 'time:2026-01-31', json: false }, output);
    expect(printed.pop()).toMatch(/^2026-01-31 00:30:00 /m);
  });
});
