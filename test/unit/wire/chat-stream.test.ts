import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chat } from '../../../bridges/wire/chat/index.ts';
import type { ReplyContext } from '../../../bridges/wire/codec.ts';
import { SseReader } from '../../../bridges/wire/sse.ts';
import type { JsonObject, JsonValue, OpaqueReasoning, ReasoningField, StopReason, TurnEvent, Usage } from '../../../bridges/wire/turn.ts';
import { recordedText } from '../../wire/recorded.ts';

function recorded(name: string): Buffer {
  return Buffer.from(recordedText(`copilot-cli-1.0.102/${name}`));
}

/** The events of a stream, from its bytes in the given pieces. */
function eventsOf(...pieces: Uint8Array[]): TurnEvent[] {
  const reader = new SseReader();
  const parser = chat.streamParser();
  const frames = [...pieces.flatMap((piece) => reader.push(Buffer.from(piece))), ...reader.end()];
  return [...frames.flatMap((frame) => parser.push(frame)), ...parser.end()];
}

/** The events of chunks, each given by its delta or whole. */
function eventsOfChunks(...chunks: (JsonObject | string)[]): TurnEvent[] {
  return eventsOf(Buffer.from(chunks.map((chunk) => `data: ${typeof chunk === 'string' ? chunk : JSON.stringify(chunk)}\n\n`).join('')));
}

function delta(value: JsonObject, finish: string | null = null): JsonObject {
  return { id: 'r1', model: 'up', choices: [{ index: 0, delta: value, finish_reason: finish }] };
}

function callDelta(...calls: JsonObject[]): JsonObject {
  return delta({ tool_calls: calls });
}

const finished = (reason: string): JsonObject => delta({}, reason);
const start: TurnEvent = { type: 'start', id: 'r1', model: 'up' };

function context(more: Partial<ReplyContext> = {}): ReplyContext {
  return {
    model: 'asked',
    now: 1_700_000_000_999,
    newId: (prefix) => `${prefix}1`,
    seal: (opaque) => opaque.data,
    includeUsage: true,
    wantsReasoning: true,
    ...more,
  };
}

function render(events: readonly TurnEvent[], more: Partial<ReplyContext> = {}): string {
  const renderer = chat.streamRenderer(context(more));
  return events.map((event) => renderer.push(event)).join('');
}

/** The data of the rendered frames, parsed; `[DONE]` as it is. */
function rendered(events: readonly TurnEvent[], more: Partial<ReplyContext> = {}): JsonValue[] {
  return new SseReader().push(Buffer.from(render(events, more))).map((frame) => {
    const value: JsonValue = frame.data === '[DONE]' ? frame.data : JSON.parse(frame.data);
    return value;
  });
}

/** Only the deltas of the rendered frames. */
function deltas(events: readonly TurnEvent[], more: Partial<ReplyContext> = {}): JsonValue[] {
  return rendered(events, more).flatMap((frame) => {
    const { choices } = Object(frame);
    return Array.isArray(choices) && choices.length > 0 ? [choices[0].delta] : [];
  });
}

type Said = { kind: string; text: string; callId?: string; name?: string; tool?: string; opaque?: OpaqueReasoning };
type Told = { items: Said[]; pieces: string[]; stop: StopReason | undefined; usage: Usage | undefined };

/** What events tell, whatever the order in which open items alternate and close. */
const inTheOpen = (field: ReasoningField): OpaqueReasoning => ({ family: 'chat', data: '', field });

function told(events: readonly TurnEvent[]): Told {
  const items = new Map<number, Said>();
  const pieces = new Map<number, string>();
  const result: Told = { items: [], pieces: [], stop: undefined, usage: undefined };
  for (const event of events) {
    if (event.type === 'item_start') {
      const named = event.kind === 'tool_call' ? { callId: event.callId, name: event.name, tool: event.tool } : {};
      items.set(event.item, { kind: event.kind, text: '', ...named });
    }
    if (event.type === 'delta') pieces.set(event.item, (pieces.get(event.item) ?? '') + event.text);
    if (event.type === 'item_end')
      Object.assign(items.get(event.item) ?? {}, { text: event.text, ...(event.opaque && { opaque: event.opaque }) });
    if (event.type === 'end') Object.assign(result, { stop: event.stop, usage: event.usage });
  }
  const numbers = [...items.keys()].sort((a, b) => a - b);
  result.items = numbers.flatMap((number) => items.get(number) ?? []);
  result.pieces = numbers.map((number) => pieces.get(number) ?? '');
  return result;
}

describe('recorded streams', () => {
  test('a text is read with its usage, which comes after the finish_reason', () => {
    expect(eventsOf(recorded('byok_chat_text/01.response.sse'))).toEqual([
      { type: 'start', id: 'chatcmpl-mock', model: 'mock-model' },
      { type: 'item_start', item: 0, kind: 'text' },
      { type: 'delta', item: 0, text: 'Hello fr' },
      { type: 'delta', item: 0, text: 'om mock.' },
      { type: 'item_end', item: 0, text: 'Hello from mock.' },
      { type: 'end', stop: 'end_turn', usage: { input: 50, cached: 20, output: 7, reasoning: 0 } },
    ]);
  });

  test('a tool call is read', () => {
    const events = eventsOf(recorded('byok_chat_tool/01.response.sse'));
    expect(events[1]).toEqual({ type: 'item_start', item: 0, kind: 'tool_call', callId: 'call_1', name: 'bash', tool: 'function' });
    expect(events.slice(-2)).toEqual([
      { type: 'item_end', item: 0, text: '{"command":"ls -1","description":"List files"}' },
      { type: 'end', stop: 'tool_use' },
    ]);
  });

  test('the smallest stream, without id, model and [DONE], is a success', () => {
    expect(eventsOf(recorded('byok_chat_min/01.response.sse'))).toEqual([
      { type: 'start' },
      { type: 'item_start', item: 0, kind: 'text' },
      { type: 'delta', item: 0, text: 'tiny' },
      { type: 'item_end', item: 0, text: 'tiny' },
      { type: 'end', stop: 'end_turn' },
    ]);
    expect(eventsOf(recorded('byok_chat_nodone/01.response.sse')).at(-1)).toEqual({ type: 'end', stop: 'end_turn' });
  });

  test('[DONE] without a finish_reason is a cut', () => {
    expect(eventsOf(recorded('byok_chat_nofinish/01.response.sse')).at(-1)).toMatchObject({ type: 'cut' });
  });

  test.each(['byok_chat_text/01', 'byok_chat_tool/01', 'byok_chat_tool/02', 'byok_unknown_model/01'])(
    '%s means the same cut anywhere',
    (name) => {
      const bytes = recorded(`${name}.response.sse`);
      const whole = eventsOf(bytes);
      for (let i = 0; i <= bytes.length; i++) expect(eventsOf(bytes.subarray(0, i), bytes.subarray(i))).toEqual(whole);
    },
  );

  test.each(['byok_chat_text/01', 'byok_chat_tool/01', 'byok_chat_tool/02'])('%s is read back from what was written of it', (name) => {
    const events = eventsOf(recorded(`${name}.response.sse`));
    const [, ...rest] = eventsOf(Buffer.from(render(events)));
    expect(rest).toEqual(events.slice(1));
  });
});

describe('reading streams', () => {
  test('reasoning is read under each of its names, and its opaque half with it', () => {
    for (const field of ['reasoning_text', 'reasoning_content', 'reasoning']) {
      const events = eventsOfChunks(
        delta({ [field]: 'h' }),
        delta({ [field]: 'm' }),
        delta({ reasoning_opaque: 'blob' }),
        delta({ content: 'a' }),
        finished('stop'),
      );
      expect(told(events).items).toEqual([
        { kind: 'reasoning', text: 'hm', opaque: { family: 'chat', data: 'blob' } },
        { kind: 'text', text: 'a' },
      ]);
    }
  });

  test('reasoning is read where another of its names comes with it and says nothing', () => {
    const events = eventsOfChunks(
      delta({ reasoning_content: '', reasoning: 'hm' }),
      delta({ content: 'a', reasoning_text: '' }),
      finished('stop'),
    );
    expect(told(events).items).toEqual([
      { kind: 'reasoning', text: 'hm', opaque: inTheOpen('reasoning') },
      { kind: 'text', text: 'a' },
    ]);
  });

  test('opaque reasoning that comes late is an item of its own', () => {
    const events = eventsOfChunks(
      delta({ reasoning_text: 'hm' }),
      delta({ content: 'a' }),
      delta({ reasoning_opaque: 'blob' }),
      finished('stop'),
    );
    expect(told(events).items).toEqual([
      { kind: 'reasoning', text: 'hm', opaque: inTheOpen('reasoning_text') },
      { kind: 'text', text: 'a' },
      { kind: 'reasoning', text: '', opaque: { family: 'chat', data: 'blob' } },
    ]);
  });

  test('opaque reasoning that comes in the middle of a text does not cut it in two', () => {
    const events = eventsOfChunks(
      delta({ reasoning_text: 'hm' }),
      delta({ content: 'unbe' }),
      delta({ content: 'liev', reasoning_opaque: 'blob' }),
      delta({ content: 'able' }),
      callDelta({ index: 0, id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } }),
      finished('tool_calls'),
    );
    expect(told(events).items).toMatchObject([
      { kind: 'reasoning', text: 'hm' },
      { kind: 'text', text: 'unbelievable' },
      { kind: 'reasoning', text: '', opaque: { family: 'chat', data: 'blob' } },
      { kind: 'tool_call', text: '{}' },
    ]);
  });

  test('thoughts in parts are read', () => {
    const thinking = [
      { type: 'text', text: 'H' },
      { type: 'text', text: 'm' },
    ];
    const events = eventsOfChunks(
      delta({ content: [{ type: 'thinking', thinking }] }),
      delta({ content: [{ type: 'thinking', thinking: [{ type: 'text', text: '.' }, { type: 'reference' }], closed: true }] }),
      delta({ content: [{ type: 'text', text: 'Hi' }, null, { type: 'thinking' }, { type: 'unheard of' }] }),
      finished('stop'),
    );
    expect(told(events).items).toMatchObject([
      { kind: 'reasoning', text: 'Hm.' },
      { kind: 'text', text: 'Hi' },
    ]);
  });

  test('a refusal is read, and tells the stop reason', () => {
    expect(told(eventsOfChunks(delta({ refusal: 'No' }), delta({ refusal: '.' }), finished('stop')))).toMatchObject({
      items: [{ kind: 'refusal', text: 'No.' }],
      stop: 'refusal',
    });
  });

  test('calls may alternate', () => {
    const events = eventsOfChunks(
      callDelta({ index: 0, id: 'a', type: 'function', function: { name: 'f', arguments: '' } }),
      callDelta({ index: 1, id: 'b', type: 'function', function: { name: 'g', arguments: '[' } }),
      callDelta({ index: 0, function: { arguments: '{' } }),
      callDelta({ index: 1, function: { arguments: ']' } }, { index: 0, function: { arguments: '}' } }),
      finished('tool_calls'),
    );
    expect(events).toEqual([
      start,
      { type: 'item_start', item: 0, kind: 'tool_call', callId: 'a', name: 'f', tool: 'function' },
      { type: 'item_start', item: 1, kind: 'tool_call', callId: 'b', name: 'g', tool: 'function' },
      { type: 'delta', item: 1, text: '[' },
      { type: 'delta', item: 0, text: '{' },
      { type: 'delta', item: 1, text: ']' },
      { type: 'delta', item: 0, text: '}' },
      { type: 'item_end', item: 0, text: '{}' },
      { type: 'item_end', item: 1, text: '[]' },
      { type: 'end', stop: 'tool_use' },
    ]);
  });

  test.each<[string, JsonObject[]]>([
    ['whole in one chunk', [{ index: 0, id: 'a', function: { name: 'f', arguments: '{"x":1}' } }]],
    ['without an index', [{ id: 'a', function: { name: 'f', arguments: '{"x"' } }, { function: { arguments: ':1}' } }]],
    [
      'with an id that comes late',
      [
        { index: 0, function: { name: 'f', arguments: '{"x"' } },
        { index: 0, id: 'a', function: { arguments: ':1}' } },
      ],
    ],
    [
      'with a name that comes late',
      [
        { index: 0, id: 'a' },
        { index: 0, function: { name: 'f', arguments: '{"x":1}' } },
      ],
    ],
    [
      'with its id and name repeated',
      [
        { index: 0, id: 'a', function: { name: 'f', arguments: '{"x"' } },
        { index: 0, id: 'a', function: { name: 'f', arguments: ':1}' } },
      ],
    ],
    [
      'with an empty id repeated',
      [
        { index: 0, id: 'a', function: { name: 'f', arguments: '{"x"' } },
        { index: 0, id: '', function: { name: '', arguments: ':1}' } },
      ],
    ],
    ['with arguments that are an object', [{ index: 0, id: 'a', function: { name: 'f', arguments: { x: 1 } } }]],
  ])('a call is read that comes %s', (_, calls) => {
    expect(told(eventsOfChunks(...calls.map((call) => callDelta(call)), finished('tool_calls'))).items).toEqual([
      { kind: 'tool_call', callId: 'a', name: 'f', tool: 'function', text: '{"x":1}' },
    ]);
  });

  test('parallel calls are told apart by their ids where they share an index, and by their place where they have none', () => {
    const shared = eventsOfChunks(
      callDelta({ index: 0, id: 'a', function: { name: 'f', arguments: '1' } }),
      callDelta({ index: 0, id: 'b', function: { name: 'f', arguments: '2' } }),
      finished('stop'),
    );
    const placed = eventsOfChunks(
      callDelta({ id: 'a', function: { name: 'f', arguments: '1' } }, { id: 'b', function: { name: 'f', arguments: '2' } }),
      finished('stop'),
    );
    expect(told(shared)).toEqual(told(placed));
    expect(told(shared)).toMatchObject({
      items: [
        { callId: 'a', text: '1' },
        { callId: 'b', text: '2' },
      ],
      stop: 'tool_use',
    });
  });

  test('parallel calls without ids that share an index are told apart by their names and by arguments that are whole', () => {
    const whole = (name: string, x: number): JsonObject =>
      callDelta({ index: 0, id: '', type: 'function', function: { name, arguments: JSON.stringify({ x }) } });
    expect(told(eventsOfChunks(whole('f', 1), whole('f', 2), whole('g', 3), finished('tool_calls'))).items).toMatchObject([
      { callId: 'call_r10', name: 'f', text: '{"x":1}' },
      { callId: 'call_r11', name: 'f', text: '{"x":2}' },
      { callId: 'call_r12', name: 'g', text: '{"x":3}' },
    ]);
  });

  test('a call without an id gets one, a call without a name fails the reply', () => {
    expect(told(eventsOfChunks(callDelta({ index: 0, function: { name: 'f', arguments: '{}' } }), finished('stop'))).items).toMatchObject([
      { callId: 'call_r10', text: '{}' },
    ]);
    expect(eventsOfChunks(callDelta({ index: 0, id: 'a', function: { arguments: '{}' } }), finished('stop')).at(-1)).toMatchObject({
      type: 'error',
    });
  });

  test('custom calls and the older function_call are read', () => {
    const custom = eventsOfChunks(
      callDelta({ index: 0, id: 'a', type: 'custom', custom: { name: 'p', input: '*** ' } }),
      callDelta({ index: 0, custom: { input: 'End' } }),
      finished('tool_calls'),
    );
    expect(told(custom).items).toEqual([{ kind: 'tool_call', callId: 'a', name: 'p', tool: 'custom', text: '*** End' }]);
    const legacy = eventsOfChunks(
      delta({ function_call: { name: 'f', arguments: '{' } }),
      delta({ function_call: { arguments: '}' } }),
      finished('function_call'),
    );
    expect(told(legacy)).toMatchObject({ items: [{ kind: 'tool_call', name: 'f', text: '{}' }], stop: 'tool_use' });
  });

  test.each<[string, StopReason]>([
    ['stop', 'end_turn'],
    ['length', 'max_tokens'],
    ['content_filter', 'content_filter'],
    ['max_tokens', 'max_tokens'],
    ['model_length', 'context_window'],
    ['model_context_window_exceeded', 'context_window'],
    ['sensitive', 'content_filter'],
    ['tool_calls', 'end_turn'],
    ['eos', 'end_turn'],
  ])('a text that ends in %s ends the turn with %s', (reason, stop) => {
    expect(told(eventsOfChunks(delta({ content: 'a' }), finished(reason))).stop).toBe(stop);
  });

  test('the newest counts are kept, wherever they come', () => {
    const usage = (count: number): JsonObject => ({
      prompt_tokens: 3,
      completion_tokens: count,
      prompt_tokens_details: { cache_write_tokens: 2 },
    });
    const chunks = [
      { ...delta({ content: 'a' }), usage: usage(1) },
      { ...finished('stop'), usage: null },
      { choices: [], usage: usage(2) },
    ];
    expect(eventsOfChunks(...chunks, '[DONE]').at(-1)).toEqual({
      type: 'end',
      stop: 'end_turn',
      usage: { input: 3, output: 2, cacheWrite: 2 },
    });
    expect(eventsOfChunks(chunks[0] ?? {}).slice(-2)).toMatchObject([{ type: 'usage', usage: { output: 1 } }, { type: 'cut' }]);
  });

  test('only the first choice is read', () => {
    const other = {
      choices: [
        { index: 1, delta: { content: 'x' }, finish_reason: 'stop' },
        { index: 0, delta: { content: 'a' } },
      ],
    };
    expect(told(eventsOfChunks(other, finished('length')))).toMatchObject({ items: [{ text: 'a' }], stop: 'max_tokens' });
  });

  test('chunks without a choice may come first, and nothing is read after the end', () => {
    const events = eventsOfChunks(
      { id: '', model: '', choices: [], prompt_filter_results: [] },
      delta({ content: 'a' }),
      finished('stop'),
      '[DONE]',
      delta({ content: 'late' }),
    );
    expect(events[0]).toEqual(start);
    expect(told(events).items).toEqual([{ kind: 'text', text: 'a' }]);
  });

  test('content in parts, and citations, are read', () => {
    const cited = { type: 'url_citation', url_citation: { url: 'https://example.com', title: 't', start_index: 0, end_index: 1 } };
    const events = eventsOfChunks(delta({ content: [{ type: 'text', text: 'a' }] }), delta({ annotations: [cited] }), finished('stop'));
    const flat = { type: 'url_citation', url: 'https://example.com', title: 't', start_index: 0, end_index: 1 };
    expect(events).toContainEqual({ type: 'item_end', item: 0, text: 'a', annotations: [flat] });
    expect(deltas(events)).toContainEqual({ annotations: [cited] });
  });

  test.each<[string, string, JsonObject]>([
    [
      'an error chunk',
      '{"error":{"message":"slow down","code":"rate_limit_exceeded"}}',
      { kind: 'rate_limited', message: 'slow down', code: 'rate_limit_exceeded' },
    ],
    ['an error of Anthropic', '{"type":"error","error":{"type":"overloaded_error","message":"busy"}}', { kind: 'overloaded' }],
    ['an error with a status for a code', '{"error":{"message":"no money","code":402},"choices":[]}', { kind: 'quota_exceeded' }],
    ['an error in one string', '{"error":"broken"}', { kind: 'upstream_failed', message: 'broken' }],
    ['a flat error', '{"object":"error","message":"bad","type":"invalid_request_error"}', { kind: 'invalid_request', message: 'bad' }],
    ...['error', 'abort', 'insufficient_system_resource', 'network_error'].map((reason): [string, string, JsonObject] => [
      `the finish_reason ${reason}`,
      JSON.stringify(finished(reason)),
      { kind: 'upstream_failed' },
    ]),
    ['bytes that are no JSON', '{"choices":[', { kind: 'upstream_failed' }],
    ['a page', '<!doctype html><title>Bad gateway</title>', { kind: 'upstream_failed' }],
    ['JSON that is no chunk', '[1]', { kind: 'upstream_failed' }],
  ])('%s ends the reply with an error', (_, bad, error) => {
    const events = eventsOfChunks(delta({ content: 'a' }), bad, finished('stop'), '[DONE]');
    expect(events.at(-1)).toMatchObject({ type: 'error', error });
    expect(events.filter((event) => event.type === 'end')).toEqual([]);
  });

  test('an error event is one whatever it holds', () => {
    expect(eventsOf(Buffer.from('event: error\ndata: {"message":"gone"}\n\n')).at(-1)).toMatchObject({
      type: 'error',
      error: { message: 'gone' },
    });
    expect(eventsOf(Buffer.from('event: error\ndata: gone\n\n')).at(-1)).toMatchObject({ type: 'error', error: { message: 'gone' } });
  });

  test('a body that is no event stream is a cut', () => {
    expect(eventsOf(Buffer.from('<html>\n<body>\n\n</body>'))).toMatchObject([{ type: 'start' }, { type: 'cut' }]);
    expect(eventsOf()).toMatchObject([{ type: 'start' }, { type: 'cut' }]);
  });

  test('no chunk whatever its shape throws, and every stream ends once', () => {
    const key = fc.constantFrom(
      'choices',
      'delta',
      'index',
      'content',
      'tool_calls',
      'function',
      'custom',
      'arguments',
      'name',
      'id',
      'finish_reason',
      'usage',
      'error',
      'refusal',
      'annotations',
      'reasoning_text',
      'reasoning_opaque',
    );
    const { value } = fc.letrec<{ value: JsonValue }>((tie) => ({
      value: fc.oneof(
        { depthSize: 'medium', withCrossShrink: true },
        fc.constantFrom<JsonValue>(null, 0, 1, 'stop', 'a', true),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(key, tie('value'), { maxKeys: 6 }),
      ),
    }));
    const chunk = fc.oneof(
      value,
      fc.dictionary(key, value).map((each): JsonValue => ({ choices: [{ index: 0, delta: each }] })),
      fc.dictionary(key, value).map((each): JsonValue => ({ choices: [{ delta: { tool_calls: [{ ...each }] }, finish_reason: null }] })),
    );
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            chunk.map((each) => JSON.stringify(each)),
            fc.string(),
          ),
          { maxLength: 6 },
        ),
        (chunks) => {
          const events = eventsOfChunks(...chunks);
          expect(events.filter((event) => ['end', 'error', 'cut'].includes(event.type))).toEqual([events.at(-1)]);
          expect(() => render(events)).not.toThrow();
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe('writing streams', () => {
  const textItem = (item: number, value: string, id?: string): TurnEvent[] => [
    { type: 'item_start', item, kind: 'text', ...(id !== undefined && { id }) },
    { type: 'delta', item, text: value },
    { type: 'item_end', item, text: value },
  ];

  test('a text, frame by frame', () => {
    const events: TurnEvent[] = [
      { type: 'start', model: 'up', usage: { input: 5 } },
      ...textItem(0, 'a"b\n'),
      { type: 'end', stop: 'end_turn', usage: { output: 2, cached: 4, reasoning: 1 } },
    ];
    const common = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1_700_000_000, model: 'asked' };
    const frame = (value: JsonObject, finish: string | null): JsonObject => ({
      ...common,
      choices: [{ index: 0, delta: value, finish_reason: finish }],
      usage: null,
    });
    expect(rendered(events)).toEqual([
      frame({ role: 'assistant', content: '' }, null),
      frame({ content: 'a"b\n' }, null),
      frame({}, 'stop'),
      {
        ...common,
        choices: [],
        usage: {
          prompt_tokens: 5,
          completion_tokens: 2,
          total_tokens: 7,
          prompt_tokens_details: { cached_tokens: 4 },
          completion_tokens_details: { reasoning_tokens: 1 },
        },
      },
      '[DONE]',
    ]);
  });

  test('the counts are only told to who asked', () => {
    const frames = rendered([{ type: 'start' }, { type: 'end', stop: 'end_turn', usage: { input: 1 } }], { includeUsage: false });
    expect(frames).toHaveLength(3);
    expect(JSON.stringify(frames)).not.toContain('usage');
  });

  test('calls get consecutive indexes whatever stands between them', () => {
    const events: TurnEvent[] = [
      { type: 'start' },
      { type: 'item_start', item: 0, kind: 'reasoning' },
      { type: 'item_start', item: 1, kind: 'tool_call', callId: 'a', name: 'f', tool: 'function' },
      { type: 'item_start', item: 2, kind: 'tool_call', callId: 'b', name: 'p', tool: 'custom' },
      { type: 'item_start', item: 3, kind: 'tool_call', callId: 'c', name: 'g', tool: 'function' },
      { type: 'delta', item: 3, text: '[1' },
      { type: 'delta', item: 1, text: '{' },
      { type: 'delta', item: 2, text: 'in' },
      { type: 'item_end', item: 1, text: '{}' },
      { type: 'item_end', item: 2, text: 'input' },
      { type: 'item_end', item: 3, text: '[1]' },
      { type: 'end', stop: 'tool_use' },
    ];
    expect(deltas(events).slice(1, -1)).toEqual([
      { tool_calls: [{ index: 0, id: 'a', type: 'function', function: { name: 'f', arguments: '' } }] },
      { tool_calls: [{ index: 2, id: 'c', type: 'function', function: { name: 'g', arguments: '' } }] },
      { tool_calls: [{ index: 2, function: { arguments: '[1' } }] },
      { tool_calls: [{ index: 0, function: { arguments: '{' } }] },
      { tool_calls: [{ index: 0, function: { arguments: '}' } }] },
      { tool_calls: [{ index: 1, id: 'b', type: 'custom', custom: { name: 'p', input: 'input' } }] },
      { tool_calls: [{ index: 2, function: { arguments: ']' } }] },
    ]);
  });

  test('an item that came without deltas is written at its end', () => {
    const events: TurnEvent[] = [
      { type: 'start' },
      { type: 'item_start', item: 0, kind: 'text' },
      { type: 'item_end', item: 0, text: 'whole' },
      { type: 'item_start', item: 1, kind: 'tool_call', callId: 'a', name: 'f', tool: 'function' },
      { type: 'item_end', item: 1, text: '' },
      { type: 'end', stop: 'tool_use' },
    ];
    expect(deltas(events)).toContainEqual({ content: 'whole' });
    expect(deltas(events)).toContainEqual({ tool_calls: [{ index: 0, function: { arguments: '{}' } }] });
  });

  test('blank arguments are made an object, which clients can parse', () => {
    const events: TurnEvent[] = [
      { type: 'start' },
      { type: 'item_start', item: 0, kind: 'tool_call', callId: 'a', name: 'f', tool: 'function' },
      { type: 'delta', item: 0, text: ' ' },
      { type: 'item_end', item: 0, text: ' \n' },
      { type: 'end', stop: 'tool_use' },
    ];
    expect(deltas(events)).toContainEqual({ tool_calls: [{ index: 0, function: { arguments: '\n{}' } }] });
    expect(chat.renderReply(events, context()).choices).toMatchObject([
      { message: { tool_calls: [{ function: { arguments: ' \n{}' } }] } },
    ]);
  });

  test('reasoning is only written to who reads it', () => {
    const events: TurnEvent[] = [
      { type: 'start' },
      { type: 'item_start', item: 0, kind: 'reasoning' },
      { type: 'delta', item: 0, text: 'a' },
      { type: 'reasoning_break', item: 0 },
      { type: 'delta', item: 0, text: 'b' },
      { type: 'item_end', item: 0, text: 'a\n\nb', opaque: { family: 'messages', data: 'sig' } },
      { type: 'end', stop: 'end_turn' },
    ];
    expect(deltas(events, { seal: ({ data }) => `sealed ${data}` }).slice(1, -1)).toEqual([
      { reasoning_content: 'a' },
      { reasoning_content: '\n\n' },
      { reasoning_content: 'b' },
      { reasoning_opaque: 'sealed sig' },
    ]);
    expect(deltas(events, { wantsReasoning: false })).toHaveLength(2);
  });

  test('opaque reasoning is written once it is known to be the only one', () => {
    const thought = (item: number, text: string, data: string): TurnEvent[] => [
      { type: 'item_start', item, kind: 'reasoning' },
      { type: 'item_end', item, text, opaque: { family: 'messages', data } },
    ];
    const end: TurnEvent = { type: 'end', stop: 'end_turn' };
    const one = deltas([{ type: 'start' }, ...thought(0, 'a', 'sig'), ...textItem(1, 'said'), end]);
    expect(one.slice(1, -1)).toEqual([{ reasoning_content: 'a' }, { content: 'said' }, { reasoning_opaque: 'sig' }]);
    const two = [{ type: 'start' } as const, ...thought(0, 'a', 'sig1'), ...textItem(1, 'said'), ...thought(2, 'b', 'sig2'), end];
    expect(deltas(two).slice(1, -1)).toEqual([{ reasoning_content: 'a' }, { content: 'said' }, { reasoning_content: 'b' }]);
    expect(chat.renderReply(two, context())).toMatchObject({ choices: [{ message: { reasoning_content: 'a\n\nb' } }] });
    expect(JSON.stringify(chat.renderReply(two, context()))).not.toContain('sig');
  });

  test('messages are set apart, pieces of one message are not', () => {
    const joined = (...items: TurnEvent[][]): string =>
      told(eventsOf(Buffer.from(render([{ type: 'start' }, ...items.flat(), { type: 'end', stop: 'end_turn' }]))))
        .items.map((item) => item.text)
        .join('');
    expect(joined(textItem(0, 'a', 'm1'), textItem(1, 'b', 'm2'))).toBe('a\n\nb');
    expect(joined(textItem(0, 'a', 'm1'), textItem(1, 'b', 'm1'))).toBe('ab');
    expect(joined(textItem(0, 'a'), textItem(1, 'b'))).toBe('ab');
  });

  test.each<[StopReason, string]>([
    ['end_turn', 'stop'],
    ['stop_sequence', 'stop'],
    ['pause_turn', 'stop'],
    // A finish that speaks of calls where there are none makes agents wait for ever.
    ['tool_use', 'stop'],
    ['max_tokens', 'length'],
    ['context_window', 'length'],
    ['refusal', 'content_filter'],
    ['content_filter', 'content_filter'],
  ])('%s is written as %s', (stop, finish) => {
    const frames = rendered([{ type: 'start' }, ...textItem(0, 'a'), { type: 'end', stop }]);
    expect(frames.at(-2)).toMatchObject({ choices: [{ finish_reason: finish }] });
    expect(chat.renderReply([{ type: 'start' }, ...textItem(0, 'a'), { type: 'end', stop }], context())).toMatchObject({
      choices: [{ finish_reason: finish }],
    });
  });

  test('a keep-alive is a comment', () => {
    expect(render([{ type: 'keep_alive' }])).toBe(': keep-alive\n\n');
  });

  test('a cut closes the stream without another word', () => {
    const written = render([
      { type: 'start' },
      ...textItem(0, 'a').slice(0, 2),
      { type: 'cut', message: 'gone' },
      { type: 'delta', item: 0, text: 'late' },
      { type: 'end', stop: 'end_turn' },
    ]);
    expect(written).not.toContain('"stop"');
    expect(written).not.toContain('late');
    expect(written).not.toContain('[DONE]');
    expect(eventsOf(Buffer.from(written)).at(-1)).toMatchObject({ type: 'cut' });
  });

  test('an error is one frame, and the last', () => {
    const written = rendered([
      { type: 'start' },
      { type: 'error', error: { kind: 'overloaded', message: 'busy' } },
      { type: 'end', stop: 'end_turn' },
    ]);
    expect(written.at(-1)).toEqual({ error: { message: 'busy', type: 'server_error', code: 'server_is_overloaded', param: null } });
  });
});

describe('any reply', () => {
  const word = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 10 });
  const speech = fc.record({
    kind: fc.constantFrom('text' as const, 'refusal' as const, 'reasoning' as const),
    words: fc.array(word, { minLength: 1, maxLength: 4 }),
    data: fc.option(word, { nil: undefined }),
  });
  // Blank arguments are made JSON, and so do not come back as they were.
  const input = fc.array(word, { minLength: 1, maxLength: 4 }).filter((words) => words.join('').trim() !== '');
  const toolCall = fc.record({
    kind: fc.constant('tool_call' as const),
    words: input,
    name: fc.stringMatching(/^[a-z]{1,8}$/),
    custom: fc.boolean(),
  });
  const usage = fc.record({ input: fc.nat(), output: fc.nat(), cached: fc.nat(), reasoning: fc.nat() });

  const reply = fc
    .tuple(fc.array(fc.oneof(speech, toolCall), { maxLength: 6 }), fc.option(usage, { nil: undefined }), fc.boolean())
    .map(([drawn, counts, long]) => {
      // Speech of one kind that follows speech of the same kind would be one item in chat.
      const items = drawn.filter((each, i) => each.kind === 'tool_call' || each.kind !== drawn[i - 1]?.kind);
      // Opaque reasoning is written last, and only where there is one.
      const opaqueAt = items.filter((each) => each.kind === 'reasoning').length === 1 ? items.length - 1 : -1;
      const events: TurnEvent[] = [{ type: 'start', id: 'chatcmpl-1', model: 'asked' }];
      for (const [item, each] of items.entries()) {
        const calls =
          each.kind === 'tool_call'
            ? { callId: `c${item}`, name: each.name, tool: each.custom ? ('custom' as const) : ('function' as const) }
            : undefined;
        if (each.kind === 'tool_call')
          events.push({
            type: 'item_start',
            item,
            kind: 'tool_call',
            callId: `c${item}`,
            name: each.name,
            tool: calls?.tool ?? 'function',
          });
        else events.push({ type: 'item_start', item, kind: each.kind });
        for (const text of each.words) events.push({ type: 'delta', item, text });
        const opaque: OpaqueReasoning =
          each.kind === 'reasoning' && each.data !== undefined && item === opaqueAt
            ? { family: 'chat', data: each.data }
            : inTheOpen('reasoning_content');
        events.push({ type: 'item_end', item, text: each.words.join(''), ...(each.kind === 'reasoning' && { opaque }) });
      }
      const said = items.some((each) => each.kind === 'refusal') ? 'refusal' : 'end_turn';
      const stop = items.some((each) => each.kind === 'tool_call') ? 'tool_use' : said;
      const end: TurnEvent = { type: 'end', stop: long ? 'max_tokens' : stop, ...(counts && { usage: counts }) };
      return [...events, end];
    });

  test('is read back as it was written', () => {
    fc.assert(
      fc.property(reply, (events) => {
        expect(told(eventsOf(Buffer.from(render(events))))).toEqual(told(events));
      }),
      { numRuns: 300 },
    );
  });

  test('means the same cut anywhere', () => {
    fc.assert(
      fc.property(reply, fc.double({ min: 0, max: 1, noNaN: true }), (events, place) => {
        const bytes = Buffer.from(render(events));
        const at = Math.floor(place * bytes.length);
        expect(eventsOf(bytes.subarray(0, at), bytes.subarray(at))).toEqual(eventsOf(bytes));
      }),
      { numRuns: 300 },
    );
  });

  test('that stops early is never a success', () => {
    fc.assert(
      fc.property(reply, fc.nat(), (events, drawn) => {
        const kept = events.slice(0, drawn % events.length);
        expect(eventsOf(Buffer.from(render([...kept, { type: 'cut', message: 'gone' }]))).at(-1)).toMatchObject({ type: 'cut' });
      }),
    );
  });

  test('says the same streamed and whole', () => {
    fc.assert(
      fc.property(reply, (events) => {
        const streamed = told(eventsOf(Buffer.from(render(events))));
        const whole = told(chat.parseReply(JSON.parse(JSON.stringify(chat.renderReply(events, context())))));
        const of = (from: Told, kind: string): Said[] => from.items.filter((item) => item.kind === kind);
        const textOf = (from: Told, kind: string): string =>
          of(from, kind)
            .map((item) => item.text)
            .join('');
        expect(of(whole, 'tool_call')).toEqual(of(streamed, 'tool_call'));
        expect(textOf(whole, 'text')).toBe(textOf(streamed, 'text'));
        expect(textOf(whole, 'refusal')).toBe(textOf(streamed, 'refusal'));
        expect([whole.stop, whole.usage]).toEqual([streamed.stop, streamed.usage]);
      }),
      { numRuns: 300 },
    );
  });
});
