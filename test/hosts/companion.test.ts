import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestEngine, type TestEngine } from '../support/engine.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine({ settings: { upstreams: { practice: { paceMs: 0 } } } });
});
afterAll(() => engine.stop());

// The bodies of replies are looked into freely here: what they must hold is what the tests say.
type Reply = Omit<Response, 'json'> & { json(): Promise<any> }; // eslint-disable-line typescript/no-explicit-any
const post = (path: string, body: unknown, headers: Record<string, string> = {}): Promise<Reply> =>
  fetch(engine.origin + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${engine.key}`, 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
const get = (path: string, headers: Record<string, string> = {}): Promise<Reply> => fetch(engine.origin + path, { headers });

describe('doors that need no key', () => {
  it.each(['/health', '/', '/api/hello'])('%s answers, and tells nothing but the name', async (path) => {
    const res = await get(path);
    expect(res.status).toBe(200);
    expect(Object.keys(await res.json()).sort()).toEqual(path === '/health' ? ['name', 'status', 'version'] : ['name', 'version']);
  });
  it.each(['/health', '', '/', '/api/hello'])(
    '%s answers alike behind a key in the path, or what a client wrote in its place',
    async (path) => {
      const plain = await (await get(path)).json();
      for (const key of [engine.key, '<key>', '%ZZ', '%E0%A4%A']) {
        const res = await get(`/k/${key}${path}`);
        expect([key, res.status, await res.json()]).toEqual([key, 200, plain]);
      }
    },
  );
  it('answers HEAD / and HEAD /api/hello, which Claude Code asks at start', async () => {
    expect((await fetch(`${engine.origin}/`, { method: 'HEAD' })).status).toBe(200);
    expect((await fetch(`${engine.origin}/api/hello`, { method: 'HEAD' })).status).toBe(200);
    expect((await fetch(`${engine.origin}/k/${engine.key}/api/hello`, { method: 'HEAD' })).status).toBe(200);
  });
});

describe('/v1/models', () => {
  it('wants a key', async () => {
    expect((await get('/v1/models')).status).toBe(401);
  });
  it('is one body for all clients', async () => {
    const body = await (await get('/v1/models?limit=1000', { 'x-api-key': engine.key })).json();
    expect(body).toMatchObject({ object: 'list', has_more: false, first_id: 'practice/echo' });
    expect(body.data[0]).toMatchObject({ id: 'practice/echo', object: 'model', type: 'model' });
    expect(body.models[0]).toMatchObject({ slug: 'practice/echo', visibility: 'list', supported_in_api: true });
    expect(body.data.length).toBe(body.models.length);
  });
  it.each(['/v1/models/practice%2Fecho', '/v1/models/practice/echo'])(
    'tells of one model, as the vendors’ libraries ask: %s',
    async (path) => {
      const asked = await get(path, { 'x-api-key': engine.key });
      expect(await asked.json()).toMatchObject({ id: 'practice/echo', object: 'model', type: 'model', display_name: expect.any(String) });
      expect((await get(`/k/${engine.key}${path}`)).status).toBe(200);
      expect((await get(path)).status).toBe(401);
    },
  );
  it('knows no other, in the words of whoever asks', async () => {
    const openai = await get('/v1/models/practice%2Fnothing', { authorization: `Bearer ${engine.key}` });
    expect([openai.status, await openai.json()]).toMatchObject([404, { error: { code: 'model_not_found' } }]);
    const anthropic = await get('/v1/models/nothing', { 'x-api-key': engine.key, 'anthropic-version': '2023-06-01' });
    expect([anthropic.status, await anthropic.json()]).toMatchObject([404, { type: 'error', error: { type: 'not_found_error' } }]);
  });
});

describe('the practice model', () => {
  it('answers in chat, streaming and not', async () => {
    const whole = await (
      await post('/v1/chat/completions', { model: 'practice/echo', messages: [{ role: 'user', content: 'hello' }] })
    ).json();
    expect(whole).toMatchObject({
      object: 'chat.completion',
      model: 'practice/echo',
      choices: [{ finish_reason: 'stop', message: { role: 'assistant' } }],
    });
    expect(whole.choices[0].message.content).toContain('"hello"');
    const streamed = await (
      await post('/v1/chat/completions', { model: 'practice/echo', stream: true, messages: [{ role: 'user', content: 'hello' }] })
    ).text();
    expect(streamed).toMatch(/data: \[DONE\]\n\n$/);
  });
  it('answers in responses and in messages, with reasoning', async () => {
    const responses = await (await post('/v1/responses', { model: 'practice/reason', input: 'hello' })).json();
    expect(responses.output.map((item: { type: string }) => item.type)).toEqual(['reasoning', 'message']);
    const messages = await (
      await post('/v1/messages', { model: 'practice/reason', max_tokens: 100, messages: [{ role: 'user', content: 'hello' }] })
    ).json();
    expect(messages.content.map((block: { type: string }) => block.type)).toEqual(['thinking', 'text']);
    expect(messages.stop_reason).toBe('end_turn');
  });
  it('calls the first tool, or two at once, with arguments its schema allows', async () => {
    const tools = ['first', 'second'].map((name) => ({
      name,
      input_schema: {
        type: 'object',
        required: ['command', 'mode'],
        properties: { command: { type: 'string' }, mode: { enum: ['a', 'b'] } },
      },
    }));
    const ask = async (model: string) =>
      (await post('/v1/messages', { model, max_tokens: 100, tools, messages: [{ role: 'user', content: 'go' }] })).json();
    const one = await ask('practice/tool');
    expect(one.stop_reason).toBe('tool_use');
    expect(one.content).toMatchObject([{ type: 'tool_use', name: 'first', input: { command: 'echo practice-1', mode: 'a' } }]);
    const two = await ask('practice/parallel');
    expect(two.content.map((block: { name: string }) => block.name)).toEqual(['first', 'second']);
    expect(two.content[0].id).not.toBe(two.content[1].id);
  });
  it('acknowledges images and tells what a tool answered', async () => {
    const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' } };
    const seen = await (
      await post('/v1/messages', {
        model: 'practice/echo',
        max_tokens: 9,
        messages: [{ role: 'user', content: [image, { type: 'text', text: 'look' }] }],
      })
    ).json();
    expect(seen.content[0].text).toContain('one image');
    const messages = [
      { role: 'user', content: 'go' },
      { role: 'assistant', content: null, tool_calls: [{ id: 'c1', type: 'function', function: { name: 'f', arguments: '{}' } }] },
      { role: 'tool', tool_call_id: 'c1', content: 'forty-two' },
    ];
    const told = await (
      await post('/v1/chat/completions', { model: 'practice/tool', messages, tools: [{ type: 'function', function: { name: 'f' } }] })
    ).json();
    expect(told.choices[0].message.content).toContain('forty-two');
  });
  it.each([400, 401, 403, 404, 429, 500, 503, 529])('answers with status %d when asked to', async (status) => {
    const res = await post('/v1/messages', {
      model: `practice/error-${status}`,
      max_tokens: 9,
      messages: [{ role: 'user', content: 'x' }],
    });
    expect(res.status).toBe(status);
    expect(await res.json()).toMatchObject({ type: 'error', error: { message: expect.stringContaining(String(status)) } });
    expect((await engine.call((call) => call.modelRequested === `practice/error-${status}`)).status).toBe(status);
  });
  it('cuts its stream when asked to, and the client sees that it was cut', async () => {
    const res = await post('/v1/messages', {
      model: 'practice/cut',
      max_tokens: 9,
      stream: true,
      messages: [{ role: 'user', content: 'x' }],
    });
    await expect(res.text()).rejects.toThrow();
    expect(await engine.call((call) => call.modelRequested === 'practice/cut')).toMatchObject({
      cut: true,
      streamed: true,
      status: 200,
      upstream: 'practice',
    });
  });
  it('says the same thing each time, under an id of its own', async () => {
    const ask = async () =>
      (await post('/v1/chat/completions', { model: 'practice/echo', messages: [{ role: 'user', content: 'again' }] })).json();
    const [first, second] = [await ask(), await ask()];
    expect(first.choices).toEqual(second.choices);
    expect(first.id).not.toBe(second.id);
  });
  it('counts tokens locally, and says that it is an estimate', async () => {
    const res = await post('/v1/messages/count_tokens', { model: 'practice/echo', messages: [{ role: 'user', content: 'hello there' }] });
    expect(res.headers.get('x-drawbridge-estimate')).toBe('true');
    expect((await res.json()).input_tokens).toBeGreaterThan(1);
  });
});

describe('bad input', () => {
  const shapes = {
    '/v1/messages': (body: { type?: string; error?: { type?: string } }) => body.type === 'error' && typeof body.error?.type === 'string',
    '/v1/chat/completions': (body: { error?: { type?: string; code?: unknown } }) =>
      typeof body.error?.type === 'string' && 'code' in (body.error ?? {}),
    '/v1/responses': (body: { error?: { type?: string; code?: unknown } }) =>
      typeof body.error?.type === 'string' && 'code' in (body.error ?? {}),
  };
  describe.each(Object.entries(shapes))('to %s', (path, fits) => {
    const cases: [string, number, unknown, Record<string, string>?][] = [
      ['broken JSON', 400, '{"model":"practice/echo",'],
      ['JSON that is no object', 400, '[1,2]'],
      ['an empty body', 400, ''],
      ['a wrong content type', 415, '{}', { 'content-type': 'text/plain' }],
      ['no model', 400, {}],
      ['an unknown model', 404, { model: 'no-such-model' }],
      ['an unknown practice model', 404, { model: 'practice/nothing', messages: [{ role: 'user', content: 'x' }], input: 'x' }],
      ['no key', 401, { model: 'practice/echo' }, { authorization: '' }],
      ['a wrong key', 401, { model: 'practice/echo' }, { authorization: 'Bearer db_nope' }],
      ['an unknown encoding', 415, '{}', { 'content-encoding': 'br' }],
      ['a body that is not what its encoding says', 400, '{}', { 'content-encoding': 'gzip' }],
    ];
    it.each(cases)('%s gets %d in the caller’s format, and a row', async (name, status, body, headers) => {
      const agent = `case-${name.replace(/[^a-z]/gi, '-')}${path.replaceAll('/', '-')}`;
      const res = await post(path, body, { ...headers, 'user-agent': `${agent}/1.0` });
      expect(res.status).toBe(status);
      const answer = await res.json();
      expect(fits(answer)).toBe(true);
      expect(answer.error.message.length).toBeGreaterThan(20);
      expect(JSON.stringify(answer)).not.toMatch(/\.ts:\d+|node_modules|at \w+ \(/);
      const row = await engine.call((call) => call.client === agent.toLowerCase().slice(0, 40));
      expect(row).toMatchObject({ status, state: 'done' });
    });
  });
  it('an unknown path gets 404 in the format its path suggests', async () => {
    expect((await post('/v1/nothing', {})).status).toBe(404);
    const res = await fetch(`${engine.origin}/v1/nothing`, { headers: { authorization: `Bearer ${engine.key}` } });
    expect(res.status).toBe(404);
    expect(await res.json()).toMatchObject({ error: { message: expect.stringContaining('/v1/messages') } });
  });
  it('what no path tells the format of is refused in that of the API whose version its caller names', async () => {
    const named = { 'anthropic-version': '2023-06-01' };
    for (const [path, key, type] of [
      ['/v1/models?limit=1000', '', 'authentication_error'],
      ['/v1/models?limit=1000', 'db_nope', 'authentication_error'],
      ['/v1/nothing', engine.key, 'not_found_error'],
    ] as const) {
      const res = await get(path, { ...named, 'x-api-key': key });
      expect(res.headers.get('request-id')).toMatch(/^req_/);
      expect(await res.json()).toMatchObject({ type: 'error', error: { type } });
    }
    expect(await (await get('/v1/models')).json()).toMatchObject({ error: { code: 'invalid_api_key' } });
  });
  it('a missing key towards Codex is 400, which it does not retry, and is kept as it was told', async () => {
    const res = await post(
      '/v1/responses',
      { model: 'practice/echo', input: 'x' },
      { authorization: '', 'user-agent': 'codex_exec/0.169.0 (x)' },
    );
    expect(res.status).toBe(400);
    const told = await res.text();
    const row = await engine.call((call) => call.client === 'codex');
    expect(row.status).toBe(400);
    const { client } = await engine.control.calls.get({ id: row.id });
    expect(client.reply.body?.content).toBe(told);
  });
  it('a missing key towards Claude Code is 401 and says not to retry', async () => {
    const res = await post('/v1/messages', { model: 'x' }, { authorization: '', 'user-agent': 'claude-cli/2.1.329 (external, cli)' });
    expect(res.status).toBe(401);
    expect(res.headers.get('x-should-retry')).toBe('false');
  });
});

describe('a practice model that answers in another format', () => {
  it.each(['chat', 'responses', 'messages'] as const)('is translated for every client (%s)', async (answerIn) => {
    engine.headless.engine.settings.update({ upstreams: { practice: { answerIn } } });
    const chat = await (await post('/v1/chat/completions', { model: 'practice/echo', messages: [{ role: 'user', content: 'hi' }] })).json();
    expect(chat.choices[0].message.content).toContain('"hi"');
    const responses = await (await post('/v1/responses', { model: 'practice/echo', input: 'hi', stream: true })).text();
    expect(responses).toContain('event: response.completed');
    const messages = await (
      await post('/v1/messages', { model: 'practice/reason', max_tokens: 50, stream: true, messages: [{ role: 'user', content: 'hi' }] })
    ).text();
    expect(messages).toContain('event: message_stop');
    const row = await engine.call(
      (call) => call.wireIn === 'messages' && call.wireOut === answerIn && call.modelRequested === 'practice/reason' && call.status === 200,
    );
    expect(row).toMatchObject({ cut: false, upstream: 'practice', usage: { output: expect.any(Number) } });
    const detail = await engine.control.calls.get({ id: row.id });
    expect(detail.upstream === null).toBe(answerIn === 'messages');
    expect(detail.assembled.reply.map((part) => part.kind)).toContain('text');
    engine.headless.engine.settings.update({ upstreams: { practice: { answerIn: 'same' } } });
  });
});
