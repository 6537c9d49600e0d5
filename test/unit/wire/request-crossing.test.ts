import { describe, expect, it } from 'vitest';
import { codecs } from '../../../bridges/wire/codecs.ts';
import { isObject } from '../../../bridges/wire/json.ts';
import { memoryHandleStore } from '../../../bridges/wire/opaque.ts';
import { crossRequest } from '../../../bridges/wire/translate.ts';
import type { JsonObject, JsonValue, Loss, WireFormat } from '../../../bridges/wire/turn.ts';

/** What is sent for a request, and what could not be. */
function cross(from: WireFormat, to: WireFormat, body: JsonObject): { body: JsonObject; lost: Loss[] } {
  return crossRequest({
    body: { model: 'm', ...(from === 'messages' && { max_tokens: 99 }), ...body },
    from,
    to,
    store: memoryHandleStore({ max: 10, random: () => 'h' }),
    upstream: 'u',
    now: 0,
    newId: (prefix) => `${prefix}1`,
    wantsReasoning: true,
    client: { family: 'other', requestId: 'r' },
  });
}

function conversation(body: JsonObject): JsonValue[] {
  const items = body.input ?? body.messages;
  return Array.isArray(items) ? items : [];
}

function tools(body: JsonObject): JsonValue[] {
  return Array.isArray(body.tools) ? body.tools : [];
}

function roles(body: JsonObject): (JsonValue | undefined)[] {
  return conversation(body).map((item) => (isObject(item) ? item.role : undefined));
}

const docx = { type: 'file', file: { filename: 'a.docx', file_data: 'data:application/vnd.ms-word;base64,AAAA' } };
const audio = { type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } };
const image = { type: 'image', source: { type: 'file', file_id: 'f' } };
const storedImage = { type: 'input_image', file_id: 'f' };

describe('a message of the user of which nothing can cross', () => {
  it.each<[WireFormat, WireFormat, JsonObject, string]>([
    ['chat', 'messages', docx, 'a.docx'],
    ['chat', 'messages', audio, 'input_audio'],
    ['chat', 'responses', audio, 'input_audio'],
    ['messages', 'chat', image, 'an image'],
    ['messages', 'responses', image, 'an image'],
    ['responses', 'messages', storedImage, 'an image'],
    ['responses', 'chat', storedImage, 'an image'],
  ])('leaves the turn to the user: %s to %s, %j', (from, to, part, name) => {
    const said = [
      { role: 'user', content: [part] },
      { role: 'assistant', content: 'hello' },
      { role: 'user', content: [part] },
    ];
    const { body, lost } = cross(from, to, { [from === 'responses' ? 'input' : 'messages']: said });
    expect(roles(body)).toEqual(['user', 'assistant', 'user']);
    expect(JSON.stringify(body).split(`"[${name} could not be passed on]"`)).toHaveLength(3);
    expect(lost).not.toEqual([]);
  });
});

describe('a request that leaves nothing to answer', () => {
  const system = { role: 'system', content: 'Say hi.' };
  const opening = [{ role: 'user' }];
  it.each<[string, WireFormat, WireFormat, JsonObject, JsonObject[]]>([
    ['only system text', 'chat', 'responses', { messages: [system] }, [{ role: 'developer', content: [{ text: 'Say hi.' }] }]],
    ['only system text', 'chat', 'messages', { messages: [system] }, opening],
    ['only instructions', 'responses', 'chat', { instructions: 'Say hi.', input: [] }, [system]],
    ['no words', 'chat', 'responses', { messages: [{ role: 'user', content: '' }] }, opening],
    ['no words', 'chat', 'messages', { messages: [{ role: 'user', content: ' ' }] }, opening],
    ['no input', 'responses', 'chat', { input: [] }, opening],
    ['no messages', 'messages', 'responses', { system: 'x-anthropic-billing-header: v=1', messages: [] }, opening],
  ])('still asks: %s, %s to %s', (_, from, to, request, asked) => {
    expect(conversation(cross(from, to, request).body)).toMatchObject(asked);
  });

  it('keeps the other system texts as instructions where the last must be asked with', () => {
    const { body } = cross('chat', 'responses', { messages: [system, { role: 'developer', content: 'Loudly.' }] });
    expect(body).toMatchObject({ instructions: 'Say hi.', input: [{ role: 'developer', content: [{ text: 'Loudly.' }] }] });
  });

  it.each<WireFormat>(['responses', 'messages'])(
    'does not end with the assistant where the user came after it without a word: to %s',
    (to) => {
      const messages = [
        { role: 'user', content: 'hi' },
        { role: 'assistant', content: 'hello' },
        { role: 'user', content: '' },
      ];
      expect(roles(cross('chat', to, { messages }).body)).toEqual(['user', 'assistant', 'user']);
      expect(roles(cross('chat', to, { messages: messages.slice(0, 2) }).body)).toEqual(['user', 'assistant']);
    },
  );
});

const ask = { messages: [{ role: 'user', content: 'x' }] };

describe('the schema of a function', () => {
  const text = { type: 'string' };
  it.each<[JsonObject, JsonObject]>([
    [{ type: 'object' }, { type: 'object', properties: {} }],
    [{}, { type: 'object', properties: {} }],
    [{ properties: { text } }, { type: 'object', properties: { text } }],
    [
      { type: 'object', additionalProperties: text },
      { type: 'object', properties: {}, additionalProperties: text },
    ],
    [
      { type: 'object', properties: { text }, required: ['text'] },
      { type: 'object', properties: { text }, required: ['text'] },
    ],
  ])('has a type and properties for OpenAI: %j', (input_schema, parameters) => {
    const request = { ...ask, tools: [{ name: 'f', input_schema }] };
    expect(tools(cross('messages', 'responses', request).body)).toMatchObject([{ name: 'f', parameters }]);
    expect(tools(cross('messages', 'chat', request).body)).toEqual([{ type: 'function', function: { name: 'f', parameters } }]);
  });

  it.each<WireFormat>(['chat', 'responses'])('stays as it is on the way to the format it was written in: %s', (format) => {
    const parameters = { type: 'object' };
    const tool =
      format === 'chat' ? { type: 'function', function: { name: 'f', parameters } } : { type: 'function', name: 'f', parameters };
    expect(tools(cross(format, format, { ...ask, input: 'x', tools: [tool] }).body)).toEqual([tool]);
  });
});

describe('the text of a block that only Anthropic knows', () => {
  const blocks = [
    { type: 'text', text: 'the found text' },
    { type: 'text', text: 'and more' },
  ];
  it.each<[JsonObject, string]>([
    [{ type: 'search_result', title: 'T', source: 'https://t', content: blocks }, 'T\n\nhttps://t\n\nthe found text\n\nand more'],
    [{ type: 'document', title: 'T', source: { type: 'content', content: blocks } }, 'T\n\nthe found text\n\nand more'],
    [{ type: 'document', source: { type: 'content', content: 'the found text' } }, 'the found text'],
  ])('crosses, and what is more than text is told to be lost: %j', (block, text) => {
    const messages = [
      { role: 'user', content: [block] },
      { role: 'assistant', content: [{ type: 'tool_use', id: 't', name: 'f', input: {} }] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't', content: [block] }] },
    ];
    const chat = cross('messages', 'chat', { messages });
    expect(conversation(chat.body)).toMatchObject([{ content: text }, {}, { role: 'tool', content: text }]);
    const responses = cross('messages', 'responses', { messages });
    expect(conversation(responses.body)).toMatchObject([{ content: [{ type: 'input_text', text }] }, {}, { output: text }]);
    for (const { lost } of [chat, responses]) {
      expect(lost).toEqual([{ path: 'messages', why: `of "${block.type as string}" the text alone is passed on` }]);
    }
    expect(conversation(cross('messages', 'messages', { messages }).body)[0]).toEqual({ role: 'user', content: [block] });
  });
});

describe('a file', () => {
  const data = Buffer.from('a,b').toString('base64');
  it.each<[string, JsonObject]>([
    ['a.pdf', { type: 'document', title: 'a.pdf', source: { type: 'base64', media_type: 'application/pdf', data } }],
    ['a.csv', { type: 'document', title: 'a.csv', source: { type: 'text', media_type: 'text/plain', data: 'a,b' } }],
    ['a.docx', { type: 'text', text: '[a.docx could not be passed on]' }],
  ])('whose bytes come bare crosses as what its name says: %s', (filename, block) => {
    const input = [{ role: 'user', content: [{ type: 'input_file', filename, file_data: data }] }];
    expect(conversation(cross('responses', 'messages', { input }).body)).toEqual([{ role: 'user', content: [block] }]);
    const messages = [{ role: 'user', content: [{ type: 'file', file: { filename, file_data: data } }] }];
    expect(conversation(cross('chat', 'messages', { messages }).body)).toEqual([{ role: 'user', content: [block] }]);
  });
});

describe('the title of a document', () => {
  it.each<[JsonObject, string]>([
    [{ type: 'text', media_type: 'text/plain', data: 'hello' }, 'report.md\n\nhello'],
    [{ type: 'url', url: 'https://a' }, 'report.md\n\nhttps://a'],
  ])('stands above what chat reads as text: %j', (source, content) => {
    const messages = [{ role: 'user', content: [{ type: 'document', title: 'report.md', source }] }];
    expect(conversation(cross('messages', 'chat', { messages }).body)).toEqual([{ role: 'user', content }]);
  });
});

describe('the shape of an answer', () => {
  const schema = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'], additionalProperties: false };

  it('is read from the field it had at first, too', () => {
    const request = { messages: [{ role: 'user', content: 'hi' }], output_format: { type: 'json_schema', schema } };
    expect(cross('messages', 'chat', request)).toMatchObject({
      body: { response_format: { type: 'json_schema', json_schema: { schema } } },
      lost: [],
    });
    expect(cross('messages', 'responses', request).body).toMatchObject({ text: { format: { type: 'json_schema', schema } } });
  });

  const object = (properties: JsonObject, more: JsonObject = {}): JsonObject => ({
    type: 'object',
    properties,
    required: Object.keys(properties),
    additionalProperties: false,
    ...more,
  });
  const text = { type: 'string' };

  it.each<[JsonObject, boolean]>([
    [schema, true],
    [object({ list: { type: 'array', items: object({ a: text }) }, either: { anyOf: [text, { type: 'null' }] } }), true],
    [object({ next: { $ref: '#/$defs/node' } }, { $defs: { node: object({ a: { type: 'string', enum: ['x'] } }) } }), true],
    [object({ a: text }, { required: [] }), false],
    [object({ list: { type: 'array', items: { ...object({ a: text }), additionalProperties: true } } }), false],
    [object({ a: { ...text, pattern: '^x' } }), false],
    [object({ a: { enum: ['x'] } }), false],
    [object({ a: { $ref: '#/$defs/b', description: 'B' } }, { $defs: { b: text } }), false],
    [{ anyOf: [schema] }, false],
    [{ type: 'array', items: text }, false],
  ])('holds a model of OpenAI’s to it as it would hold Claude, where it can: %j, %j', (schema, isHeld) => {
    const request = {
      model: 'gpt-5.5',
      messages: [{ role: 'user', content: 'hi' }],
      output_config: { format: { type: 'json_schema', schema } },
    };
    const chat = cross('messages', 'chat', request);
    const json_schema = { name: 'output', schema, ...(isHeld && { strict: true }) };
    expect(chat.body.response_format).toEqual({ type: 'json_schema', json_schema });
    expect(chat.lost.map(({ path }) => path)).toEqual(isHeld ? [] : ['output_config.format']);
    const responses = cross('messages', 'responses', request);
    expect(responses.body.text).toEqual({ format: { type: 'json_schema', ...json_schema } });
    expect(responses.lost).toHaveLength(isHeld ? 0 : 1);
  });

  it('is the one of today where both are told', () => {
    const messages = [{ role: 'user', content: 'hi' }];
    const today = { format: { type: 'json_schema', schema } };
    const { body } = cross('messages', 'chat', { messages, output_config: today, output_format: { type: 'json_schema', schema: {} } });
    expect(body).toMatchObject({ response_format: { json_schema: { schema } } });
  });
});

describe('how much to think', () => {
  it.each<[JsonObject, string | undefined, string[]]>([
    [{ thinking: { type: 'disabled' }, output_config: { effort: 'high' } }, undefined, ['thinking', 'output_config.effort']],
    [{ thinking: { type: 'disabled' } }, undefined, ['thinking']],
    [{ thinking: { type: 'adaptive' } }, undefined, ['thinking']],
    [{ thinking: { type: 'adaptive' }, output_config: { effort: 'high' } }, 'high', []],
    [{ thinking: { type: 'enabled', budget_tokens: 2048 } }, 'low', ['thinking.budget_tokens']],
  ])('crosses to chat, or is told to be lost: %j', (wish, effort, paths) => {
    const { body, lost } = cross('messages', 'chat', { ...ask, ...wish });
    expect([body.reasoning_effort, lost.map(({ path }) => path)]).toEqual([effort, paths]);
  });

  it.each([
    ['summarized', 'auto', ['thinking.display']],
    ['omitted', undefined, []],
    [undefined, 'auto', []],
  ])('is read as far as the client wants to: %s', (display, summary, lostInChat) => {
    const wish = { ...ask, thinking: { type: 'adaptive', display }, output_config: { effort: 'low' } };
    const { body, lost } = cross('messages', 'responses', wish);
    expect([body.reasoning, lost]).toEqual([{ effort: 'low', summary }, []]);
    expect(cross('messages', 'chat', wish).lost.map(({ path }) => path)).toEqual(lostInChat);
  });

  it('crosses to Responses up to the most', () => {
    const { body, lost } = cross('messages', 'responses', { ...ask, output_config: { effort: 'max' } });
    expect([body.reasoning, lost]).toEqual([{ effort: 'max' }, []]);
  });

  it('stays off on the way from Responses to chat', () => {
    expect(cross('responses', 'chat', { input: 'x', reasoning: { effort: 'none' } })).toMatchObject({
      body: { reasoning_effort: 'none' },
      lost: [],
    });
  });
});

describe('the arguments of an earlier call', () => {
  it.each([
    '{"id":12345678901234567890}',
    '{"ids":[{"a":-9007199254740993},{"":9007199254740993}]}',
    '{"text":"12345678901234567890 \\n","list":[0.5,10000000000000000]}',
    '{"safe":1234567890123456}',
    '{}',
  ])('reach Claude as they were written: %s', (text) => {
    const call = { type: 'function_call', call_id: 'c', name: 'f', arguments: text };
    const input = [{ role: 'user', content: 'x' }, call, { type: 'function_call_output', call_id: 'c', output: 'ok' }];
    const sent = JSON.stringify(conversation(cross('responses', 'messages', { input }).body)[1]);
    expect(sent).toContain(`"input":${text}`);
  });

  it('are passed on as text where they are a number alone', () => {
    const call = { id: 'c', type: 'function', function: { name: 'f', arguments: '12345678901234567890' } };
    const messages = [
      { role: 'user', content: 'x' },
      { role: 'assistant', tool_calls: [call] },
      { role: 'tool', tool_call_id: 'c', content: 'ok' },
    ];
    expect(JSON.stringify(cross('chat', 'messages', { messages }).body)).toContain('"input":{"input":"12345678901234567890"}');
  });
});

describe('a tool that Claude Code adds on the way', () => {
  const listed = { name: 'late', description: 'Late.', input_schema: { type: 'object', properties: {} }, defer_loading: true };
  const told = { name: 'inline', description: 'Inline.', input_schema: { type: 'object', properties: {} } };
  const addition = (tool: JsonObject): JsonObject => ({ type: 'tool_addition', tool });
  const request = {
    tools: [{ name: 'first', input_schema: { type: 'object', properties: {} } }, listed, { ...listed, name: 'unnamed' }],
    messages: [
      { role: 'user', content: 'x' },
      {
        role: 'system',
        content: [
          addition({ type: 'tool_reference', name: 'late' }),
          addition({ type: 'tool_definition', definition: told }),
          addition({ type: 'tool_definition', definition: { type: 'web_search_20260318', name: 'web_search' } }),
          addition({ type: 'mcp_toolset_reference', server_name: 's' }),
        ],
      },
    ],
  };

  it.each(['chat', 'responses'] as const)('is offered in %s, and what its provider runs is lost', (to) => {
    const { body, lost } = cross('messages', to, request);
    const names = tools(body).map((tool) => (isObject(tool) ? (isObject(tool.function) ? tool.function.name : tool.name) : undefined));
    expect(names).toEqual(['first', 'late', 'inline']);
    expect(JSON.stringify(conversation(body))).toMatch(/Tool found: late.*Tool found: inline/);
    expect(lost.map(({ why }) => why)).toEqual([
      'deferred tools that no tool search has found yet are not offered: unnamed',
      '"tool_addition" means something to messages providers only',
    ]);
  });

  it('stays what it is in its own format', () => {
    const { body } = codecs.messages.renderRequest(codecs.messages.parseRequest({ model: 'm', max_tokens: 9, ...request }));
    expect(body.tools).toEqual(request.tools);
    expect(conversation(body)[1]).toEqual(request.messages[1]);
  });
});

describe('what Claude made of a conversation it compacted', () => {
  const block = { type: 'compaction', content: 'So far: all is well.', encrypted_content: null, signature: 's' };
  const messages = [
    { role: 'assistant', content: [block, { type: 'text', text: 'And now?' }] },
    { role: 'user', content: 'go on' },
  ];

  it('is told to the model of another provider, which has nothing else of it', () => {
    const { body, lost } = cross('messages', 'chat', { messages });
    expect(conversation(body)[0]).toEqual({ role: 'assistant', content: 'So far: all is well.\n\nAnd now?' });
    expect(lost).toEqual([{ path: 'messages', why: 'of "compaction" the text alone is passed on' }]);
  });

  it('is nothing where it failed', () => {
    const failed = [{ role: 'assistant', content: [{ ...block, content: null }] }, messages[1] ?? {}];
    expect(conversation(cross('messages', 'responses', { messages: failed }).body)).toHaveLength(1);
  });

  it('stays what it is in its own format', () => {
    const { body } = codecs.messages.renderRequest(codecs.messages.parseRequest({ model: 'm', max_tokens: 9, messages }));
    expect(conversation(body)[0]).toEqual(messages[0]);
  });
});
