import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chat } from '../../../bridges/wire/chat/index.ts';
import { RequestError } from '../../../bridges/wire/codec.ts';
import type { JsonObject, JsonValue, MessageItem, Part, ToolDefinition, TurnItem, TurnRequest } from '../../../bridges/wire/turn.ts';
import { recordedBody } from '../../wire/recorded.ts';

function recorded(name: string): JsonObject {
  return recordedBody(`copilot-cli-1.0.102/${name}`);
}

/** A turn as another format would hand it over. */
function turnOf(from: TurnRequest['from'], items: TurnItem[], more: Partial<TurnRequest> = {}): TurnRequest {
  return { from, model: 'm', stream: false, items, tools: [], extra: {}, ...more };
}

function ask(messages: JsonValue[], more: JsonObject = {}): TurnRequest {
  return chat.parseRequest({ model: 'm', messages, ...more });
}

function messagesOf(turn: TurnRequest): JsonValue | undefined {
  return chat.renderRequest(turn).body.messages;
}

function again(messages: JsonValue[]): JsonValue | undefined {
  return messagesOf(ask(messages));
}

/** What a function throws, if anything. */
function refusalOf(run: () => unknown): unknown {
  try {
    run();
    return undefined;
  } catch (error) {
    return error;
  }
}

const text = (value: string): Part => ({ type: 'text', text: value });
const message = (role: MessageItem['role'], ...content: Part[]): MessageItem => ({ type: 'message', role, content });
const call = (callId: string, name = 'read'): TurnItem => ({ type: 'tool_call', callId, name, kind: 'function', input: '{}' });
const result = (callId: string, ...content: Part[]): TurnItem => ({ type: 'tool_result', callId, kind: 'function', content });
const user = { role: 'user', content: 'hi' };

describe('recorded requests', () => {
  /** The same request in one spelling: the newer name of the output limit, no nulls. */
  function normal(body: JsonObject): JsonObject {
    const { max_tokens: limit, messages, ...rest } = body;
    const list = Array.isArray(messages) ? messages : [];
    return { ...rest, ...(limit !== undefined && { max_completion_tokens: limit }), messages: list.map((each) => normalMessage(each)) };
  }

  function normalMessage(value: JsonValue): JsonValue {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    const content = typeof value.content === 'string' ? [{ type: 'text', text: value.content }] : value.content;
    return Object.fromEntries(Object.entries({ ...value, content }).filter(([, field]) => field !== null));
  }

  test.each(['byok_chat_text/01.request.json', 'byok_chat_tool/02.request.json', 'byok_unknown_model/01.request.json'])(
    '%s comes back as it was',
    (name) => {
      const body = recorded(name);
      const { body: rendered, lost } = chat.renderRequest(chat.parseRequest(body));
      expect(normal(rendered)).toEqual(normal(body));
      expect(lost).toEqual([]);
    },
  );

  test('a tool call and its result are read', () => {
    const turn = chat.parseRequest(recorded('byok_chat_tool/02.request.json'));
    expect(turn.items.map((item) => item.type)).toEqual(['message', 'message', 'tool_call', 'tool_result']);
    expect(turn.items[2]).toMatchObject({ callId: 'call_1', name: 'bash', kind: 'function' });
    expect(turn).toMatchObject({ stream: true, maxOutputTokens: 128_000, temperature: 1, reasoning: { effort: 'medium' } });
    expect(turn.extra).toEqual({ stream_options: { include_usage: true } });
  });

  test('the grammar of a custom tool is flat in the hub and nested in chat', () => {
    const turn = chat.parseRequest(recorded('byok_chat_text/01.request.json'));
    const tool = turn.tools.find((each) => each.type === 'custom');
    expect(tool).toMatchObject({ name: 'apply_patch', format: { type: 'grammar', syntax: 'lark' } });
  });
});

describe('reading messages', () => {
  test('system, developer and user messages keep their role, their name and their fields', () => {
    const turn = ask([
      { role: 'system', content: 'a', copilot_cache_control: { type: 'ephemeral' } },
      { role: 'developer', content: [{ type: 'text', text: 'b' }] },
      { role: 'user', content: 'c', name: 'ada' },
    ]);
    expect(turn.items).toEqual([
      { ...message('system', text('a')), extra: { copilot_cache_control: { type: 'ephemeral' } } },
      message('developer', text('b')),
      { ...message('user', text('c')), name: 'ada' },
    ]);
  });

  test('every kind of user part is read', () => {
    const audio = { type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } };
    const turn = ask([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'look', cache_control: { type: 'ephemeral' } },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA', detail: 'low' } },
          { type: 'image_url', image_url: { url: 'https://example.com/a.png' } },
          { type: 'file', file: { file_id: 'file-1' } },
          { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,BBBB' } },
          audio,
          { type: 'from_the_future', x: 1 },
        ],
      },
    ]);
    expect(turn.items).toEqual([
      message(
        'user',
        { type: 'text', text: 'look', cacheControl: { type: 'ephemeral' } },
        { type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'AAAA' }, detail: 'low' },
        { type: 'image', source: { kind: 'url', url: 'https://example.com/a.png' } },
        { type: 'document', source: { kind: 'file', id: 'file-1' } },
        { type: 'document', source: { kind: 'base64', mediaType: 'application/pdf', data: 'BBBB' }, name: 'a.pdf' },
        { type: 'opaque', from: 'chat', name: 'input_audio', value: audio },
        { type: 'opaque', from: 'chat', name: 'from_the_future', value: { type: 'from_the_future', x: 1 } },
      ),
    ]);
  });

  test('an assistant message becomes reasoning, text and calls, in this order', () => {
    const turn = ask([
      user,
      {
        role: 'assistant',
        content: 'I will look.',
        reasoning_text: 'hm',
        reasoning_opaque: 'blob',
        tool_calls: [
          { id: 'a', type: 'function', function: { name: 'read', arguments: '{"x":1}' }, extra_content: { google: 1 } },
          { id: 'b', type: 'custom', custom: { name: 'patch', input: '*** Begin' } },
        ],
      },
      { role: 'tool', tool_call_id: 'b', content: 'done' },
    ]);
    expect(turn.items.slice(1)).toEqual([
      { type: 'reasoning', summary: ['hm'], opaque: { family: 'chat', data: 'blob' }, extra: { field: 'reasoning_text' } },
      message('assistant', text('I will look.')),
      { type: 'tool_call', callId: 'a', name: 'read', kind: 'function', input: '{"x":1}', extra: { extra_content: { google: 1 } } },
      { type: 'tool_call', callId: 'b', name: 'patch', kind: 'custom', input: '*** Begin' },
      { type: 'tool_result', callId: 'b', kind: 'custom', content: [text('done')] },
    ]);
  });

  test('a refusal is read from its field and from a part', () => {
    const refusal: Part = { type: 'refusal', text: 'No.' };
    expect(ask([{ role: 'assistant', content: null, refusal: 'No.' }]).items).toEqual([message('assistant', refusal)]);
    expect(ask([{ role: 'assistant', content: [{ type: 'refusal', refusal: 'No.' }] }]).items).toEqual([message('assistant', refusal)]);
  });

  test('functions and function_call of old become tools and calls that find their results', () => {
    const turn = ask(
      [
        user,
        { role: 'assistant', content: null, function_call: { name: 'f', arguments: '{}' } },
        { role: 'function', name: 'f', content: '1' },
      ],
      { functions: [{ name: 'f', parameters: { type: 'object' } }], function_call: { name: 'f' } },
    );
    expect(turn.items.slice(1)).toEqual([call('call_1', 'f'), result('call_1', text('1'))]);
    expect(turn.tools).toEqual([{ type: 'function', name: 'f', parameters: { type: 'object' } }]);
    expect(turn.toolChoice).toEqual({ type: 'tool', name: 'f' });
  });

  test('a call without arguments has an empty object, but from a chat client what it sent', () => {
    const items: TurnItem[] = [{ type: 'tool_call', callId: 'a', name: 'read', kind: 'function', input: '' }];
    const crossed = chat.renderRequest(turnOf('responses', items)).body.messages;
    expect(crossed).toMatchObject([{ tool_calls: [{ function: { arguments: '{}' } }] }]);
    const own = chat.renderRequest(turnOf('chat', items)).body.messages;
    expect(own).toMatchObject([{ tool_calls: [{ function: { arguments: '' } }] }]);
  });

  test('an assistant message without anything stays a message', () => {
    expect(ask([{ role: 'assistant', content: '' }]).items).toEqual([message('assistant')]);
  });
});

describe('reading the other fields', () => {
  test('every field with a word in the hub finds it, and every other one is kept', () => {
    const turn = ask([user], {
      stream: true,
      stream_options: { include_usage: true },
      max_completion_tokens: 7,
      max_tokens: 9,
      temperature: 0.5,
      top_p: 0.9,
      top_k: 40,
      stop: 'END',
      n: 2,
      seed: 1,
      user: 'ada',
      prompt_cache_key: 'key',
      service_tier: 'flex',
      verbosity: 'low',
      reasoning_effort: 'none',
      parallel_tool_calls: false,
      logprobs: null,
    });
    expect(turn).toMatchObject({
      stream: true,
      maxOutputTokens: 7,
      temperature: 0.5,
      topP: 0.9,
      topK: 40,
      stop: ['END'],
      user: 'ada',
      cacheKey: 'key',
      serviceTier: 'flex',
      verbosity: 'low',
      reasoning: { effort: 'none', enabled: false },
      parallelToolCalls: false,
    });
    expect(turn.extra).toEqual({ stream_options: { include_usage: true }, n: 2, seed: 1 });
  });

  test.each<[string, JsonValue, JsonObject]>([
    ['auto', 'auto', { type: 'auto' }],
    ['none', 'none', { type: 'none' }],
    ['required', 'required', { type: 'any' }],
    ['a function', { type: 'function', function: { name: 'f' } }, { type: 'tool', name: 'f' }],
    ['a custom tool', { type: 'custom', custom: { name: 'c' } }, { type: 'tool', name: 'c', custom: true }],
    [
      'some allowed tools',
      { type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [{ type: 'function', function: { name: 'f' } }] } },
      { type: 'allowed', mode: 'any', tools: [{ name: 'f' }] },
    ],
    ['one from the future', { type: 'later' }, { type: 'opaque', from: 'chat', value: { type: 'later' } }],
  ])('the tool choice %s is read, and written the same', (_, written, parsed) => {
    const tools = [
      { type: 'function', function: { name: 'f' } },
      { type: 'custom', custom: { name: 'c' } },
    ];
    const turn = ask([user], { tools, tool_choice: written });
    expect(turn.toolChoice).toEqual(parsed);
    expect(chat.renderRequest(turn).body.tool_choice).toEqual(written);
  });

  test.each<[string, JsonObject]>([
    ['text', { type: 'text' }],
    ['json_object', { type: 'json_object' }],
    ['json_schema', { type: 'json_schema', json_schema: { name: 'n', description: 'd', schema: { type: 'object' }, strict: true } }],
    ['one from the future', { type: 'later', x: 1 }],
  ])('the response format %s is written as it was read', (_, format) => {
    expect(chat.renderRequest(ask([user], { response_format: format })).body.response_format).toEqual(format);
  });

  test('tools keep their unknown fields at both levels', () => {
    const tools = [
      { type: 'function', function: { name: 'f', strict: true, returns: 'x' }, cache_control: { type: 'ephemeral' }, note: 1 },
      { type: 'custom', custom: { name: 'c', format: { type: 'text' }, later: 1 }, cache_control: { type: 'ephemeral' } },
      { type: 'web_search', x: 1 },
    ];
    expect(chat.renderRequest(ask([user], { tools })).body.tools).toEqual(tools);
  });
});

describe('requests that can not be meant', () => {
  test.each<[string, JsonValue]>([
    ['', 'text'],
    ['model', { messages: [user] }],
    ['messages', { model: 'm' }],
    ['messages', { model: 'm', messages: [] }],
    ['messages[0]', { model: 'm', messages: ['hi'] }],
    ['messages[1].role', { model: 'm', messages: [user, { role: 'robot', content: 'x' }] }],
    ['messages[0].content', { model: 'm', messages: [{ role: 'user', content: 5 }] }],
    ['messages[0].content[0].text', { model: 'm', messages: [{ role: 'user', content: [{ type: 'text' }] }] }],
    ['messages[0].content[0].type', { model: 'm', messages: [{ role: 'user', content: [{ text: 'x' }] }] }],
    ['messages[0].content[0].image_url', { model: 'm', messages: [{ role: 'user', content: [{ type: 'image_url' }] }] }],
    ['messages[0].content[0].file', { model: 'm', messages: [{ role: 'user', content: [{ type: 'file', file: {} }] }] }],
    ['messages[0].tool_call_id', { model: 'm', messages: [{ role: 'tool', content: 'x' }] }],
    ['messages[0].tool_calls[0].id', { model: 'm', messages: [{ role: 'assistant', tool_calls: [{ function: { name: 'f' } }] }] }],
    ['messages[0].tool_calls[0].function', { model: 'm', messages: [{ role: 'assistant', tool_calls: [{ id: 'a' }] }] }],
    ['stream', { model: 'm', messages: [user], stream: 'yes' }],
    ['temperature', { model: 'm', messages: [user], temperature: 'hot' }],
    ['stop[1]', { model: 'm', messages: [user], stop: ['a', 1] }],
    ['tools', { model: 'm', messages: [user], tools: {} }],
    ['tools[0].function', { model: 'm', messages: [user], tools: [{ type: 'function', name: 'flat' }] }],
    ['tools[0].function.name', { model: 'm', messages: [user], tools: [{ function: {} }] }],
    ['tools[0].custom', { model: 'm', messages: [user], tools: [{ type: 'custom' }] }],
    ['tool_choice', { model: 'm', messages: [user], tool_choice: 'maybe' }],
    ['tool_choice.function.name', { model: 'm', messages: [user], tool_choice: { type: 'function', function: {} } }],
    ['function_call', { model: 'm', messages: [user], function_call: 'maybe' }],
    ['response_format.json_schema', { model: 'm', messages: [user], response_format: { type: 'json_schema' } }],
  ])('%s is named', (path, body) => {
    const attempt = (): unknown => chat.parseRequest(body);
    expect(attempt).toThrow(RequestError);
    expect(attempt).toThrow(expect.objectContaining({ path }));
  });

  test('a field that would set a prototype is left out', () => {
    const body: JsonValue = JSON.parse(
      '{"model":"m","messages":[{"role":"user","content":"hi","__proto__":{"x":1}}],"__proto__":{"top_k":1}}',
    );
    const turn = chat.parseRequest(body);
    expect(turn.extra).toStrictEqual({});
    expect(turn.items).toStrictEqual([message('user', text('hi'))]);
    expect(chat.renderRequest(turn).body).toStrictEqual({ model: 'm', messages: [user] });
  });

  test('anything at all is either read or refused with a RequestError', () => {
    const field = fc.constantFrom(
      'model',
      'messages',
      'role',
      'content',
      'type',
      'text',
      'tool_calls',
      'function',
      'name',
      'tools',
      'stop',
      'user',
      'assistant',
      'tool',
    );
    const { value } = fc.letrec<{ value: JsonValue }>((tie) => ({
      value: fc.oneof(
        { depthSize: 'medium', withCrossShrink: true },
        fc.constant(null),
        fc.boolean(),
        fc.integer(),
        field,
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(field, tie('value'), { maxKeys: 5 }),
      ),
    }));
    fc.assert(
      fc.property(value, fc.array(fc.dictionary(field, value)), (body, messages) => {
        for (const each of [body, { model: 'm', messages: messages.map((one) => ({ role: 'assistant', ...one })) }]) {
          expect(refusalOf(() => chat.renderRequest(chat.parseRequest(each)))).toBeOneOf([undefined, expect.any(RequestError)]);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('writing messages from another format', () => {
  test('instructions become system messages where they stand: not every gateway knows developers', () => {
    const items = [
      message('system', text('a')),
      message('developer', text('b'), text('c')),
      message('user', text('hi')),
      message('developer', text('d')),
      message('system', text('e')),
    ];
    expect(messagesOf(turnOf('responses', items))).toEqual([
      { role: 'system', content: 'a' },
      { role: 'system', content: 'b\n\nc' },
      { role: 'user', content: 'hi' },
      { role: 'system', content: 'd' },
      { role: 'system', content: 'e' },
    ]);
  });

  test('text and calls that follow each other are one assistant message', () => {
    const items = [
      message('user', text('hi')),
      message('assistant', text('I '), text('look.')),
      call('a'),
      message('assistant', text('And on.')),
      call('b'),
    ];
    expect(messagesOf(turnOf('messages', [...items, result('a', text('1')), result('b', text('2'))]))).toEqual([
      user,
      {
        role: 'assistant',
        content: 'I look.\n\nAnd on.',
        tool_calls: [
          { id: 'a', type: 'function', function: { name: 'read', arguments: '{}' } },
          { id: 'b', type: 'function', function: { name: 'read', arguments: '{}' } },
        ],
      },
      { role: 'tool', tool_call_id: 'a', content: '1' },
      { role: 'tool', tool_call_id: 'b', content: '2' },
    ]);
  });

  test('images of results stand in one user message after the whole batch', () => {
    const image: Part = { type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'AAAA' } };
    const items = [call('a'), call('b'), result('a', text('seen'), image), result('b', image), message('user', text('hi'))];
    const shown = { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } };
    expect(messagesOf(turnOf('messages', items))).toEqual([
      expect.objectContaining({ role: 'assistant', content: null }),
      { role: 'tool', tool_call_id: 'a', content: 'seen' },
      { role: 'tool', tool_call_id: 'b', content: 'The result is in the next user message.' },
      { role: 'user', content: [shown, shown] },
      user,
    ]);
  });

  test('a failed result says so in its text, once', () => {
    const failed = (content: string): TurnItem => ({
      type: 'tool_result',
      callId: 'a',
      kind: 'function',
      content: [text(content)],
      isError: true,
    });
    expect(messagesOf(turnOf('messages', [call('a'), failed('no such file'), failed('Error: again')]))).toMatchObject([
      { role: 'assistant' },
      { role: 'tool', content: 'Error: no such file' },
      { role: 'tool', content: 'Error: again' },
    ]);
  });

  test('documents become files where they can, and text where not', () => {
    const items = [
      message(
        'user',
        { type: 'document', source: { kind: 'base64', mediaType: 'application/pdf', data: 'BBBB' } },
        { type: 'document', source: { kind: 'text', text: 'plain' }, name: 'a.txt' },
        { type: 'document', source: { kind: 'url', url: 'https://example.com/a.pdf' } },
        { type: 'document', source: { kind: 'file', id: 'file_1' } },
        { type: 'image', source: { kind: 'file', id: 'file_2' } },
      ),
    ];
    const { body, lost } = chat.renderRequest(turnOf('messages', items));
    expect(body.messages).toEqual([
      {
        role: 'user',
        content: [
          { type: 'file', file: { filename: 'document.pdf', file_data: 'data:application/pdf;base64,BBBB' } },
          { type: 'text', text: 'a.txt\n\nplain' },
          { type: 'text', text: 'https://example.com/a.pdf' },
        ],
      },
    ]);
    expect(lost).toHaveLength(3);
  });

  test('a billing header is left out without a word', () => {
    const header: Part = { type: 'text', text: 'x-anthropic-billing-header: 1', extra: { billingHeader: true } };
    const items = [message('system', header), message('system', header, text('Be brief.')), message('user', text('hi'))];
    expect(chat.renderRequest(turnOf('messages', items))).toMatchObject({
      body: { messages: [{ role: 'system', content: 'Be brief.' }, user] },
      lost: [],
    });
  });

  test('reasoning only goes back to the family it came from', () => {
    const items: TurnItem[] = [
      message('user', text('hi')),
      { type: 'reasoning', summary: ['signed'], opaque: { family: 'messages', data: 'sig' } },
      { type: 'reasoning', summary: ['plain'] },
      { type: 'reasoning', summary: ['ours'], opaque: { family: 'chat', data: 'blob' } },
      message('assistant', text('yes')),
    ];
    const { body, lost } = chat.renderRequest(turnOf('messages', items));
    expect(body.messages).toEqual([user, { role: 'assistant', content: 'yes', reasoning_text: 'ours', reasoning_opaque: 'blob' }]);
    expect(lost).toEqual([{ path: 'messages', why: expect.stringContaining('Reasoning') }]);
  });

  test('everything else that can not cross is named once', () => {
    const mark = { type: 'ephemeral' };
    const items: TurnItem[] = [
      { type: 'opaque', from: 'messages', name: 'server_tool_use', value: {} },
      {
        ...message(
          'user',
          { type: 'text', text: 'hi', cacheControl: mark },
          { type: 'opaque', from: 'messages', name: 'search_result', value: {} },
        ),
        extra: { odd: 1 },
      },
      { type: 'tool_call', callId: 'a', name: 'read', kind: 'function', input: '{}', cacheControl: mark },
      { type: 'tool_result', callId: 'a', kind: 'function', content: [{ type: 'tool_reference', name: 'write' }], cacheControl: mark },
    ];
    const { body, lost } = chat.renderRequest(
      turnOf('messages', items, {
        topK: 5,
        stop: ['1', '2', '3', '4', '5'],
        user: 'u'.repeat(65),
        serviceTier: 'standard_only',
        reasoning: { enabled: true, budgetTokens: 10_000 },
        tools: [
          { type: 'hosted', from: 'messages', name: 'web_search', value: {} },
          { type: 'function', name: 'later', deferred: true },
        ],
        extra: { context_management: {} },
      }),
    );
    expect(body).toMatchObject({
      stop: ['1', '2', '3', '4'],
      reasoning_effort: 'medium',
      tools: [{ type: 'function', function: { name: 'later' } }],
    });
    for (const absent of ['top_k', 'user', 'service_tier', 'context_management']) expect(body).not.toHaveProperty(absent);
    expect(lost.map((loss) => loss.path).toSorted()).toEqual(
      [
        'cache_control',
        'context_management',
        'messages',
        'messages',
        'messages',
        'messages[].odd',
        'metadata.user_id',
        'service_tier',
        'stop_sequences[4]',
        'thinking.budget_tokens',
        'tools[0]',
        'tools[1].defer_loading',
        'top_k',
      ].toSorted(),
    );
  });

  test('what Responses says in the same words crosses, and what goes without saying is no loss', () => {
    const items = [
      { ...message('system', text('a')), extra: { instructions: true } },
      { ...message('user', text('hi')), extra: { status: 'completed' } },
    ];
    const extra = { metadata: { a: '1' }, store: false, include: ['reasoning.encrypted_content'], stream_options: {}, truncation: 'auto' };
    const { body, lost } = chat.renderRequest(turnOf('responses', items, { extra }));
    expect(body).toEqual({ model: 'm', messages: [{ role: 'system', content: 'a' }, user], metadata: { a: '1' } });
    expect(lost.map((loss) => loss.path)).toEqual(['truncation']);
  });

  test('a stream always asks for the token counts', () => {
    expect(chat.renderRequest(turnOf('messages', [message('user', text('hi'))], { stream: true })).body).toEqual({
      model: 'm',
      messages: [user],
      stream: true,
      stream_options: { include_usage: true },
    });
  });

  test('a choice among tools goes with the tools', () => {
    const tools: ToolDefinition[] = [{ type: 'hosted', from: 'responses', name: 'web_search', value: {} }];
    const { body, lost } = chat.renderRequest(turnOf('responses', [], { tools, toolChoice: { type: 'any' }, parallelToolCalls: true }));
    expect(body).toEqual({ model: 'm', messages: [] });
    expect(lost.map((loss) => loss.path)).toEqual(['tools[0]', 'tool_choice']);
  });
});

describe('the same format at both ends', () => {
  test.each<[string, JsonValue[]]>([
    ['two assistant messages in a row', [user, { role: 'assistant', content: 'a' }, { role: 'assistant', content: 'b' }]],
    ['reasoning under the name it came in', [user, { role: 'assistant', reasoning_content: 'hm', content: 'a' }]],
    ['opaque reasoning without a text', [user, { role: 'assistant', reasoning_opaque: 'blob', content: 'a' }]],
    ['parts with their marks', [{ role: 'user', content: [{ type: 'text', text: 'a', cache_control: { type: 'ephemeral' }, x: 1 }] }]],
    ['marks on messages', [{ role: 'system', content: 'a', copilot_cache_control: { type: 'ephemeral' } }, user]],
    ['audio', [{ role: 'user', content: [{ type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } }] }]],
    ['a refusal', [user, { role: 'assistant', content: null, refusal: 'No.' }]],
    ['an empty message', [{ role: 'user', content: '' }]],
  ])('%s come back as they were', (_, messages) => {
    expect(again(messages)).toEqual(messages);
  });

  const word = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 });
  const name = fc.stringMatching(/^[a-z_]{1,10}$/);
  const textPart: fc.Arbitrary<Part> = word.map(text);
  const mediaPart: fc.Arbitrary<Part> = fc.oneof(
    fc
      .base64String({ maxLength: 12 })
      .map((base64): Part => ({ type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: base64 } })),
    fc.webUrl().map((url): Part => ({ type: 'image', source: { kind: 'url', url }, detail: 'high' })),
    fc
      .base64String({ maxLength: 12 })
      .map((base64): Part => ({ type: 'document', source: { kind: 'base64', mediaType: 'application/pdf', data: base64 }, name: 'a.pdf' })),
  );
  const plain = fc
    .tuple(fc.constantFrom('system' as const, 'developer' as const), textPart)
    .map(([role, part]): TurnItem[] => [message(role, part)]);
  const fromUser = fc.array(fc.oneof(textPart, mediaPart), { maxLength: 3 }).map((parts): TurnItem[] => [message('user', ...parts)]);
  const fromAssistant = fc
    .record({
      thought: fc.option(fc.record({ said: word, data: word }), { nil: undefined }),
      said: fc.array(textPart, { minLength: 1, maxLength: 2 }),
      calls: fc.array(fc.record({ name, input: word, custom: fc.boolean() }), { maxLength: 3 }),
    })
    .map(({ thought, said, calls }): TurnItem[] => {
      const reasoning: TurnItem[] =
        thought === undefined
          ? []
          : [
              {
                type: 'reasoning',
                summary: [thought.said],
                opaque: { family: 'chat', data: thought.data },
                extra: { field: 'reasoning_text' },
              },
            ];
      const kinds = calls.map((each) => (each.custom ? ('custom' as const) : ('function' as const)));
      const made = calls.map((each, i): TurnItem => ({
        type: 'tool_call',
        callId: `c${i}`,
        name: each.name,
        kind: kinds[i] ?? 'function',
        input: each.input,
      }));
      const results = calls.map((each, i): TurnItem => ({
        type: 'tool_result',
        callId: `c${i}`,
        kind: kinds[i] ?? 'function',
        content: [text(each.name)],
      }));
      return [...reasoning, message('assistant', ...said), ...made, ...results];
    });
  const tool: fc.Arbitrary<ToolDefinition> = fc.oneof(
    fc.record({
      type: fc.constant('function' as const),
      name,
      description: word,
      parameters: fc.constant({ type: 'object' }),
      strict: fc.boolean(),
    }),
    fc.record({
      type: fc.constant('custom' as const),
      name,
      format: fc.constantFrom<JsonObject>({ type: 'text' }, { type: 'grammar', syntax: 'lark', definition: 'start: "a"' }),
    }),
  );
  const turn: fc.Arbitrary<TurnRequest> = fc
    .record({
      items: fc.array(fc.oneof(plain, fromUser, fromAssistant), { minLength: 1, maxLength: 6 }),
      tools: fc.array(tool, { maxLength: 3 }),
      more: fc.record(
        {
          maxOutputTokens: fc.nat(),
          temperature: fc.double({ min: 0, max: 2, noNaN: true }).map((value) => value + 0),
          topK: fc.nat(),
          stop: fc.array(word, { minLength: 1, maxLength: 4 }),
          user: word,
          cacheKey: word,
          verbosity: name,
          output: fc.constantFrom<NonNullable<TurnRequest['output']>>(
            { type: 'json' },
            { type: 'json_schema', name: 'n', schema: {}, strict: false },
          ),
          reasoning: fc.constant({ effort: 'high' }),
        },
        { requiredKeys: [] },
      ),
      extra: fc.dictionary(
        name.filter((key) => !['model', 'messages', 'stream', 'stop', 'tools', 'user', 'functions', '__proto__'].includes(key)),
        fc.oneof(fc.integer(), word),
        { maxKeys: 2, noNullPrototype: true },
      ),
    })
    .map(({ items, tools, more, extra }) => ({ ...turnOf('chat', items.flat(), { tools, extra }), ...more }));

  test('any turn is read back as it was written', () => {
    fc.assert(
      fc.property(turn, (asked) => {
        const { body, lost } = chat.renderRequest(asked);
        expect(chat.parseRequest(JSON.parse(JSON.stringify(body)))).toEqual(asked);
        expect(lost).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});
