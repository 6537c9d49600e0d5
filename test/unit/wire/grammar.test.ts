import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkStream } from '../../../bridges/wire/grammar.ts';
import type { JsonObject, JsonValue, WireFormat } from '../../../bridges/wire/turn.ts';

type Event = JsonObject & { type: string };

function named(events: readonly Event[]): string {
  return events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join('');
}

function plain(chunks: readonly (JsonObject | '[DONE]')[]): string {
  return chunks.map((chunk) => `data: ${chunk === '[DONE]' ? chunk : JSON.stringify(chunk)}\n\n`).join('');
}

function rules(format: WireFormat, text: string): string[] {
  return checkStream(format, text).map((problem) => problem.rule);
}

/** The list with the piece at `at` left out, or replaced. */
function without<T>(list: readonly T[], at: number, ...instead: T[]): T[] {
  return list.toSpliced(at, 1, ...instead);
}

describe('any format', () => {
  it('tells the line and the event of a problem', () => {
    const text = `: a comment\n${named([{ type: 'ping' }])}${named([{ type: 'message_stop' }])}`;
    expect(checkStream('messages', text)).toEqual([
      { line: 2, event: 'ping', rule: 'message_start comes first' },
      { line: 5, event: 'message_stop', rule: 'message_stop follows message_delta' },
    ]);
  });

  it.each(['chat', 'responses', 'messages'] as const)('finds an empty %s stream unfinished', (format) => {
    expect(rules(format, '').length).toBeGreaterThan(0);
  });

  it('never throws, whatever it reads', () => {
    const word = fc.constantFrom<JsonValue>(
      'type',
      'index',
      'delta',
      'content_block',
      'message_start',
      'choices',
      'response',
      'item',
      0,
      null,
    );
    const anyEvent = fc.record({
      type: fc.constantFrom(
        'message_start',
        'content_block_start',
        'content_block_delta',
        'content_block_stop',
        'message_delta',
        'response.created',
        'response.in_progress',
        'response.output_item.added',
        'response.output_item.done',
        'response.output_text.delta',
        'response.content_part.done',
        'response.completed',
      ),
      index: word,
      delta: fc.oneof(
        word,
        fc.record({ type: word, role: word, tool_calls: fc.array(fc.oneof(word, fc.record({ index: fc.nat(2), type: word }))) }),
      ),
      content_block: fc.oneof(word, fc.record({ type: word })),
      choices: fc.oneof(word, fc.array(fc.oneof(word, fc.record({ index: word, delta: word })))),
      response: fc.oneof(word, fc.record({ output: word, usage: word })),
      output_index: word,
      item: fc.oneof(word, fc.record({ id: word, type: word, content: word })),
    });
    fc.assert(
      fc.property(fc.array(anyEvent), fc.string(), (events, noise) => {
        for (const format of ['chat', 'responses', 'messages'] as const) {
          expect(checkStream(format, named(events) + noise)).toBeInstanceOf(Array);
          expect(checkStream(format, plain(events))).toBeInstanceOf(Array);
        }
      }),
    );
  });
});

describe('messages', () => {
  const good: Event[] = [
    {
      type: 'message_start',
      message: {
        id: 'msg_1',
        type: 'message',
        role: 'assistant',
        model: 'm',
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: { input_tokens: 3, output_tokens: 0 },
      },
    },
    { type: 'ping' },
    { type: 'content_block_start', index: 0, content_block: { type: 'thinking', thinking: '', signature: '' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: 'hm' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'signature_delta', signature: 's' } },
    { type: 'content_block_stop', index: 0 },
    { type: 'content_block_start', index: 1, content_block: { type: 'text', text: '' } },
    { type: 'content_block_delta', index: 1, delta: { type: 'text_delta', text: 'hi' } },
    { type: 'content_block_stop', index: 1 },
    { type: 'content_block_start', index: 2, content_block: { type: 'tool_use', id: 'toolu_1', name: 'f', input: {} } },
    { type: 'content_block_delta', index: 2, delta: { type: 'input_json_delta', partial_json: '{"a":' } },
    { type: 'content_block_delta', index: 2, delta: { type: 'input_json_delta', partial_json: '1}' } },
    { type: 'content_block_stop', index: 2 },
    { type: 'message_delta', delta: { stop_reason: 'tool_use', stop_sequence: null }, usage: { output_tokens: 9 } },
    { type: 'message_stop' },
  ];
  const START = 0;
  const SIGNATURE = 4;
  const TEXT = 7;
  const TEXT_STOP = 8;
  const CALL = 9;
  const INPUT_END = 11;
  const DELTA = 13;
  const STOP = 14;

  it('accepts a complete reply', () => {
    expect(checkStream('messages', named(good))).toEqual([]);
  });

  it('accepts an error at any point', () => {
    const error: Event = { type: 'error', error: { type: 'overloaded_error', message: 'busy' } };
    for (let at = 0; at < STOP; at++) expect(rules('messages', named([...good.slice(0, at), error]))).toEqual([]);
  });

  it('accepts a half-written input only where the reply was cut short', () => {
    const cut = without(good, INPUT_END);
    expect(rules('messages', named(cut))).toEqual(['the input of a call is a JSON object']);
    const longer = cut.with(DELTA - 1, { type: 'message_delta', delta: { stop_reason: 'max_tokens' }, usage: { output_tokens: 9 } });
    expect(rules('messages', named(longer))).toEqual([]);
  });

  it.each<[string, Event[]]>([
    ['there is one message_start', good.toSpliced(1, 0, good[START] ?? { type: '' })],
    ['the stream ends with message_stop or error', good.slice(0, STOP)],
    ['message_stop follows message_delta', without(good, DELTA)],
    ['nothing follows message_stop or error', [...good, { type: 'ping' }]],
    ['a block ends before the next begins', without(good, TEXT_STOP)],
    [
      'block indexes count up from 0',
      good.with(CALL, { type: 'content_block_start', index: 3, content_block: { type: 'text', text: '' } }),
    ],
    [
      'a text block takes text_delta and citations_delta',
      good.with(TEXT, { type: 'content_block_delta', index: 1, delta: { type: 'thinking_delta', thinking: 'x' } }),
    ],
    [
      'a delta belongs to the open block',
      good.with(TEXT, { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'x' } }),
    ],
    ['a thinking block has one signature', good.toSpliced(SIGNATURE, 0, good[SIGNATURE] ?? { type: '' })],
    [
      'a tool_use block starts with input {}',
      good.with(CALL, { type: 'content_block_start', index: 2, content_block: { type: 'tool_use', id: 't', name: 'f', input: { a: 1 } } }),
    ],
    [
      'message_delta has a stop reason of the format',
      good.with(DELTA, { type: 'message_delta', delta: { stop_reason: 'stop' }, usage: { output_tokens: 1 } }),
    ],
    ['message_delta has output_tokens', good.with(DELTA, { type: 'message_delta', delta: { stop_reason: 'tool_use' }, usage: {} })],
    ['the type is one of the format', good.toSpliced(1, 0, { type: 'message_middle' })],
  ])('finds that not: %s', (rule, events) => {
    expect(rules('messages', named(events))).toContain(rule);
  });

  it('wants event lines', () => {
    expect(rules('messages', plain(good))).toContain('the event line names the type in the data');
  });

  it('wants ids of calls to be unique', () => {
    const again = good.slice(CALL, DELTA).map((event) => ({ ...event, index: 3 }));
    expect(rules('messages', named(good.toSpliced(DELTA, 0, ...again)))).toEqual(['ids of calls are unique']);
  });
});

describe('chat', () => {
  const chunk = (delta: JsonObject, finish: string | null = null): JsonObject => ({
    id: 'c1',
    object: 'chat.completion.chunk',
    created: 1,
    model: 'm',
    choices: [{ index: 0, delta, finish_reason: finish }],
  });
  const usage: JsonObject = { ...chunk({}), choices: [], usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 } };
  const begin: JsonObject = { index: 0, id: 'call_1', type: 'function', function: { name: 'f', arguments: '' } };
  const good: (JsonObject | '[DONE]')[] = [
    chunk({ role: 'assistant', content: '' }),
    chunk({ content: 'hi' }),
    chunk({ tool_calls: [begin] }),
    chunk({ tool_calls: [{ index: 0, function: { arguments: '{}' } }] }),
    chunk({ tool_calls: [{ index: 1, id: 'call_2', type: 'custom', custom: { name: 'p', input: 'x' } }] }),
    chunk({}, 'tool_calls'),
    usage,
    '[DONE]',
  ];
  const FINISH = 5;
  const USAGE = 6;

  it('accepts a complete reply, with or without usage', () => {
    expect(checkStream('chat', plain(good))).toEqual([]);
    expect(checkStream('chat', plain(without(good, USAGE)))).toEqual([]);
  });

  it('accepts an error before the end', () => {
    const error: JsonObject = { error: { message: 'busy', type: 'server_error', code: null } };
    expect(rules('chat', plain([error]))).toEqual([]);
    expect(rules('chat', plain([...good.slice(0, 3), error]))).toEqual([]);
    expect(rules('chat', plain([...good.slice(0, 3), error, '[DONE]']))).toEqual([]);
  });

  it.each<[string, (JsonObject | '[DONE]')[]]>([
    ['the stream has a finish_reason', good.slice(0, FINISH)],
    ['[DONE] follows a finish_reason', without(good, FINISH)],
    ['the stream ends with [DONE]', good.slice(0, -1)],
    ['nothing follows [DONE]', [...good, chunk({})]],
    ['no choice follows the finish_reason', good.toSpliced(USAGE, 0, chunk({ content: 'more' }))],
    ['the usage chunk stands once, after the finish_reason', good.toSpliced(1, 0, usage)],
    ['usage has counts that add up', good.with(USAGE, { ...usage, usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 3 } })],
    ['the first delta has the role', good.slice(1)],
    ['id, model and created are the same in all chunks', good.with(1, { ...chunk({ content: 'hi' }), id: 'c2' })],
    ['a call begins with its id', good.with(2, chunk({ tool_calls: [{ ...begin, id: '' }] }))],
    ['a call begins with its type and name', without(good, 2)],
    ['ids of calls are unique', good.with(2, chunk({ tool_calls: [{ ...begin, id: 'call_2' }] }))],
    ['indexes of calls count up from 0', without(without(good, 2), 2)],
    ['the arguments of a call are a JSON object', without(good, 3)],
    ['tool_calls means that there are calls', [good[0] ?? {}, chunk({}, 'tool_calls'), '[DONE]']],
    ['nothing follows an error', [{ error: { message: 'x' } }, chunk({})]],
  ])('finds that not: %s', (rule, chunks) => {
    expect(rules('chat', plain(chunks))).toContain(rule);
  });

  it('wants no event lines', () => {
    expect(rules('chat', plain(good).replace('data:', 'event: x\ndata:'))).toEqual(['there are no event lines']);
  });
});

describe('responses', () => {
  const numbered = (events: Event[]): Event[] => events.map((event, sequence_number) => ({ ...event, sequence_number }));
  const response = (status: string, more: JsonObject = {}): JsonObject => ({
    id: 'resp_1',
    object: 'response',
    status,
    output: [],
    ...more,
  });
  const message: JsonObject = {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    status: 'completed',
    content: [{ type: 'output_text', text: 'hi', annotations: [] }],
  };
  const call: JsonObject = { id: 'fc_1', type: 'function_call', call_id: 'call_1', name: 'f', arguments: '{}', status: 'completed' };
  const thought: JsonObject = { id: 'rs_1', type: 'reasoning', summary: [{ type: 'summary_text', text: 'hm' }] };
  const usage: JsonObject = {
    input_tokens: 3,
    output_tokens: 4,
    total_tokens: 7,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens_details: { reasoning_tokens: 0 },
  };
  const ending: Event = { type: 'response.completed', response: response('completed', { output: [thought, message, call], usage }) };
  const good: Event[] = [
    { type: 'response.created', response: response('in_progress') },
    { type: 'response.in_progress', response: response('in_progress') },
    { type: 'response.output_item.added', output_index: 0, item: { ...thought, summary: [] } },
    {
      type: 'response.reasoning_summary_part.added',
      item_id: 'rs_1',
      output_index: 0,
      summary_index: 0,
      part: { type: 'summary_text', text: '' },
    },
    { type: 'response.reasoning_summary_text.delta', item_id: 'rs_1', output_index: 0, summary_index: 0, delta: 'hm' },
    { type: 'response.reasoning_summary_text.done', item_id: 'rs_1', output_index: 0, summary_index: 0, text: 'hm' },
    {
      type: 'response.reasoning_summary_part.done',
      item_id: 'rs_1',
      output_index: 0,
      summary_index: 0,
      part: { type: 'summary_text', text: 'hm' },
    },
    { type: 'response.output_item.done', output_index: 0, item: thought },
    { type: 'response.output_item.added', output_index: 1, item: { ...message, content: [] } },
    { type: 'response.content_part.added', item_id: 'msg_1', output_index: 1, content_index: 0, part: { type: 'output_text', text: '' } },
    { type: 'response.output_text.delta', item_id: 'msg_1', output_index: 1, content_index: 0, delta: 'h' },
    { type: 'response.output_text.delta', item_id: 'msg_1', output_index: 1, content_index: 0, delta: 'i' },
    { type: 'response.output_text.done', item_id: 'msg_1', output_index: 1, content_index: 0, text: 'hi' },
    { type: 'response.content_part.done', item_id: 'msg_1', output_index: 1, content_index: 0, part: { type: 'output_text', text: 'hi' } },
    { type: 'response.output_item.done', output_index: 1, item: message },
    { type: 'response.output_item.added', output_index: 2, item: { ...call, arguments: '' } },
    { type: 'response.function_call_arguments.delta', item_id: 'fc_1', output_index: 2, delta: '{}' },
    { type: 'response.function_call_arguments.done', item_id: 'fc_1', output_index: 2, arguments: '{}' },
    { type: 'response.output_item.done', output_index: 2, item: call },
    ending,
  ];
  const TEXT_DONE = 12;
  const PART_DONE = 13;
  const ITEM_DONE = 14;
  const CALL_ADDED = 15;
  const ARGUMENTS = 16;
  const END = 19;

  /** The good reply with other arguments. */
  function calling(args: string, status = 'completed', more: JsonObject = {}): Event[] {
    const item = { ...call, arguments: args };
    return [
      ...good.slice(0, ARGUMENTS),
      { type: 'response.function_call_arguments.done', item_id: 'fc_1', output_index: 2, arguments: args },
      { type: 'response.output_item.done', output_index: 2, item },
      { type: `response.${status}`, response: response(status, { output: [thought, message, item], usage, ...more }) },
    ];
  }

  it('accepts a complete reply', () => {
    expect(checkStream('responses', named(numbered(good)))).toEqual([]);
  });

  it('accepts arguments that come only when they are done, a repeated in_progress and a trailing [DONE]', () => {
    const events = good.toSpliced(ARGUMENTS, 1, { type: 'response.in_progress', response: response('in_progress') });
    expect(rules('responses', `${named(numbered(events))}data: [DONE]\n\n`)).toEqual([]);
  });

  it('accepts a failure at any point after the start', () => {
    const failed: Event = { type: 'response.failed', response: response('failed', { error: { code: 'server_error', message: 'x' } }) };
    for (let at = 1; at < END; at++) expect(rules('responses', named(numbered([...good.slice(0, at), failed])))).toEqual([]);
  });

  it('accepts an incomplete reply with its reason', () => {
    const incomplete = response('incomplete', {
      output: [thought, message, call],
      usage,
      incomplete_details: { reason: 'max_output_tokens' },
    });
    expect(rules('responses', named(numbered(good.with(END, { type: 'response.incomplete', response: incomplete }))))).toEqual([]);
    const silent = { ...incomplete, incomplete_details: null };
    expect(rules('responses', named(numbered(good.with(END, { type: 'response.incomplete', response: silent }))))).toEqual([
      'an incomplete response has a reason',
    ]);
  });

  it.each<[string, Event[]]>([
    ['response.created comes first', good.slice(1)],
    ['items come after response.in_progress', without(good, 1)],
    ['the stream ends with a terminal event', good.slice(0, END)],
    ['nothing follows the terminal event', [...good, ending]],
    ['all items end before the reply does', without(good, ITEM_DONE)],
    ['all parts end before their item', without(good, PART_DONE)],
    ['the text of a part is done before the part', without(good, TEXT_DONE)],
    ['the done event holds what the deltas said', without(good, 11)],
    [
      'a done item holds what its deltas said',
      good.with(ITEM_DONE, {
        type: 'response.output_item.done',
        output_index: 1,
        item: { ...message, content: [{ type: 'output_text', text: 'ho' }] },
      }),
    ],
    ['the parts of a message are announced', good.toSpliced(9, 5)],
    [
      'the output of the response is the items that were done, in order',
      good.with(END, { type: 'response.completed', response: response('completed', { usage }) }),
    ],
    ['output indexes count up from 0', good.with(CALL_ADDED, { type: 'response.output_item.added', output_index: 3, item: call })],
    [
      'ids of items are unique',
      good.with(CALL_ADDED, { type: 'response.output_item.added', output_index: 2, item: { ...call, id: 'msg_1' } }),
    ],
    [
      'a call has a call_id and a name',
      good.with(CALL_ADDED, { type: 'response.output_item.added', output_index: 2, item: { ...call, name: '' } }),
    ],
    [
      'the event belongs to an open item',
      good.with(ARGUMENTS, { type: 'response.function_call_arguments.delta', item_id: 'fc_9', output_index: 2, delta: '{}' }),
    ],
    [
      'the event belongs to a custom_tool_call',
      good.with(ARGUMENTS, { type: 'response.custom_tool_call_input.delta', item_id: 'fc_1', output_index: 2, delta: '{}' }),
    ],
    [
      'usage counts cached tokens',
      good.with(END, {
        type: 'response.completed',
        response: response('completed', { output: [thought, message, call], usage: { ...usage, input_tokens_details: {} } }),
      }),
    ],
    [
      'the id of the response stays the same',
      good.with(1, { type: 'response.in_progress', response: { ...response('in_progress'), id: 'resp_2' } }),
    ],
    ['the type is one of the format', good.toSpliced(2, 0, { type: 'response.middle' })],
    ['the arguments of a call are a JSON object', calling('')],
    ['the arguments of a call are a JSON object', calling('{"cut')],
  ])('finds that not: %s', (rule, events) => {
    expect(rules('responses', named(numbered(events)))).toContain(rule);
  });

  it('accepts arguments that are cut short in a reply that is', () => {
    const cut = calling('{"cut', 'incomplete', { incomplete_details: { reason: 'max_output_tokens' } });
    expect(rules('responses', named(numbered(cut)))).toEqual([]);
  });

  it('wants rising sequence numbers and event lines', () => {
    expect(rules('responses', named(good))).toContain('sequence_number rises');
    expect(rules('responses', plain(numbered(good)))).toContain('the event line names the type in the data');
  });
});
