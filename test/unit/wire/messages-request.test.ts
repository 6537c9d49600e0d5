import { describe, expect, it } from 'vitest';
import { RequestError } from '../../../bridges/wire/codec.ts';
import { messages } from '../../../bridges/wire/messages/index.ts';
import type { JsonObject, JsonValue, Loss, TurnItem, TurnRequest } from '../../../bridges/wire/turn.ts';
import { recordedBody } from '../../wire/recorded.ts';
import { asObject, asObjects } from './messages.helpers.ts';

function body(fields: JsonObject = {}): JsonObject {
  return { model: 'm', max_tokens: 100, messages: [{ role: 'user', content: 'hi' }], ...fields };
}

function parse(fields: JsonObject): TurnRequest {
  return messages.parseRequest(body(fields));
}

function parseMessages(...list: JsonValue[]): TurnItem[] {
  return parse({ messages: list }).items;
}

function roundTrip(request: JsonObject): JsonObject {
  const { body: rendered, lost } = messages.renderRequest(messages.parseRequest(request));
  expect(lost).toEqual([]);
  return rendered;
}

function refusalOf(request: JsonValue): RequestError {
  try {
    messages.parseRequest(request);
  } catch (error) {
    if (error instanceof RequestError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

/** A turn as it comes from a client of another format. */
function foreign(fields: Partial<TurnRequest> = {}): TurnRequest {
  return { from: 'responses', model: 'm', stream: true, items: [user('hi')], tools: [], extra: {}, ...fields };
}

function cross(fields: Partial<TurnRequest>): { body: JsonObject; lost: Loss[] } {
  return messages.renderRequest(foreign(fields));
}

function user(text: string): TurnItem {
  return { type: 'message', role: 'user', content: [{ type: 'text', text }] };
}

function lostPaths(fields: Partial<TurnRequest>): string[] {
  return cross(fields).lost.map((loss) => loss.path);
}

const shell: TurnRequest['tools'][number] = { type: 'function', name: 'shell', parameters: { type: 'object', properties: {} } };

/** String content and a list with one text mean the same, as do two messages of a role and one. */
function normalised(request: JsonObject): JsonObject {
  const copy = structuredClone(request);
  if (typeof copy.system === 'string') copy.system = blocks(copy.system);
  const merged: JsonObject[] = [];
  for (const message of asObjects(copy.messages)) {
    const content = blocks(message.content).map((block) =>
      block.type === 'tool_result' && block.content !== undefined ? { ...block, content: blocks(block.content) } : block,
    );
    const last = merged.at(-1);
    if (last !== undefined && last.role === message.role && message.role !== 'system') last.content = [...blocks(last.content), ...content];
    else merged.push({ ...message, content });
  }
  copy.messages = merged;
  copy.stream ??= false;
  if (Array.isArray(copy.tools) && copy.tools.length === 0) delete copy.tools;
  return copy;
}

function blocks(content: JsonValue | undefined): JsonObject[] {
  return typeof content === 'string' ? [{ type: 'text', text: content }] : asObjects(content);
}

describe('recorded requests', () => {
  it.each([
    'claude-code-2.1.329/text/02.request.json',
    'claude-code-2.1.329/toolsearch/03.request.json',
    'claude-code-2.1.329/toolsearch/04.request.json',
    'claude-code-2.1.329/tool_fail/03.request.json',
    'claude-code-2.1.329/thinking_samemodel/03.request.json',
    'claude-code-2.1.329/thinking_nosig/03.request.json',
    'claude-code-2.1.329/parallel/03.request.json',
    'claude-code-2.1.329/websearch/03.request.json',
    'claude-code-2.1.329/interactive/02.request.json',
    'claude-code-2.1.329/toolsearch_off_nobeta/02.request.json',
    'claude-code-2.1.329/multi1/02.request.json',
    'copilot-cli-1.0.102/signed-in_claude-sonnet-4.6/05.request.json',
  ])('come back from the hub as they were: %s', (path) => {
    const request = recordedBody(path);
    expect(normalised(roundTrip(request))).toEqual(normalised(request));
  });

  it('tell the settings of Claude Code in neutral words', () => {
    const turn = messages.parseRequest(recordedBody('claude-code-2.1.329/text/02.request.json'));
    expect(turn).toMatchObject({
      from: 'messages',
      stream: true,
      maxOutputTokens: 128_000,
      reasoning: { enabled: true, effort: 'medium' },
      extra: { context_management: { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }] } },
    });
    expect(turn.user).toContain('device_id');
  });

  it('keep the system messages among the others at their places', () => {
    const { items } = messages.parseRequest(recordedBody('claude-code-2.1.329/toolsearch/04.request.json'));
    const roles = items.map((item) => (item.type === 'message' ? item.role : item.type));
    expect(roles).toEqual(['system', 'user', 'system', 'tool_call', 'tool_result', 'user', 'tool_call', 'tool_result']);
  });

  it('mark the billing header, so that other formats skip it', () => {
    const [system] = messages.parseRequest(recordedBody('claude-code-2.1.329/text/02.request.json')).items;
    expect(system?.type === 'message' && system.content.map((part) => part.type === 'text' && part.extra)).toEqual([
      { billingHeader: true },
      undefined,
      undefined,
    ]);
  });

  it('tell held-back tools and the references that a search found', () => {
    const turn = messages.parseRequest(recordedBody('claude-code-2.1.329/toolsearch/03.request.json'));
    expect(turn.tools.filter((tool) => tool.type !== 'hosted' && tool.deferred).map((tool) => tool.name)).toContain('TaskCreate');
    expect(turn.items.find((item) => item.type === 'tool_result')).toMatchObject({
      content: [
        { type: 'tool_reference', name: 'TaskCreate' },
        { type: 'tool_reference', name: 'TaskList' },
      ],
    });
  });

  it('tell a hosted tool as one', () => {
    const { tools } = messages.parseRequest(recordedBody('claude-code-2.1.329/websearch/03.request.json'));
    expect(tools).toEqual([
      {
        type: 'hosted',
        from: 'messages',
        name: 'web_search',
        value: { type: 'web_search_20250305', name: 'web_search', max_uses: 8 },
      },
    ]);
  });
});

describe('a request that can not be meant', () => {
  it.each<[string, JsonValue, string]>([
    ['is no object', [], ''],
    ['has no model', { messages: [] }, 'model'],
    ['has an empty model', body({ model: '' }), 'model'],
    ['has no messages', { model: 'm' }, 'messages'],
    ['has messages that are no list', body({ messages: 'hi' }), 'messages'],
    ['has a message that is no object', body({ messages: ['hi'] }), 'messages[0]'],
    ['has an unknown role', body({ messages: [{ role: 'developer', content: 'hi' }] }), 'messages[0].role'],
    ['has no content', body({ messages: [{ role: 'user' }] }), 'messages[0].content'],
    ['has a block without a type', body({ messages: [{ role: 'user', content: [{ text: 'hi' }] }] }), 'messages[0].content[0].type'],
    [
      'has a text that is none',
      body({ messages: [{ role: 'user', content: [{ type: 'text', text: 1 }] }] }),
      'messages[0].content[0].text',
    ],
    [
      'has a call without an id',
      body({ messages: [{ role: 'assistant', content: [{ type: 'tool_use', name: 'a' }] }] }),
      'messages[0].content[0].id',
    ],
    [
      'has a result for no call',
      body({ messages: [{ role: 'user', content: [{ type: 'tool_result' }] }] }),
      'messages[0].content[0].tool_use_id',
    ],
    [
      'has an image without data',
      body({ messages: [{ role: 'user', content: [{ type: 'image', source: { type: 'base64', media_type: 'image/png' } }] }] }),
      'messages[0].content[0].source.data',
    ],
    ['has a system text that is a number', body({ system: 1 }), 'system'],
    ['has tools that are no list', body({ tools: {} }), 'tools'],
    ['has a tool without a name', body({ tools: [{ input_schema: {} }] }), 'tools[0].name'],
    ['has a limit in words', body({ max_tokens: 'many' }), 'max_tokens'],
    ['has a stream flag in words', body({ stream: 'yes' }), 'stream'],
    ['has a stop sequence that is a number', body({ stop_sequences: [1] }), 'stop_sequences[0]'],
    ['has a choice without a type', body({ tool_choice: {} }), 'tool_choice.type'],
    ['has a choice of a tool without its name', body({ tool_choice: { type: 'tool' } }), 'tool_choice.name'],
  ])('is refused with the name of the field where it %s', (_, request, path) => {
    const error = refusalOf(request);
    expect(error.path).toBe(path);
    expect(error.message).toMatch(/ must be | is missing: | is empty: /);
  });
});

describe('what the hub has no word for', () => {
  it('survives the way back: fields at every level', () => {
    const request = body({
      stream: false,
      mcp_servers: [{ name: 'x' }],
      thinking: { type: 'adaptive', display: 'omitted', pace: 1 },
      output_config: { effort: 'high', task_budget: { total: 5 }, format: { type: 'json_schema', schema: {}, note: 'n' } },
      metadata: { user_id: 'u', team: 't' },
      tools: [{ name: 'a', input_schema: { type: 'object' }, allowed_callers: ['direct'], eager_input_streaming: true }],
      tool_choice: { type: 'auto', disable_parallel_tool_use: false, mood: 'calm' },
      system: [{ type: 'text', text: 's', note: 1 }],
      messages: [
        { role: 'user', content: [{ type: 'text', text: 'hi', note: 2 }], weight: 3 },
        { role: 'assistant', content: [{ type: 'tool_use', id: 'c', name: 'a', input: {}, caller: { type: 'direct' } }] },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'c', note: 4 }], weight: 5 },
      ],
    });
    expect(roundTrip(request)).toEqual(request);
  });

  it('survives the way back: unknown blocks', () => {
    const hosted = [
      { type: 'server_tool_use', id: 's', name: 'web_search', input: { query: 'q' } },
      { type: 'web_search_tool_result', tool_use_id: 's', content: [] },
    ];
    const request = body({
      stream: false,
      messages: [
        { role: 'user', content: [{ type: 'search_result', source: 'a', title: 't', content: [] }] },
        { role: 'assistant', content: [...hosted, { type: 'text', text: 'found' }] },
      ],
    });
    expect(roundTrip(request)).toEqual(request);
    const items = messages.parseRequest(request).items.map((item) => item.type);
    expect(items).toEqual(['message', 'opaque', 'opaque', 'message']);
  });

  it('survives the way back: an unknown kind of thinking, tool choice and answer', () => {
    const request = body({
      stream: false,
      thinking: { type: 'dreaming' },
      output_config: { format: { type: 'poem' } },
      tools: [{ name: 'a', input_schema: { type: 'object' } }],
      tool_choice: { type: 'some' },
    });
    expect(roundTrip(request)).toEqual(normalised(request));
  });

  it('is no reason to fail: null fields count as absent', () => {
    expect(() => parse({ system: null, tools: null, thinking: null, stop_sequences: null, tool_choice: null })).not.toThrow();
  });
});

describe('the blocks of a message', () => {
  it('become items of their own, and runs of text and media stay together', () => {
    const items = parseMessages(
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: 'hm', signature: 'sig' },
          { type: 'redacted_thinking', data: 'secret' },
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b' },
          { type: 'tool_use', id: 'c1', name: 'shell', input: { cmd: 'ls' } },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'c1', is_error: true, content: [{ type: 'text', text: 'no' }] },
          { type: 'text', text: 'go on' },
        ],
      },
    );
    expect(items).toEqual([
      { type: 'reasoning', summary: ['hm'], opaque: { family: 'messages', data: 'sig' } },
      { type: 'reasoning', summary: [], opaque: { family: 'messages', data: 'secret', redacted: true } },
      {
        type: 'message',
        role: 'assistant',
        content: [
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b' },
        ],
      },
      { type: 'tool_call', callId: 'c1', name: 'shell', kind: 'function', input: '{"cmd":"ls"}' },
      { type: 'tool_result', callId: 'c1', kind: 'function', content: [{ type: 'text', text: 'no' }], isError: true },
      user('go on'),
    ]);
  });

  it('tell images and documents from every source', () => {
    const base64 = { type: 'base64', media_type: 'image/png', data: 'AAAA' };
    const items = parseMessages({
      role: 'user',
      content: [
        { type: 'image', source: base64, cache_control: { type: 'ephemeral' } },
        { type: 'image', source: { type: 'url', url: 'https://a/b.png' } },
        { type: 'image', source: { type: 'file', file_id: 'f' } },
        { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'words' }, title: 'T' },
        { type: 'document', source: { type: 'content', content: 'x' } },
      ],
    });
    expect(items).toMatchObject([
      {
        content: [
          { type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'AAAA' }, cacheControl: { type: 'ephemeral' } },
          { type: 'image', source: { kind: 'url', url: 'https://a/b.png' } },
          { type: 'image', source: { kind: 'file', id: 'f' } },
          { type: 'document', source: { kind: 'text', text: 'words' }, name: 'T' },
          { type: 'opaque', from: 'messages', name: 'document' },
        ],
      },
    ]);
  });

  it('tell web citations in the words the formats share, and get them back whole', () => {
    const citation = { type: 'web_search_result_location', url: 'https://a', title: 'A', cited_text: 'c', encrypted_index: 'e' };
    const request = body({
      stream: false,
      messages: [{ role: 'assistant', content: [{ type: 'text', text: 'said', citations: [citation] }] }],
    });
    const [item] = messages.parseRequest(request).items;
    expect(item).toMatchObject({
      content: [{ annotations: [{ type: 'url_citation', url: 'https://a', start_index: 0, end_index: 4 }] }],
    });
    expect(roundTrip(request)).toEqual(request);
  });
});

const MARK = { cache_control: { type: 'ephemeral' } };

describe('a turn from another format', () => {
  it('gets its leading system text as `system`, later system text in the words of the user', () => {
    const { body: rendered, lost } = cross({
      items: [
        { type: 'message', role: 'system', content: [{ type: 'text', text: 'be kind' }], extra: { instructions: true } },
        { type: 'message', role: 'developer', content: [{ type: 'text', text: 'be brief' }] },
        user('hi'),
        { type: 'message', role: 'assistant', content: [{ type: 'text', text: 'hello' }] },
        { type: 'message', role: 'developer', content: [{ type: 'text', text: 'now in French' }] },
        user('again'),
      ],
    });
    expect(rendered.system).toEqual([
      { type: 'text', text: 'be kind' },
      { type: 'text', text: 'be brief', ...MARK },
    ]);
    expect(rendered.messages).toEqual([
      { role: 'user', content: [{ type: 'text', text: 'hi' }] },
      { role: 'assistant', content: [{ type: 'text', text: 'hello' }] },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'now in French' },
          { type: 'text', text: 'again', ...MARK },
        ],
      },
    ]);
    expect(lost).toEqual([]);
  });

  it('has results first in the message after their calls', () => {
    const { body: rendered } = cross({
      items: [
        user('go'),
        { type: 'tool_call', callId: 'a', name: 'shell', kind: 'function', input: '{"cmd":"ls"}' },
        { type: 'tool_call', callId: 'b', name: 'shell', kind: 'function', input: '' },
        { type: 'message', role: 'developer', content: [{ type: 'text', text: 'careful' }] },
        { type: 'tool_result', callId: 'a', kind: 'function', content: [{ type: 'text', text: 'A' }] },
        { type: 'tool_result', callId: 'b', kind: 'function', content: [], isError: true },
        user('next'),
      ],
      tools: [shell],
    });
    expect(asObjects(rendered.messages).slice(1)).toEqual([
      {
        role: 'assistant',
        content: [
          { type: 'tool_use', id: 'a', name: 'shell', input: { cmd: 'ls' } },
          { type: 'tool_use', id: 'b', name: 'shell', input: {} },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'a', content: [{ type: 'text', text: 'A' }] },
          { type: 'tool_result', tool_use_id: 'b', is_error: true },
          { type: 'text', text: 'careful' },
          { type: 'text', text: 'next', ...MARK },
        ],
      },
    ]);
  });

  it('keeps only reasoning that this family signed', () => {
    const { body: rendered, lost } = cross({
      items: [
        user('hi'),
        { type: 'reasoning', summary: ['foreign'], opaque: { family: 'responses', data: 'x' } },
        { type: 'reasoning', summary: ['unsigned'] },
        { type: 'reasoning', summary: ['a', 'b'], opaque: { family: 'messages', data: 'sig' } },
        { type: 'reasoning', summary: [], opaque: { family: 'messages', data: 'red', redacted: true } },
      ],
    });
    expect(asObjects(rendered.messages)[1]).toEqual({
      role: 'assistant',
      content: [
        { type: 'thinking', thinking: 'a\n\nb', signature: 'sig' },
        { type: 'redacted_thinking', data: 'red' },
      ],
    });
    expect(lost).toHaveLength(1);
    expect(lost[0]).toMatchObject({ path: 'input' });
  });

  it('loses, and says so, what the format has no place for', () => {
    const items: TurnItem[] = [
      { type: 'message', role: 'user', name: 'ann', content: [{ type: 'image', source: { kind: 'file', id: 'f' } }], extra: { x: 1 } },
      { type: 'message', role: 'assistant', phase: 'commentary', content: [{ type: 'image', source: { kind: 'url', url: 'u' } }] },
      { type: 'message', role: 'user', content: [{ type: 'opaque', from: 'responses', name: 'thing', value: {} }] },
      { type: 'opaque', from: 'responses', name: 'web_search_call', value: {} },
    ];
    const { body: rendered, lost } = cross({ items });
    expect(rendered.messages).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: '[an image could not be passed on]' },
          { type: 'text', text: '[thing could not be passed on]' },
        ],
      },
    ]);
    expect(new Set(lost.map((loss) => loss.path))).toEqual(new Set(['input', 'input[].name', 'input[].phase', 'input[].x']));
    for (const { why } of lost) expect(why).toMatch(/\.$/);
  });

  it('names what its tools lose', () => {
    const { body: rendered, lost } = cross({
      tools: [
        { type: 'function', name: 'a', strict: true, extra: { z: 1 } },
        { type: 'custom', name: 'patch', format: { type: 'grammar' } },
        { type: 'hosted', from: 'responses', name: 'web_search', value: { type: 'web_search' } },
        { type: 'function', name: 'b', namespace: 'ns', parameters: { type: 'object' }, deferred: true, strict: false },
      ],
    });
    expect(rendered.tools).toEqual([
      { name: 'a', input_schema: { type: 'object' } },
      { name: 'patch', input_schema: { type: 'object', properties: { input: { type: 'string' } }, required: ['input'] } },
      { name: 'ns__b', input_schema: { type: 'object' }, defer_loading: true },
    ]);
    expect(lost.map((loss) => loss.path)).toEqual(['tools[0].strict', 'tools[].z', 'tools[1].format', 'tools[2]']);
  });

  it('names the fields that no one here knows, unless they ask for nothing', () => {
    expect(lostPaths({ extra: { truncation: 'auto', store: true, include: ['x'], background: false, prompt: null } })).toEqual([
      'truncation',
    ]);
    expect(lostPaths({ verbosity: 'low', output: { type: 'json' }, serviceTier: 'flex' })).toEqual([
      'text.format',
      'text.verbosity',
      'service_tier',
    ]);
  });

  it('gets the limit that the format demands', () => {
    expect(cross({}).body.max_tokens).toBe(32_000);
    expect(cross({ maxOutputTokens: 5 }).body.max_tokens).toBe(5);
  });

  it.each<[string, Partial<TurnRequest>, JsonObject | undefined]>([
    ['any call', { toolChoice: { type: 'any' } }, { type: 'any' }],
    ['one tool', { toolChoice: { type: 'tool', name: 'shell' } }, { type: 'tool', name: 'shell' }],
    ['no parallel calls', { parallelToolCalls: false }, { type: 'auto', disable_parallel_tool_use: true }],
    [
      'any call, one at a time',
      { toolChoice: { type: 'any' }, parallelToolCalls: false },
      { type: 'any', disable_parallel_tool_use: true },
    ],
    ['no call', { toolChoice: { type: 'none' }, parallelToolCalls: false }, { type: 'none' }],
    ['parallel calls', { parallelToolCalls: true }, undefined],
  ])('asks for %s', (_, fields, expected) => {
    expect(cross({ tools: [shell], ...fields }).body.tool_choice).toEqual(expected);
    expect(cross(fields).body).not.toHaveProperty('tool_choice');
  });

  it.each<[string, Partial<TurnRequest>, JsonObject, string[]]>([
    ['an effort', { reasoning: { effort: 'high' } }, { thinking: { type: 'adaptive' }, output_config: { effort: 'high' } }, []],
    ['the least effort', { reasoning: { effort: 'minimal' } }, { output_config: { effort: 'low' } }, []],
    ['no thinking', { reasoning: { effort: 'none', enabled: false } }, { thinking: { type: 'disabled' } }, []],
    ['a summary', { reasoning: { effort: 'low', summary: 'auto' } }, { thinking: { type: 'adaptive', display: 'summarized' } }, []],
    ['a budget', { reasoning: { budgetTokens: 2000 } }, { thinking: { type: 'enabled', budget_tokens: 2000 } }, []],
    [
      'a budget that is too small',
      { reasoning: { budgetTokens: 10 } },
      { thinking: { type: 'enabled', budget_tokens: 1024 } },
      ['reasoning'],
    ],
    [
      'a budget above the limit',
      { reasoning: { budgetTokens: 9000 }, maxOutputTokens: 2000 },
      { thinking: { budget_tokens: 1999 } },
      ['reasoning'],
    ],
  ])('thinks as asked: %s', (_, fields, expected, lost) => {
    const crossed = cross(fields);
    expect(crossed.body).toMatchObject(expected);
    expect(crossed.lost.map((loss) => loss.path)).toEqual(lost);
  });

  it('does not think before a call it is forced to make, nor within too small a limit', () => {
    const forced = cross({ tools: [shell], toolChoice: { type: 'any' }, reasoning: { effort: 'high' } });
    expect(forced.body).not.toHaveProperty('thinking');
    expect(forced.lost.map((loss) => loss.path)).toEqual(['reasoning']);
    expect(cross({ reasoning: { budgetTokens: 2000 }, maxOutputTokens: 100 }).body).not.toHaveProperty('thinking');
  });

  it('keeps its sampling within what the format takes', () => {
    expect(cross({ temperature: 1.4, topK: 3 }).body).toMatchObject({ temperature: 1, top_k: 3 });
    expect(cross({ topP: 0.5 }).body).toMatchObject({ top_p: 0.5 });
    expect(lostPaths({ temperature: 0.2, topP: 0.5 })).toEqual(['top_p']);
    expect(lostPaths({ temperature: 0.2, topP: 0.5, topK: 2, reasoning: { effort: 'low' } })).toEqual(['temperature', 'top_p', 'top_k']);
    expect(lostPaths({ temperature: 1, topP: 1, reasoning: { effort: 'low' } })).toEqual([]);
  });

  it('stops at its sequences, but not at blank ones', () => {
    expect(cross({ stop: ['END'] }).body.stop_sequences).toEqual(['END']);
    expect(cross({ stop: ['END', '\n'] })).toMatchObject({ body: { stop_sequences: ['END'] }, lost: [{ path: 'stop' }] });
  });

  it('asks for JSON by its schema', () => {
    const { body: rendered } = cross({ output: { type: 'json_schema', name: 'n', schema: { type: 'object' } } });
    expect(rendered.output_config).toEqual({
      format: { type: 'json_schema', schema: { type: 'object', properties: {}, additionalProperties: false } },
    });
  });

  it('marks what to cache where the client named a key, unless it set marks itself', () => {
    const items: TurnItem[] = [{ type: 'message', role: 'system', content: [{ type: 'text', text: 's' }] }, user('a'), user('b')];
    expect(cross({ items, cacheKey: 'k' }).body).toMatchObject({
      system: [MARK],
      messages: [
        {
          content: [
            { type: 'text', text: 'a' },
            { text: 'b', ...MARK },
          ],
        },
      ],
    });
    const own: TurnItem = { type: 'message', role: 'user', content: [{ type: 'text', text: 'c', cacheControl: { type: 'ephemeral' } }] };
    expect(cross({ items: [...items, own], cacheKey: 'k' }).body.system).toEqual([{ type: 'text', text: 's' }]);
    expect(JSON.stringify(cross({ items }).body)).not.toContain('cache_control');
  });

  it('marks what to cache in a conversation that goes on, as the client is used to that unasked', () => {
    const system: TurnItem = { type: 'message', role: 'system', content: [{ type: 'text', text: 's' }] };
    const call: TurnItem = { type: 'tool_call', callId: 'a', name: 'f', kind: 'function', input: '{}' };
    const result: TurnItem = { type: 'tool_result', callId: 'a', kind: 'function', content: [{ type: 'text', text: 'A' }] };
    const { body: rendered } = cross({ items: [system, user('go'), call, result] });
    expect(rendered.system).toEqual([{ type: 'text', text: 's', ...MARK }]);
    expect(asObjects(rendered.messages).at(-1)).toMatchObject({ content: [{ type: 'tool_result', tool_use_id: 'a', ...MARK }] });
    expect(JSON.stringify(rendered).split('cache_control')).toHaveLength(3);
  });

  it('passes on media, also in results', () => {
    const image = { type: 'image' as const, source: { kind: 'base64' as const, mediaType: 'image/jpg', data: 'AA' }, detail: 'high' };
    const text = { kind: 'base64' as const, mediaType: 'text/csv', data: Buffer.from('a,b').toString('base64') };
    const { body: rendered, lost } = cross({
      items: [
        { type: 'message', role: 'user', content: [image, { type: 'document', source: text, name: 'n.csv' }] },
        { type: 'tool_call', callId: 'c', name: 'shell', kind: 'function', input: '{}' },
        { type: 'tool_result', callId: 'c', kind: 'function', content: [image] },
        { type: 'message', role: 'user', content: [{ type: 'document', source: { ...text, mediaType: 'application/msword' } }] },
      ],
    });
    const picture = { type: 'image', source: { type: 'base64', media_type: 'image/jpeg', data: 'AA' } };
    expect(rendered.messages).toMatchObject([
      { content: [picture, { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'a,b' }, title: 'n.csv' }] },
      { role: 'assistant' },
      { content: [{ type: 'tool_result', content: [picture] }, { text: '[a document could not be passed on]' }] },
    ]);
    expect(lost.map((loss) => loss.path)).toEqual(['input[].detail', 'input']);
  });

  it('has its free-form and its broken calls wrapped, for want of anything better', () => {
    const { body: rendered, lost } = cross({
      items: [
        { type: 'tool_call', callId: 'a', name: 'patch', kind: 'custom', input: 'text' },
        { type: 'tool_call', callId: 'b', name: 'shell', kind: 'function', input: '{"cmd":' },
      ],
    });
    expect(rendered.messages).toMatchObject([{ content: [{ input: { input: 'text' } }, { input: { input: '{"cmd":' } }] }]);
    expect(lost.map((loss) => loss.path)).toEqual(['input[].arguments']);
  });
});

describe('a turn of the same format', () => {
  it('keeps context edits about thinking only while there is thinking', () => {
    const turn = parse({
      thinking: { type: 'adaptive', display: 'omitted' },
      context_management: { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }] },
    });
    const off = messages.renderRequest({ ...turn, reasoning: { enabled: false } }).body;
    expect(off.thinking).toEqual({ type: 'disabled' });
    expect(off).not.toHaveProperty('context_management');
  });

  it('has a system message at the start of `messages` put back there', () => {
    const request = body({
      stream: false,
      system: [{ type: 'text', text: 's' }],
      messages: [
        { role: 'system', content: [{ type: 'text', text: 'inline' }], output_config: { effort: 'low' } },
        { role: 'user', content: [{ type: 'text', text: 'hi' }] },
      ],
    });
    expect(roundTrip(request)).toEqual(request);
  });

  it('has messages of one role merged, but not system messages', () => {
    const rendered = roundTrip(
      body({
        messages: [
          { role: 'user', content: 'a' },
          { role: 'user', content: 'b' },
          { role: 'system', content: 'c' },
          { role: 'system', content: 'd' },
        ],
      }),
    );
    expect(asObjects(rendered.messages).map((message) => message.role)).toEqual(['user', 'system', 'system']);
  });

  it('gives back the input of a call as it was, also where it is no object', () => {
    const call = (input: JsonValue): JsonObject => ({ role: 'assistant', content: [{ type: 'tool_use', id: 'c', name: 'a', input }] });
    for (const input of [{ a: [1, null] }, 'text', [1]]) {
      const [message] = asObjects(roundTrip(body({ messages: [call(input)] })).messages);
      expect(asObjects(asObject(message).content)[0]).toMatchObject({ input });
    }
  });
});
