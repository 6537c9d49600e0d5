import { afterEach, beforeAll, afterAll, describe, expect, it } from 'vitest';
import type { Reply } from './codex.support.ts';
import { startM365Test, type M365Test } from './m365.support.ts';

let test: M365Test;
beforeAll(async () => {
  test = await startM365Test();
  await test.signIn();
});
afterAll(() => test.stop());
const calm = { snapshots: null, pretty: false, cut: null, hangs: false, disengaged: false, callAnswer: null } as const;
afterEach(() => void Object.assign(test.microsoft.mood, calm));

const WIRES = ['/v1/chat/completions', '/v1/responses', '/v1/messages'] as const;
type Where = (typeof WIRES)[number];
type Said = { role: 'user' | 'assistant' | 'system'; content: unknown };

/** The same request in each wire format. */
function body(where: Where, said: readonly Said[], more: object = {}): object {
  const model = 'm365/copilot';
  if (where === '/v1/responses') return { model, input: said, ...more };
  if (where === '/v1/chat/completions') return { model, messages: said, ...more };
  const system = said.filter(({ role }) => role === 'system').map(({ content }) => ({ type: 'text', text: content }));
  const rest = said.filter(({ role }) => role !== 'system');
  return { model, max_tokens: 100, messages: rest, ...(system.length === 0 ? {} : { system }), ...more };
}
const user = (content: unknown): Said => ({ role: 'user', content });
const textOf = (where: Where, reply: Reply['body']): string =>
  where === '/v1/responses'
    ? reply.output[0].content[0].text
    : where === '/v1/messages'
      ? reply.content[0].text
      : reply.choices[0].message.content;
/** What went to Copilot since, with where it went. */
const asked = (since: number): { url: string; body: Reply['body'] }[] =>
  test.microsoft.seen
    .slice(since)
    .filter(({ url }) => url.startsWith('/beta/'))
    .map(({ url, body: sent }) => ({ url, body: JSON.parse(sent.toString()) }));
const mark = (): number => test.microsoft.seen.length;

describe.each(WIRES)('%s', (where) => {
  it('answers whole and streamed, with what was cited', async () => {
    const whole = await test.call(where, body(where, [user('When?')]));
    expect(textOf(where, whole.body)).toBe('You asked: When? (turn 1)[^1^]\n\n[^1^] Demo invite <https://contoso.example/e/1>');
    const streamed = await test.call(where, body(where, [user('When?')], { stream: true }));
    expect(streamed.headers.get('content-type')).toMatch(/^text\/event-stream/);
    expect(streamed.text).toContain('[^1^] Demo invite <https://contoso.example/e/1>');
    expect(streamed.text).toMatch(/\[DONE\]|message_stop|response\.completed/);
  });
  it('reads JSON over several lines as in the documentation', async () => {
    test.microsoft.mood.pretty = true;
    const reply = await test.call(where, body(where, [user('Pretty?')], { stream: true }));
    expect(reply.text).toContain(': Pretty? (turn 1)');
  });
  it('goes on in the same conversation, and sends the new text alone', async () => {
    const said: Said[] = [{ role: 'system', content: 'Be brief.' }, user('One')];
    const first = await test.call(where, body(where, said));
    const from = mark();
    said.push({ role: 'assistant', content: textOf(where, first.body) }, user('Two'));
    const second = await test.call(where, body(where, said));
    expect(textOf(where, second.body)).toContain('You asked: Two (turn 2)');
    const [only, ...more] = asked(from);
    expect(more).toEqual([]);
    expect(only?.body).toEqual({
      message: { text: 'Two' },
      locationHint: { timeZone: 'Europe/Berlin' },
      additionalContext: [{ text: 'Be brief.', description: 'Instructions' }],
    });
  });
  it('begins a new conversation where the history is another, and retells it', async () => {
    const first = await test.call(where, body(where, [user('One')]));
    const from = mark();
    const said = [user('One'), { role: 'assistant', content: `${textOf(where, first.body)} And more.` } as const, user('Two')];
    expect(textOf(where, (await test.call(where, body(where, said))).body)).toContain('Two (turn 1)');
    expect(asked(from).map(({ url }) => url.split('/').at(-1))).toEqual(['conversations', 'chat']);
    const context = asked(from)[1]?.body.additionalContext[0];
    expect(context).toMatchObject({
      description: 'The conversation so far',
      text: expect.stringMatching(/^User: One\n\nAssistant: You asked: One[^]*And more\.$/),
    });
  });
  it('refuses tools and images clearly, and leaves them out where the client allows that', async () => {
    const tools =
      where === '/v1/messages'
        ? [{ name: 'read', input_schema: { type: 'object' } }]
        : where === '/v1/responses'
          ? [{ type: 'function', name: 'read', parameters: {} }]
          : [{ type: 'function', function: { name: 'read', parameters: {} } }];
    const refused = await test.call(where, body(where, [user('Hi')], { tools }));
    expect(refused.status).toBe(400);
    expect(refused.body.error.message).toMatch(/calls no tools.*x-drawbridge-drop: tools/);
    const png = 'iVBORw0KGgo=';
    const image =
      where === '/v1/messages'
        ? { type: 'image', source: { type: 'base64', media_type: 'image/png', data: png } }
        : where === '/v1/responses'
          ? { type: 'input_image', image_url: `data:image/png;base64,${png}` }
          : { type: 'image_url', image_url: { url: `data:image/png;base64,${png}` } };
    const text = { type: where === '/v1/responses' ? 'input_text' : 'text', text: 'What is it?' };
    const withImage = body(where, [user([text, image])], { tools });
    expect((await test.call(where, withImage, { headers: { 'x-drawbridge-drop': 'tools' } })).body.error.message).toMatch(
      /x-drawbridge-drop: images/,
    );
    const from = mark();
    const allowed = await test.call(where, withImage, {
      headers: { 'x-drawbridge-drop': 'tools, images', 'user-agent': `dropper-${where}` },
    });
    expect(allowed.status).toBe(200);
    expect(JSON.stringify(asked(from))).not.toMatch(/iVBOR|"tools"/);
    const row = await test.engine.call(
      ({ status, lost, wireIn }) => status === 200 && lost.length > 1 && where.includes(wireIn === 'chat' ? 'chat' : (wireIn ?? '-')),
    );
    expect(row.lost.map(({ path }) => path)).toEqual(expect.arrayContaining(['tools', where === '/v1/responses' ? 'input' : 'messages']));
  });
  it('tells no counts that nobody made', async () => {
    const reply = await test.call(where, body(where, [user('Count')]));
    const { usage } = reply.body;
    expect([usage.prompt_tokens ?? usage.input_tokens, usage.completion_tokens ?? usage.output_tokens]).toEqual([0, 0]);
    const row = await test.engine.call(({ upstream, status }) => upstream === 'm365' && status === 200);
    expect(row.usage).toBeNull();
  });
  it('says that Copilot would not answer', async () => {
    test.microsoft.mood.disengaged = true;
    const reply = await test.call(where, body(where, [user('Bad')]));
    const { body: told } = reply;
    expect(told.stop_reason ?? told.choices?.[0].finish_reason ?? told.output[0].content[0].type).toMatch(/^(?:refusal|content_filter)$/);
  });
  it('never passes a broken stream off as whole', async () => {
    for (const cut of ['broken', 'clean'] as const) {
      test.microsoft.mood.cut = cut;
      const res = await fetch(test.engine.origin + where, {
        method: 'POST',
        headers: { authorization: `Bearer ${test.engine.key}`, 'content-type': 'application/json' },
        body: JSON.stringify(body(where, [user('Cut')], { stream: true })),
      });
      let text = '';
      const read = async (): Promise<void> => {
        for await (const piece of res.body ?? []) text += Buffer.from(piece).toString();
      };
      await expect(read()).rejects.toThrow();
      expect(text).toContain('asked');
      expect(text).not.toMatch(/\[DONE\]|message_stop|response\.completed|finish_reason":"/);
    }
  });
  it.each([
    [429, { 'retry-after': '20' }, 429],
    [504, {}, 504],
    [503, {}, where === '/v1/messages' ? 529 : 503],
    [500, {}, 502],
  ])('passes a %i on in the client’s words', async (status, headers, wanted) => {
    test.microsoft.mood.callAnswer = { status, headers, body: { error: { code: 'X', message: 'Too many requests.' } } };
    const reply = await test.call(where, body(where, [user('Error')]));
    expect([reply.status, reply.body.error.message]).toEqual([wanted, 'Too many requests.']);
    expect(reply.headers.get('retry-after')).toBe(status === 429 ? '20' : null);
    expect(test.bridge()).toMatchObject({ state: 'ready', lastError: 'Too many requests.' });
  });
  it('refuses what has no last word of the user', async () => {
    const reply = await test.call(where, body(where, [user('One'), { role: 'assistant', content: 'Two' }]));
    expect([reply.status, reply.body.error.message]).toEqual([400, expect.stringContaining('has to be the user’s')]);
  });
});

describe('a conversation', () => {
  const where = '/v1/chat/completions';
  it('that is gone at Microsoft is begun anew', async () => {
    const first = await test.call(where, body(where, [user('One')]));
    test.microsoft.forgetConversations();
    const said = [user('One'), { role: 'assistant', content: textOf(where, first.body) } as const, user('Two')];
    expect(textOf(where, (await test.call(where, body(where, said))).body)).toContain('Two (turn 1)');
  });
  it('is gone on with by one call alone, and given back where nothing was asked in it', async () => {
    const first = await test.call(where, body(where, [user('Once')]));
    const next = body(where, [user('Once'), { role: 'assistant', content: textOf(where, first.body) }, user('Twice')]);
    test.microsoft.mood.callAnswer = { status: 429, body: {} };
    expect((await test.call(where, next)).status).toBe(429);
    const texts = (await Promise.all([test.call(where, next), test.call(where, next)])).map(({ body: reply }) => textOf(where, reply));
    expect(new Set(texts.map((text) => /turn \d/.exec(text)?.[0]))).toEqual(new Set(['turn 1', 'turn 2']));
  });
  it('that was rewritten while it streamed is told anew as a whole', async () => {
    test.microsoft.mood.snapshots = ['The demo', 'The demo is on', 'It is on Friday.'];
    const reply = await test.call('/v1/messages', body('/v1/messages', [user('When?')], { stream: true }));
    const told = [...reply.text.matchAll(/"text_delta","text":("(?:[^"\\]|\\.)*")/g)].map(([, text]) => JSON.parse(text ?? '""')).join('');
    expect(told).toMatch(/^The demo is on\n\n\(Microsoft 365 Copilot has rewritten its answer[^]*It is on Friday\./);
  });
  it('is cut at a stop sequence of the client’s', async () => {
    test.microsoft.mood.snapshots = ['One', 'One END two'];
    const reply = await test.call(where, body(where, [user('Stop')], { stop: ['END'] }));
    expect(textOf(where, reply.body)).toBe('One ');
  });
});

describe('the client', () => {
  const post = (signal?: AbortSignal) =>
    fetch(`${test.engine.origin}/v1/messages`, {
      method: 'POST',
      headers: { authorization: `Bearer ${test.engine.key}`, 'content-type': 'application/json' },
      body: JSON.stringify(body('/v1/messages', [user('Hang')], { stream: true })),
      ...(signal === undefined ? {} : { signal }),
    });
  it('gets the first words while Copilot still thinks, and ends it by leaving', async () => {
    test.microsoft.mood.hangs = true;
    const leaving = new AbortController();
    const reader = (await post(leaving.signal)).body?.getReader();
    let text = '';
    while (!text.includes('"You"')) text += Buffer.from((await reader?.read())?.value ?? []).toString();
    leaving.abort();
    await test.microsoft.abandoned;
    await test.engine.call(({ error }) => error?.includes('went away') === true);
  });
  it('is cut off by the kill switch', async () => {
    test.microsoft.mood.hangs = true;
    const reader = (await post()).body?.getReader();
    await reader?.read();
    await test.engine.control.bridges.enable({ bridge: 'm365', enabled: false });
    await expect(
      (async () => {
        for (;;) if ((await reader?.read())?.done !== false) return;
      })(),
    ).rejects.toThrow();
    expect((await test.call('/v1/messages', body('/v1/messages', [user('Off')]))).status).toBe(403);
    await test.engine.control.bridges.enable({ bridge: 'm365', enabled: true });
  });
  it('can estimate its tokens, and see what there is', async () => {
    const counted = await test.call('/v1/messages/count_tokens', body('/v1/messages', [user('How many?')]));
    expect(counted.body.input_tokens).toBeGreaterThan(0);
    const headers = { authorization: `Bearer ${test.engine.key}` };
    const list = await (await fetch(`${test.origin()}/v1/models`, { headers })).json();
    expect(list).toMatchObject({ data: [{ id: 'copilot', owned_by: 'microsoft' }] });
    const health = await (await fetch(`${test.origin()}/health`, { headers })).json();
    expect(health).toMatchObject({ bridge: 'm365', state: 'ready', route: 'graph', version: '0.0.0-test', quota: null });
    expect(
      (
        await test.call(
          '/v1/chat/completions',
          { ...body('/v1/chat/completions', [user('Own')]), model: 'copilot' },
          { origin: test.origin() },
        )
      ).status,
    ).toBe(200);
  });
  it('can’t point to what Microsoft does not hold', async () => {
    expect((await test.call('/v1/responses', { model: 'm365/copilot', input: 'x', previous_response_id: 'resp_1' })).status).toBe(400);
    expect((await test.call('/v1/chat/completions', { ...body('/v1/chat/completions', [user('x')]), n: 2 })).status).toBe(400);
  });
  it('is refused by the governor with a 429 that says whose ceiling it is', async () => {
    const { calls } = test.bridge().today;
    await test.engine.control.settings.update({ patch: { bridges: { m365: { dailyCalls: calls } } } });
    expect(await test.call('/v1/chat/completions', body('/v1/chat/completions', [user('More')]))).toMatchObject({
      status: 429,
      body: { error: { message: expect.stringContaining('bridges.m365.dailyCalls') } },
    });
    await test.engine.control.settings.update({ patch: { bridges: { m365: { dailyCalls: 1000 } } } });
  });
});
