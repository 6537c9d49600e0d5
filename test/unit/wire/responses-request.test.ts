import { describe, expect, it } from 'vitest';
import { RequestError } from '../../../bridges/wire/codec.ts';
import { responses } from '../../../bridges/wire/responses/index.ts';
import type { JsonObject, JsonValue, Loss, TurnRequest } from '../../../bridges/wire/turn.ts';
import { recordedBody } from '../../wire/recorded.ts';

const parseRequest = (body: JsonValue): TurnRequest => responses.parseRequest(body);
const renderRequest = (asked: TurnRequest): { body: JsonObject; lost: Loss[] } => responses.renderRequest(asked);

function parseInput(...input: JsonValue[]): TurnRequest {
  return parseRequest({ model: 'm', input });
}

function roundTrip(body: JsonObject): JsonObject {
  const { body: rendered, lost } = renderRequest(parseRequest(body));
  expect(lost).toEqual([]);
  return rendered;
}

function turn(overrides: Partial<TurnRequest> = {}): TurnRequest {
  return { from: 'messages', model: 'm', stream: true, items: [], tools: [], extra: {}, ...overrides };
}

function pathOfError(body: JsonValue): string {
  try {
    parseRequest(body);
  } catch (error) {
    if (error instanceof RequestError) return error.path;
    throw error;
  }
  throw new Error('nothing was thrown');
}

/** String content and a list of one text part mean the same. */
function normalised(body: JsonObject): JsonObject {
  const copy = structuredClone(body);
  for (const item of Array.isArray(copy.input) ? copy.input : []) {
    if (typeof item !== 'object' || item === null || Array.isArray(item)) continue;
    for (const field of ['content', 'output']) {
      if (typeof item[field] === 'string') {
        item[field] = [{ type: item.role === 'assistant' ? 'output_text' : 'input_text', text: item[field] }];
      }
    }
  }
  return copy;
}

describe('recorded requests', () => {
  it.each([
    'codex-0.169.0/tool/02.request.json',
    'codex-0.169.0/apply_patch/02.request.json',
    'codex-0.169.0/namespace_call/02.request.json',
    'codex-0.169.0/known_gpt61sol/01.request.json',
    'codex-0.169.0/schema/01.request.json',
    'copilot-cli-1.0.102/signed-in_gpt-5.4/06.request.json',
  ])('come back from the hub as they were: %s', (path) => {
    const body = recordedBody(path);
    expect(normalised(roundTrip(body))).toEqual(normalised(body));
  });

  it('offer the tools of `additional_tools` items among all others', () => {
    const { tools } = parseRequest(recordedBody('codex-0.169.0/known_gpt61sol/01.request.json'));
    expect(tools).toContainEqual(expect.objectContaining({ type: 'custom', name: 'exec', namespace: 'functions' }));
    expect(tools).toContainEqual(expect.objectContaining({ type: 'function', name: 'spawn_agent', namespace: 'collaboration' }));
  });
});

describe('parsing a request', () => {
  it('takes a plain string for what the user says', () => {
    expect(parseRequest({ model: 'm', input: 'hi' }).items).toEqual([
      { type: 'message', role: 'user', content: [{ type: 'text', text: 'hi' }] },
    ]);
  });

  it('puts instructions first, as system text', () => {
    const body = { model: 'm', instructions: 'Be brief.', input: [{ role: 'user', content: 'hi' }] };
    expect(parseRequest(body).items[0]).toEqual({
      type: 'message',
      role: 'system',
      content: [{ type: 'text', text: 'Be brief.' }],
      extra: { instructions: true },
    });
    expect(roundTrip(body)).toMatchObject({ instructions: 'Be brief.', input: [{ role: 'user' }] });
  });

  it('reads every kind of part', () => {
    const content = [
      { type: 'input_text', text: 'a', prompt_cache_breakpoint: { mode: 'auto' } },
      { type: 'input_image', image_url: 'data:image/png;base64,AAAA', detail: 'high' },
      { type: 'input_image', image_url: 'https://example.com/a.png' },
      { type: 'input_image', file_id: 'file_1' },
      { type: 'input_file', filename: 'a.pdf', file_data: 'data:application/pdf;base64,BBBB' },
      { type: 'input_file', file_data: 'CCCC' },
      { type: 'input_file', file_url: 'https://example.com/a.pdf' },
      { type: 'input_audio', input_audio: { data: 'DDDD', format: 'wav' } },
    ];
    const parsed = parseInput({ type: 'message', role: 'user', content });
    expect(parsed.items[0]).toMatchObject({
      content: [
        { type: 'text', text: 'a' },
        { type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'AAAA' }, detail: 'high' },
        { type: 'image', source: { kind: 'url', url: 'https://example.com/a.png' } },
        { type: 'image', source: { kind: 'file', id: 'file_1' } },
        { type: 'document', source: { kind: 'base64', mediaType: 'application/pdf', data: 'BBBB' }, name: 'a.pdf' },
        { type: 'document', source: { kind: 'base64', data: 'CCCC' } },
        { type: 'document', source: { kind: 'url', url: 'https://example.com/a.pdf' } },
        { type: 'opaque', name: 'input_audio' },
      ],
    });
    expect(renderRequest(parsed).body.input).toEqual([{ type: 'message', role: 'user', content }]);
  });

  it('keeps refusals, phases, annotations and fields it does not know', () => {
    const item = {
      type: 'message',
      id: 'msg_1',
      role: 'assistant',
      phase: 'commentary',
      status: 'completed',
      content: [
        { type: 'output_text', text: 'a', annotations: [{ type: 'file_path', file_id: 'f', index: 0 }], logprobs: [] },
        { type: 'refusal', refusal: 'no' },
      ],
    };
    expect(parseInput(item).items[0]).toMatchObject({ phase: 'commentary', content: [{ type: 'text' }, { type: 'refusal', text: 'no' }] });
    expect(roundTrip({ model: 'm', input: [item] }).input).toEqual([item]);
  });

  it('keeps calls, their namespaces and their results', () => {
    const input = [
      { type: 'function_call', id: 'fc_1', call_id: 'c1', name: 'wait', namespace: 'agents', arguments: '{"a":1}', status: 'completed' },
      { type: 'function_call_output', call_id: 'c1', output: [{ type: 'input_image', image_url: 'data:image/png;base64,AAAA' }] },
      { type: 'custom_tool_call', call_id: 'c2', name: 'apply_patch', input: '*** Begin' },
      { type: 'custom_tool_call_output', call_id: 'c2', output: 'done' },
    ];
    expect(parseInput(...input).items).toMatchObject([
      { type: 'tool_call', kind: 'function', namespace: 'agents', input: '{"a":1}' },
      { type: 'tool_result', kind: 'function', content: [{ type: 'image' }] },
      { type: 'tool_call', kind: 'custom', input: '*** Begin' },
      { type: 'tool_result', kind: 'custom', content: [{ type: 'text', text: 'done' }] },
    ]);
    expect(roundTrip({ model: 'm', input }).input).toEqual(input);
  });

  it('keeps reasoning with its encrypted form', () => {
    const item = {
      type: 'reasoning',
      id: 'rs_1',
      summary: [{ type: 'summary_text', text: 'a' }],
      content: [{ type: 'reasoning_text', text: 'b' }],
      encrypted_content: 'ENC',
    };
    expect(parseInput(item).items).toEqual([
      { type: 'reasoning', id: 'rs_1', summary: ['a'], content: ['b'], opaque: { family: 'responses', data: 'ENC' } },
    ]);
    expect(roundTrip({ model: 'm', input: [item], store: false }).input).toEqual([item]);
  });

  it('keeps items only this format knows', () => {
    const input = [
      { id: 'msg_0' },
      { type: 'web_search_call', id: 'ws_1', status: 'completed', action: { type: 'search', query: 'q' } },
      { type: 'mcp_approval_response', approve: true, approval_request_id: 'r' },
    ];
    expect(parseInput(...input).items).toMatchObject([
      { type: 'opaque', name: 'item_reference' },
      { type: 'opaque', name: 'web_search_call', role: 'assistant' },
      { type: 'opaque', name: 'mcp_approval_response', role: 'user' },
    ]);
    expect(roundTrip({ model: 'm', input }).input).toEqual(input);
  });

  it('flattens namespaces and tells hosted tools from those of the client', () => {
    const tools = [
      { type: 'function', name: 'a', description: 'A', parameters: { type: 'object' }, strict: true, defer_loading: true },
      { type: 'function', name: 'nulls', parameters: null, strict: null },
      { type: 'custom', name: 'b', description: 'B', format: { type: 'text' } },
      {
        type: 'namespace',
        name: 'n',
        description: 'N',
        tools: [{ type: 'function', name: 'a', description: 'other', parameters: null, strict: false }],
      },
      { type: 'web_search', external_web_access: true },
    ];
    expect(parseRequest({ model: 'm', input: 'x', tools }).tools).toMatchObject([
      { type: 'function', name: 'a', strict: true, deferred: true },
      { type: 'function', name: 'nulls' },
      { type: 'custom', name: 'b' },
      { type: 'function', name: 'a', namespace: 'n', description: 'other' },
      { type: 'hosted', from: 'responses', name: 'web_search' },
    ]);
    expect(roundTrip({ model: 'm', input: 'x', tools }).tools).toEqual(tools);
  });

  it('joins tools that are added in the middle of the input', () => {
    const added = { type: 'additional_tools', role: 'developer', tools: [{ type: 'function', name: 'late' }, { type: 'web_search' }] };
    const body = { model: 'm', input: [{ role: 'user', content: 'x' }, added], tools: [{ type: 'function', name: 'early' }] };
    expect(parseRequest(body).tools.map(({ name }) => name)).toEqual(['early', 'late', 'web_search']);
    const rendered = roundTrip(body);
    expect(rendered.tools).toEqual(body.tools);
    expect(rendered.input).toContainEqual(added);
  });

  it('joins tools that a tool search loaded, and tells which of its own it found', () => {
    const loaded = [
      { type: 'namespace', name: 'n', description: 'N', tools: [{ type: 'function', name: 'late', defer_loading: true }] },
      { type: 'function', name: 'hidden', defer_loading: true },
      { type: 'mcp', server_label: 's', defer_loading: true },
    ];
    const body = {
      model: 'm',
      input: [
        { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'x' }] },
        { type: 'tool_search_call', call_id: 'c', execution: 'client', arguments: {} },
        { type: 'tool_search_output', call_id: 'c', execution: 'client', tools: loaded },
      ],
      tools: [
        { type: 'function', name: 'hidden', defer_loading: true },
        { type: 'function', name: 'other', defer_loading: true },
        { type: 'tool_search' },
      ],
    };
    expect(parseRequest(body).tools).toMatchObject([
      { name: 'hidden', deferred: true, found: true },
      { name: 'other', deferred: true },
      { name: 'tool_search' },
      { name: 'late', namespace: 'n', found: true },
    ]);
    expect(roundTrip(body)).toMatchObject({ input: body.input, tools: body.tools });
  });

  it.each<[JsonValue, object]>([
    ['auto', { type: 'auto' }],
    ['none', { type: 'none' }],
    ['required', { type: 'any' }],
    [
      { type: 'function', name: 'f' },
      { type: 'tool', name: 'f', custom: false },
    ],
    [
      { type: 'custom', name: 'c' },
      { type: 'tool', name: 'c', custom: true },
    ],
    [
      {
        type: 'allowed_tools',
        mode: 'required',
        tools: [
          { type: 'function', name: 'f' },
          { type: 'custom', name: 'c' },
        ],
      },
      { type: 'allowed', mode: 'any', tools: [{ name: 'f' }, { name: 'c' }] },
    ],
    [
      { type: 'allowed_tools', mode: 'auto', tools: [{ type: 'mcp', server_label: 's' }] },
      { type: 'allowed', mode: 'auto', tools: [] },
    ],
    [
      { type: 'allowed_tools', mode: 'auto', tools: [{ type: 'web_search' }, { type: 'function', name: 'f' }] },
      { type: 'allowed', mode: 'auto', tools: [{ name: 'f' }] },
    ],
    [{ type: 'web_search_preview' }, { type: 'opaque', from: 'responses' }],
  ])('reads tool_choice %j', (choice, expected) => {
    const body = {
      model: 'm',
      input: 'x',
      tools: [
        { type: 'function', name: 'f' },
        { type: 'custom', name: 'c' },
      ],
      tool_choice: choice,
    };
    expect(parseRequest(body).toolChoice).toMatchObject(expected);
    expect(roundTrip(body).tool_choice).toEqual(choice);
  });

  it('reads every setting and gives it back, unknown ones too', () => {
    const body = {
      model: 'm',
      input: [],
      stream: true,
      store: false,
      include: ['reasoning.encrypted_content', 'web_search_call.action.sources'],
      reasoning: { effort: 'high', summary: 'auto', context: 'all_turns' },
      text: { verbosity: 'low', format: { type: 'json_schema', name: 'n', schema: { type: 'object' }, strict: true } },
      parallel_tool_calls: false,
      max_output_tokens: 100,
      temperature: 0.5,
      top_p: 0.9,
      prompt_cache_key: 'k',
      user: 'u',
      service_tier: 'flex',
      previous_response_id: 'resp_0',
      client_metadata: { a: 'b' },
      a_field_of_tomorrow: [1],
    };
    expect(parseRequest(body)).toMatchObject({
      stream: true,
      reasoning: { effort: 'high', summary: 'auto', wantsOpaque: true },
      verbosity: 'low',
      output: { type: 'json_schema', name: 'n', strict: true },
      parallelToolCalls: false,
      maxOutputTokens: 100,
      cacheKey: 'k',
      extra: { previous_response_id: 'resp_0', a_field_of_tomorrow: [1] },
    });
    expect(roundTrip(body)).toEqual(body);
  });

  it('takes null for absent', () => {
    const parsed = parseRequest({
      model: 'm',
      input: 'x',
      temperature: null,
      tools: null,
      reasoning: null,
      text: null,
      instructions: null,
    });
    expect(parsed).toEqual({ from: 'responses', model: 'm', stream: false, items: parsed.items, tools: [], extra: {} });
  });

  it('lets the input be missing where a stored conversation goes on', () => {
    expect(parseRequest({ model: 'm', previous_response_id: 'resp_1' }).items).toEqual([]);
  });

  it.each<[string, JsonValue]>([
    ['', 'text'],
    ['model', { input: 'x' }],
    ['model', { model: '', input: 'x' }],
    ['input', { model: 'm' }],
    ['input', { model: 'm', input: 3 }],
    ['input[0]', { model: 'm', input: ['x'] }],
    ['input[0].type', { model: 'm', input: [{}] }],
    ['input[0].role', { model: 'm', input: [{ role: 'robot', content: 'x' }] }],
    ['input[0].content', { model: 'm', input: [{ role: 'user' }] }],
    ['input[0].content[0].text', { model: 'm', input: [{ role: 'user', content: [{ type: 'input_text' }] }] }],
    ['input[0].content[0]', { model: 'm', input: [{ role: 'user', content: [{ type: 'input_image' }] }] }],
    ['input[0].call_id', { model: 'm', input: [{ type: 'function_call', name: 'f', arguments: '{}' }] }],
    ['input[0].arguments', { model: 'm', input: [{ type: 'function_call', name: 'f', call_id: 'c', arguments: {} }] }],
    ['input[0].output', { model: 'm', input: [{ type: 'function_call_output', call_id: 'c' }] }],
    ['instructions', { model: 'm', input: 'x', instructions: ['a'] }],
    ['temperature', { model: 'm', input: 'x', temperature: 'hot' }],
    ['stream', { model: 'm', input: 'x', stream: 'yes' }],
    ['tools[0].name', { model: 'm', input: 'x', tools: [{ type: 'function' }] }],
    ['tool_choice', { model: 'm', input: 'x', tool_choice: 'perhaps' }],
    ['text.format.schema', { model: 'm', input: 'x', text: { format: { type: 'json_schema', name: 'n' } } }],
  ])('names the field that can not be meant: %s', (path, body) => {
    expect(pathOfError(body)).toBe(path);
  });
});

describe('rendering a request that comes from another format', () => {
  it('makes leading system text the instructions and later system text a developer message in its place', () => {
    const { body } = renderRequest(
      turn({
        items: [
          { type: 'message', role: 'system', content: [{ type: 'text', text: 'x-billing', extra: { billingHeader: true } }] },
          {
            type: 'message',
            role: 'system',
            content: [
              { type: 'text', text: 'One.' },
              { type: 'text', text: 'Two.' },
            ],
          },
          { type: 'message', role: 'user', content: [{ type: 'text', text: 'hi' }] },
          { type: 'message', role: 'system', content: [{ type: 'text', text: 'Later.' }] },
        ],
      }),
    );
    expect(body.instructions).toBe('One.\n\nTwo.');
    expect(body.input).toEqual([
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hi' }] },
      { type: 'message', role: 'developer', content: [{ type: 'input_text', text: 'Later.' }] },
    ]);
  });

  it('never asks the upstream to store anything', () => {
    expect(renderRequest(turn({ from: 'chat', extra: { store: true } }))).toMatchObject({ body: { store: false }, lost: [] });
  });

  it('renders results with images as a list and says in words that a tool failed', () => {
    const { body } = renderRequest(
      turn({
        items: [
          { type: 'tool_call', callId: 'a', name: 'f', kind: 'function', input: '', id: 'toolu_1' },
          { type: 'tool_result', callId: 'a', kind: 'function', isError: true, content: [{ type: 'text', text: 'boom' }] },
          {
            type: 'tool_result',
            callId: 'b',
            kind: 'function',
            content: [
              { type: 'text', text: 'see' },
              { type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'AAAA' } },
            ],
          },
          { type: 'tool_result', callId: 'c', kind: 'function', content: [] },
          { type: 'tool_result', callId: 'd', kind: 'function', content: [{ type: 'tool_reference', name: 'found' }] },
        ],
      }),
    );
    expect(body.input).toEqual([
      { type: 'function_call', call_id: 'a', name: 'f', arguments: '{}' },
      { type: 'function_call_output', call_id: 'a', output: 'Error: boom' },
      {
        type: 'function_call_output',
        call_id: 'b',
        output: [
          { type: 'input_text', text: 'see' },
          { type: 'input_image', image_url: 'data:image/png;base64,AAAA' },
        ],
      },
      { type: 'function_call_output', call_id: 'c', output: '' },
      { type: 'function_call_output', call_id: 'd', output: 'Tool found: found' },
    ]);
  });

  it('renders documents, with a name where the format needs one', () => {
    const { body, lost } = renderRequest(
      turn({
        items: [
          {
            type: 'message',
            role: 'user',
            content: [
              { type: 'document', source: { kind: 'base64', mediaType: 'application/pdf', data: 'AAAA' } },
              { type: 'document', source: { kind: 'text', text: 'body' }, name: 'Title' },
              { type: 'document', source: { kind: 'url', url: 'https://example.com/a.pdf' }, name: 'a.pdf' },
              { type: 'document', source: { kind: 'file', id: 'file_of_theirs' } },
            ],
          },
        ],
      }),
    );
    expect(body.input).toEqual([
      {
        type: 'message',
        role: 'user',
        content: [
          { type: 'input_file', filename: 'document.pdf', file_data: 'data:application/pdf;base64,AAAA' },
          { type: 'input_text', text: 'Title\n\nbody' },
          { type: 'input_file', filename: 'a.pdf', file_url: 'https://example.com/a.pdf' },
        ],
      },
    ]);
    expect(lost).toEqual([{ path: 'messages[].content[]', why: expect.any(String) }]);
  });

  it('gives back only reasoning of its own family', () => {
    const { body, lost } = renderRequest(
      turn({
        items: [
          { type: 'reasoning', summary: ['mine'], opaque: { family: 'responses', data: 'ENC' }, id: 'rs_1' },
          { type: 'reasoning', summary: ['theirs'], opaque: { family: 'messages', data: 'SIG' } },
          { type: 'reasoning', summary: ['nobodys'] },
        ],
      }),
    );
    expect(body.input).toEqual([{ type: 'reasoning', summary: [{ type: 'summary_text', text: 'mine' }], encrypted_content: 'ENC' }]);
    expect(lost.map(({ path }) => path)).toEqual(['messages']);
    expect(JSON.stringify(body)).not.toContain('SIG');
  });

  it('asks for encrypted reasoning where reasoning is wanted, and only there', () => {
    const thinking = renderRequest(turn({ reasoning: { enabled: true, budgetTokens: 10_000 } }));
    expect(thinking.body).toMatchObject({ include: ['reasoning.encrypted_content'], reasoning: { effort: 'medium', summary: 'auto' } });
    expect(thinking.lost).toHaveLength(1);
    expect(renderRequest(turn({ reasoning: { enabled: false } })).body).toMatchObject({ reasoning: { effort: 'none' } });
    expect(renderRequest(turn({ reasoning: { enabled: false } })).body).not.toHaveProperty('include');
    expect(renderRequest(turn()).body).not.toHaveProperty('include');
  });

  it('says that a function is not strict, which this format would take for granted', () => {
    const { body } = renderRequest(turn({ tools: [{ type: 'function', name: 'f', description: 'F' }] }));
    expect(body.tools).toEqual([
      { type: 'function', name: 'f', description: 'F', parameters: { type: 'object', properties: {} }, strict: false },
    ]);
  });

  it('lists what can not cross', () => {
    const { lost } = renderRequest(
      turn({
        topK: 5,
        stop: ['END'],
        user: '{"device_id":"1"}',
        toolChoice: { type: 'opaque', from: 'messages', value: {} },
        tools: [
          { type: 'hosted', from: 'messages', name: 'web_search_20250305', value: {} },
          { type: 'function', name: 'f', extra: { input_examples: [{}] }, cacheControl: { type: 'ephemeral' } },
        ],
        items: [
          { type: 'opaque', from: 'messages', name: 'server_tool_use', value: {} },
          { type: 'message', role: 'user', name: 'Ann', content: [{ type: 'text', text: 'x', extra: { citations: { enabled: true } } }] },
        ],
        extra: { container: 'c' },
      }),
    );
    expect(lost.map(({ path }) => path).sort()).toEqual([
      'cache_control',
      'container',
      'messages',
      'messages[].content[].citations',
      'messages[].name',
      'metadata.user_id',
      'stop_sequences',
      'tool_choice',
      'tools[0]',
      'tools[].input_examples',
      'top_k',
    ]);
  });

  it('keeps what both OpenAI formats say alike', () => {
    const { body, lost } = renderRequest(
      turn({
        from: 'chat',
        extra: { metadata: { a: 'b' }, safety_identifier: 's', stream_options: { include_usage: true } },
        user: 'u',
        serviceTier: 'flex',
        cacheKey: 'k',
        verbosity: 'low',
        output: { type: 'json_schema', schema: { type: 'object' } },
        maxOutputTokens: 1,
      }),
    );
    expect(lost).toEqual([]);
    expect(body).toMatchObject({
      metadata: { a: 'b' },
      safety_identifier: 's',
      user: 'u',
      service_tier: 'flex',
      prompt_cache_key: 'k',
      text: { verbosity: 'low', format: { type: 'json_schema', name: 'output', schema: { type: 'object' } } },
      max_output_tokens: 16,
    });
  });
});

describe('rendering a request of its own format', () => {
  it('drops reasoning whose encrypted form is gone, for the upstream stored nothing to find it by', () => {
    const reasoning = { type: 'reasoning', id: 'rs_1', summary: [] };
    const unstored = renderRequest(parseRequest({ model: 'm', store: false, input: [reasoning] }));
    expect(unstored.body.input).toEqual([]);
    expect(unstored.lost).toHaveLength(1);
    expect(roundTrip({ model: 'm', store: true, input: [reasoning] }).input).toEqual([reasoning]);
  });
});
