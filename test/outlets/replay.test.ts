import { zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startFakeUpstream, type FakeUpstream } from '../fakes/upstream.ts';
import { startTestEngine, type TestEngine } from '../support/engine.ts';
import { call, say } from './support.ts';

let engine: TestEngine;
let provider: FakeUpstream;

beforeEach(async () => {
  provider = await startFakeUpstream(answerIn());
});
afterEach(async () => {
  await engine.stop();
  await provider.stop();
});

/** A provider of both of OpenAI's formats and Anthropic's, whose answers say one text. */
function answerIn(text = 'the answer'): FakeUpstream['answer'] {
  return ({ url }, res) => {
    res.writeHead(200, { 'content-type': 'application/json' });
    res.end(
      JSON.stringify(
        url.startsWith('/v1/messages')
          ? {
              id: 'msg_1',
              type: 'message',
              role: 'assistant',
              model: 'real',
              content: [{ type: 'text', text }],
              stop_reason: 'end_turn',
              usage: { input_tokens: 7, output_tokens: 3 },
            }
          : {
              id: 'c_1',
              object: 'chat.completion',
              created: 1,
              model: 'real',
              choices: [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' }],
              usage: { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 },
            },
      ),
    );
  };
}

const hasFact = (name: string, original: unknown, other: unknown) => expect.objectContaining({ name, original, other });

describe('a call sent again', () => {
  it('is a call of its own, marked with the one it repeats', async () => {
    engine = await startTestEngine();
    const id = await say(engine, 'hello', 'an answer', 'and again');
    const keys = await engine.control.keys.list({});
    const { original, other, text, tools } = await engine.control.replay.run({ id });
    expect(original.id).toBe(id);
    expect(original.replayOf).toBeUndefined();
    expect(other).toMatchObject({
      replayOf: id,
      caller: 'Replay',
      client: 'drawbridge',
      upstream: 'practice',
      route: 'replay',
      status: 200,
    });
    expect(text.same).toBe(true);
    expect(tools).toEqual([]);
    // Nothing of its key is left.
    expect(await engine.control.keys.list({})).toEqual(keys);
    const sent = await Promise.all([id, other.id].map((one) => engine.control.calls.get({ id: one })));
    expect(sent[1]?.client.request.body?.content).toBe(sent[0]?.client.request.body?.content);
    expect((await engine.control.calls.list({ query: `replay:${id}` })).calls.map((one) => one.id)).toEqual([other.id]);
    expect((await engine.control.calls.list({ query: '-is:replay' })).calls.map((one) => one.id)).toEqual([id]);
  });

  it('says the same where the first one came packed', async () => {
    engine = await startTestEngine();
    const said = { model: 'practice/echo', messages: [{ role: 'user', content: 'packed' }] };
    const stored = engine.call(({ client, state }) => client !== 'drawbridge' && state === 'done');
    await fetch(`${engine.origin}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${engine.key}`, 'content-type': 'application/json', 'content-encoding': 'zstd' },
      body: zstdCompressSync(JSON.stringify(said)),
    });
    const { other, text } = await engine.control.replay.run({ id: (await stored).id });
    expect(other).toMatchObject({ status: 200, requestBytes: JSON.stringify(said).length });
    expect(text.same).toBe(true);
  });

  it('shows what an edit changes', async () => {
    engine = await startTestEngine();
    const id = await say(engine, 'hello');
    const { text, facts } = await engine.control.replay.run({
      id,
      body: { model: 'practice/echo', messages: [{ role: 'user', content: 'something else' }] },
    });
    expect(text.same).toBe(false);
    expect(text.parts.map(({ op }) => op)).toEqual(expect.arrayContaining(['removed', 'added']));
    expect(facts).toContainEqual(expect.objectContaining({ name: 'status', original: 200, other: 200, same: true }));
  });

  it('goes to another upstream where one is named, and by the rules where only a model is', async () => {
    engine = await startTestEngine({ settings: { upstreams: { gateway: { baseUrl: provider.baseUrl } } } });
    const id = await say(engine, 'hello');
    const elsewhere = await engine.control.replay.run({ id, upstream: 'gateway', model: 'other-model' });
    expect(elsewhere.other).toMatchObject({ upstream: 'gateway', route: 'replay', modelRequested: 'other-model' });
    expect(elsewhere.facts).toContainEqual(hasFact('upstream', 'practice', 'gateway'));
    expect(elsewhere.text.parts).toContainEqual({ op: 'added', text: 'the answer' });
    const byRule = await engine.control.replay.run({ id, model: 'practice/other' });
    expect(byRule.other).toMatchObject({ upstream: 'practice', route: 'practice model' });
  });

  it('needs a credential where the client’s own was used, and keeps none', async () => {
    engine = await startTestEngine({ settings: { upstreams: { anthropic: { baseUrl: provider.baseUrl } } } });
    const body = { model: 'claude-x', max_tokens: 9, messages: [{ role: 'user', content: 'hello' }] };
    const id = await call(engine, `/k/${engine.key}/v1/messages`, body, {
      authorization: 'Bearer client-own-credential',
      'anthropic-version': '2023-06-01',
      'anthropic-beta': 'a-beta',
    });
    await expect(engine.control.replay.run({ id })).rejects.toMatchObject({ code: 'bad_input' });
    await expect(engine.control.replay.run({ id, model: 'claude-y' })).rejects.toMatchObject({ code: 'bad_input' });
    expect(provider.seen).toHaveLength(1);

    const { other } = await engine.control.replay.run({ id, credential: 'sk-planted-credential-planted' });
    expect(other).toMatchObject({ replayOf: id, upstream: 'anthropic', status: 200 });
    expect(provider.seen[1]).toMatchObject({
      url: '/v1/messages',
      headers: { 'x-api-key': 'sk-planted-credential-planted', 'anthropic-version': '2023-06-01', 'anthropic-beta': 'a-beta' },
    });
    expect(provider.seen[1]?.headers['user-agent']).toMatch(/^drawbridge\//);
    expect(JSON.stringify(await engine.control.calls.get({ id: other.id }))).not.toContain('planted');

    const { other: practised } = await engine.control.replay.run({ id, upstream: 'practice' });
    expect(practised).toMatchObject({ upstream: 'practice', status: 200 });
    expect(provider.seen).toHaveLength(2);
  });

  it('is refused where there is nothing to send or the answer could not be kept', async () => {
    engine = await startTestEngine();
    const id = await say(engine, 'hello');
    await expect(engine.control.replay.run({ id: 1 })).rejects.toMatchObject({ code: 'not_found' });
    await engine.control.capture.pause({ paused: true });
    await expect(engine.control.replay.run({ id })).rejects.toMatchObject({ code: 'bad_input' });
  });

  it('can’t be claimed by a client, whatever headers it sends', async () => {
    engine = await startTestEngine();
    const id = await say(engine, 'hello');
    const other = await call(
      engine,
      '/v1/chat/completions',
      { model: 'practice/echo', messages: [{ role: 'user', content: 'me too' }] },
      { 'x-drawbridge-replay': String(id), 'x-drawbridge-upstream': 'codex' },
    );
    expect((await engine.control.calls.get({ id: other })).call).toMatchObject({ upstream: 'practice' });
    expect((await engine.control.calls.get({ id: other })).call.replayOf).toBeUndefined();
  });
});

describe('a kept answer translated again', () => {
  const settings = (answerIn: string) => ({ upstreams: { practice: { answerIn, paceMs: 0 } } });

  it.each([
    ['chat', 'messages', true],
    ['chat', 'responses', true],
    ['messages', 'responses', true],
    ['messages', 'chat', true],
    ['responses', 'messages', true],
    ['responses', 'chat', true],
    ['chat', 'messages', false],
    ['messages', 'responses', false],
  ] as const)('gives a %s client of a %s upstream what it got then (stream: %s)', async (client, upstream, stream) => {
    engine = await startTestEngine({ settings: settings(upstream) });
    const messages = [{ role: 'user', content: 'say something at length' }];
    const [path, body] = {
      chat: ['/v1/chat/completions', { messages }],
      messages: ['/v1/messages', { messages, max_tokens: 100 }],
      responses: ['/v1/responses', { input: messages }],
    }[client] as [string, object];
    const id = await call(engine, path, { model: 'practice/echo', stream, ...body });
    const calls = (await engine.control.calls.list({})).calls.length;
    const result = await engine.control.replay.offline({ id });
    expect(result).toMatchObject({ call: id, translated: true, firstDifference: null, same: true });
    expect(result.now.length).toBeGreaterThan(stream ? 2 : 0);
    expect((await engine.control.calls.list({})).calls).toHaveLength(calls);
  });

  it('is the same bytes where nothing was translated', async () => {
    engine = await startTestEngine();
    const id = await say(engine, 'hello');
    expect(await engine.control.replay.offline({ id })).toMatchObject({ translated: false, same: true });
  });

  it('tells the first frame that differs from what was recorded', async () => {
    engine = await startTestEngine({ settings: settings('messages') });
    const id = await call(engine, '/v1/chat/completions', {
      model: 'practice/echo',
      stream: true,
      messages: [{ role: 'user', content: 'one' }],
    });
    // The same call, but for a client that was sent other words then.
    let line = '';
    for await (const text of await engine.control.exchange.export({ format: 'jsonl' })) line += text;
    const exported = JSON.parse(line.split('\n')[1] ?? '');
    const reply = exported.sides.find((side: { side: string }) => side.side === 'clientReply');
    reply.body.content = reply.body.content.replace(/"finish_reason":"stop"/, '"finish_reason":"length"');
    exported.call.id += 4096;
    exported.call.durationMs += 1;
    await engine.control.exchange.import({ lines: [JSON.stringify(exported)], firstLine: 1 });
    const result = await engine.control.replay.offline({ id: id + 4096 });
    expect(result.same).toBe(false);
    expect(result.now[result.firstDifference ?? 0]?.data).toContain('"finish_reason":"stop"');
    expect(result.recorded[result.firstDifference ?? 0]?.data).toContain('"finish_reason":"length"');
  });
});
