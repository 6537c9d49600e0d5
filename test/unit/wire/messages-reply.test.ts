import { describe, expect, it } from 'vitest';
import { ReplyError } from '../../../bridges/wire/codec.ts';
import { checkStream } from '../../../bridges/wire/grammar.ts';
import { messages } from '../../../bridges/wire/messages/index.ts';
import type { JsonObject, TurnEvent } from '../../../bridges/wire/turn.ts';
import { recordedBody, recordedText } from '../../wire/recorded.ts';
import { asObject, context, framesOf, parseEvents, parseStream, renderStream } from './messages.helpers.ts';

const recorded = (scenario: string): TurnEvent[] => parseStream(recordedText(`claude-code-2.1.329/${scenario}/02.response.sse`));
const begin: JsonObject = { type: 'message_start', message: { id: 'msg_1', model: 'up', usage: { input_tokens: 5, output_tokens: 1 } } };
const open = (content_block: JsonObject, index = 0): JsonObject => ({ type: 'content_block_start', index, content_block });
const piece = (delta: JsonObject, index = 0): JsonObject => ({ type: 'content_block_delta', index, delta });
const close = (index = 0): JsonObject => ({ type: 'content_block_stop', index });
const finish: JsonObject[] = [
  { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 9 } },
  { type: 'message_stop' },
];

/** The events between the start and the end of a reply. */
const inside = (events: TurnEvent[]): TurnEvent[] => events.slice(1, -1);
const types = (events: readonly TurnEvent[]): string[] => events.map((event) => event.type);

describe('reading a stream of a careless server', () => {
  const call = (fields: JsonObject): JsonObject => open({ type: 'tool_use', id: 'toolu_1', name: 'f', input: {}, ...fields });

  it.each<JsonObject>([{ name: '' }, { name: 7 }])('fails on a call that nobody can make: %j', (fields) => {
    const events = parseEvents(begin, call(fields), close(), ...finish);
    expect(events.at(-1)).toMatchObject({ type: 'error', error: { kind: 'upstream_failed' } });
  });

  it('gives a call an id where it came with an empty one', () => {
    expect(parseEvents(begin, call({ id: '' }), close(), ...finish)[1]).toMatchObject({ callId: expect.stringMatching(/./) });
  });

  it('takes a block that does not say what it is for what its deltas say', () => {
    const events = parseEvents(begin, open({ type: '' }), piece({ type: 'text_delta', text: 'hi' }), close(), ...finish);
    expect(inside(events)).toEqual([
      { type: 'item_start', item: 0, kind: 'text' },
      { type: 'delta', item: 0, text: 'hi' },
      { type: 'item_end', item: 0, text: 'hi' },
    ]);
  });
});

describe('reading a recorded stream', () => {
  it('gives text with its usage, the whole prompt counted', () => {
    const events = recorded('text');
    expect(events.at(0)).toMatchObject({ type: 'start', model: 'claude-mock', usage: { input: 25, cached: 0, cacheWrite: 0, output: 1 } });
    expect(events.at(-1)).toMatchObject({ type: 'end', stop: 'end_turn', usage: { input: 25, output: 12 } });
    const text = events.map((event) => (event.type === 'delta' ? event.text : '')).join('');
    expect(events.at(-2)).toEqual({ type: 'item_end', item: 0, text });
    expect(types(events.filter((event) => event.type !== 'delta'))).toEqual(['start', 'keep_alive', 'item_start', 'item_end', 'end']);
  });

  it('gives signed thinking and a call', () => {
    const events = recorded('thinking');
    expect(events.filter((event) => event.type !== 'delta')).toMatchObject([
      { type: 'start' },
      { type: 'item_start', item: 0, kind: 'reasoning' },
      { type: 'item_end', item: 0, text: 'I should list files.', opaque: { family: 'messages', data: 'SIG_OPAQUE==' } },
      { type: 'item_start', item: 1, kind: 'tool_call', callId: 'toolu_t', name: 'Bash', tool: 'function' },
      { type: 'item_end', item: 1, text: '{"command":"ls -1","description":"List"}' },
      { type: 'end', stop: 'tool_use' },
    ]);
  });

  it('gives parallel calls as items of their own', () => {
    expect(recorded('parallel').filter((event) => event.type === 'item_start')).toMatchObject([
      { callId: 'toolu_a' },
      { callId: 'toolu_b' },
    ]);
  });

  it('gives an error with its kind', () => {
    expect(recorded('sse_error_overloaded').at(-1)).toEqual({
      type: 'error',
      error: { kind: 'overloaded', type: 'overloaded_error', message: 'Overloaded' },
    });
  });

  it.each([
    ['without message_stop', 'min_no_stop', 'no stop'],
    ['without message_delta', 'min_no_delta', 'no delta'],
    ['without content_block_stop', 'no_block_stop', 'nobs'],
    ['without event lines', 'min_dataonly', 'data only'],
  ])('ends well %s', (_, scenario, text) => {
    const events = recorded(scenario);
    expect(events.at(-2)).toMatchObject({ type: 'item_end', text });
    expect(events.at(-1)).toMatchObject({ type: 'end', stop: 'end_turn' });
  });

  it.each(['refusal', 'max_tokens'])('tells its stop reason: %s', (scenario) => {
    expect(recorded(scenario).at(-1)).toMatchObject({ type: 'end', stop: scenario });
  });

  it('passes on a tool input that is no JSON', () => {
    expect(recorded('tool_badjson').find((event) => event.type === 'item_end')).toMatchObject({ text: '{"command":' });
  });
});

describe('reading a stream', () => {
  it('takes counts of message_delta over those of message_start', () => {
    const usage = {
      input_tokens: 7,
      cache_creation_input_tokens: 2,
      cache_read_input_tokens: 90,
      output_tokens: 8,
      output_tokens_details: { thinking_tokens: 3 },
    };
    const events = parseEvents(begin, { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage }, { type: 'message_stop' });
    expect(events.at(-1)).toEqual({
      type: 'end',
      stop: 'end_turn',
      usage: { input: 99, cached: 90, cacheWrite: 2, output: 8, reasoning: 3 },
    });
  });

  it('gives redacted thinking as reasoning that no one reads', () => {
    expect(inside(parseEvents(begin, open({ type: 'redacted_thinking', data: 'R' }), close(), ...finish))).toEqual([
      { type: 'item_start', item: 0, kind: 'reasoning' },
      { type: 'item_end', item: 0, text: '', opaque: { family: 'messages', data: 'R', redacted: true } },
    ]);
  });

  it('gives hosted tools whole, with their input', () => {
    const events = inside(
      parseEvents(
        begin,
        open({ type: 'server_tool_use', id: 's', name: 'web_search', input: {} }),
        piece({ type: 'input_json_delta', partial_json: '{"query"' }),
        piece({ type: 'input_json_delta', partial_json: ':"q"}' }),
        close(),
        open({ type: 'web_search_tool_result', tool_use_id: 's', content: [] }, 1),
        close(1),
        ...finish,
      ),
    );
    expect(events).toMatchObject([
      { type: 'item', item: 0, value: { from: 'messages', name: 'server_tool_use', value: { id: 's', input: { query: 'q' } } } },
      { type: 'item', item: 1, value: { name: 'web_search_tool_result', value: { tool_use_id: 's' } } },
    ]);
  });

  it('gives citations with the text they belong to', () => {
    const citation = { type: 'web_search_result_location', url: 'u', title: 't', cited_text: 'c', encrypted_index: 'e' };
    const events = parseEvents(
      begin,
      open({ type: 'text', text: '' }),
      piece({ type: 'text_delta', text: 'abc' }),
      piece({ type: 'citations_delta', citation }),
      close(),
      ...finish,
    );
    expect(events.at(-2)).toMatchObject({
      annotations: [{ type: 'url_citation', url: 'u', start_index: 0, end_index: 3, encrypted_index: 'e' }],
    });
  });

  it('gives a call without input, and one whose input came with its start', () => {
    const call = (id: string, input: JsonObject): JsonObject => ({ type: 'tool_use', id, name: 'n', input });
    const events = parseEvents(begin, open(call('a', {})), close(), open(call('b', { x: 1 }), 1), close(1), ...finish);
    expect(events.filter((event) => event.type === 'item_end')).toMatchObject([{ text: '{}' }, { text: '{"x":1}' }]);
  });

  it('makes an id for a call that has none', () => {
    const events = parseEvents(begin, open({ type: 'tool_use', name: 'n', input: {} }), close(), ...finish);
    expect(events[1]).toMatchObject({ callId: 'toolu_msg10' });
  });

  it('passes over what it does not know', () => {
    const events = parseEvents(
      begin,
      { type: 'news' },
      begin,
      open({ type: 'text', text: '' }),
      piece({ type: 'odd_delta' }),
      close(),
      close(),
      piece({ type: 'text_delta', text: 'late' }),
      ...finish,
    );
    expect(types(events)).toEqual(['start', 'item_start', 'item_end', 'end']);
  });

  it('begins a block whose start was left out', () => {
    const events = inside(
      parseEvents(
        begin,
        piece({ type: 'text_delta', text: 'a' }),
        piece({ type: 'text_delta', text: 'b' }),
        piece({ type: 'thinking_delta', thinking: 'c' }, 1),
        ...finish,
      ),
    );
    expect(types(events)).toEqual(['item_start', 'delta', 'delta', 'item_end', 'item_start', 'delta', 'item_end']);
  });

  it('tells a ping as a sign of life, once there is a reply', () => {
    expect(types(parseEvents({ type: 'ping' }, begin, { type: 'ping' }, ...finish))).toEqual(['start', 'keep_alive', 'end']);
  });

  it('says nothing after its end', () => {
    expect(types(parseEvents(begin, ...finish, ...finish, open({ type: 'text', text: 'x' })))).toEqual(['start', 'end']);
    expect(types(parseEvents({ type: 'error', error: {} }, begin))).toEqual(['start', 'error']);
  });

  it.each([
    ['nothing at all', ''],
    ['a page of HTML', '<html><body>Bad gateway</body></html>'],
    ['only a beginning', `data: ${JSON.stringify(begin)}\n\n`],
  ])('is cut where there is %s', (_, text) => {
    expect(types(parseStream(text))).toEqual(['start', 'cut']);
  });

  it('is cut in the middle of a block without pretending that the block ended', () => {
    expect(types(parseEvents(begin, open({ type: 'text', text: '' }), piece({ type: 'text_delta', text: 'a' })))).toEqual([
      'start',
      'item_start',
      'delta',
      'cut',
    ]);
  });

  it.each([
    ['is no JSON', 'data: {"type":\n\n'],
    ['is a page of HTML', 'data: <html></html>\n\n'],
    ['is no object', 'data: [1]\n\n'],
    ['is an error without a type', 'data: {"error":{"message":"no"}}\n\n'],
    ['is an error by its event line', 'event: error\ndata: {"error":{"message":"no"}}\n\n'],
  ])('fails where an event %s', (_, text) => {
    expect(parseStream(text).at(-1)).toMatchObject({ type: 'error', error: { kind: 'upstream_failed' } });
  });
});

describe('writing a stream', () => {
  const start: TurnEvent = { type: 'start', id: 'upstream', model: 'up-model' };
  const end: TurnEvent = { type: 'end', stop: 'end_turn', usage: { input: 100, cached: 60, cacheWrite: 10, output: 5, reasoning: 2 } };
  const say = (item: number, text: string): TurnEvent => ({ type: 'delta', item, text });
  const text = (item: number): TurnEvent => ({ type: 'item_start', item, kind: 'text' });
  const over = (item: number, whole: string): TurnEvent => ({ type: 'item_end', item, text: whole });
  const call = (item: number, tool: 'function' | 'custom' = 'function'): TurnEvent => ({
    type: 'item_start',
    item,
    kind: 'tool_call',
    callId: `c${item}`,
    name: 'n',
    tool,
  });

  /** The frames of a stream that keeps to the grammar. */
  function written(...events: TurnEvent[]): JsonObject[] {
    const stream = renderStream(events);
    expect(checkStream('messages', stream)).toEqual([]);
    return framesOf(stream);
  }

  const deltasOf = (frames: JsonObject[]): JsonObject[] =>
    frames.filter((frame) => frame.type === 'content_block_delta').map((frame) => asObject(frame.delta));

  it('has an id of its own, the requested model, and the counts at its end', () => {
    const frames = written(start, text(0), say(0, 'a'), say(0, '"\n\u2028'), over(0, 'a"\n\u2028'), end);
    expect(frames).toEqual([
      {
        type: 'message_start',
        message: {
          id: 'msg_new',
          type: 'message',
          role: 'assistant',
          model: 'asked-model',
          content: [],
          stop_reason: null,
          stop_sequence: null,
          usage: { input_tokens: 0, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 0 },
        },
      },
      open({ type: 'text', text: '' }),
      piece({ type: 'text_delta', text: 'a' }),
      piece({ type: 'text_delta', text: '"\n\u2028' }),
      close(),
      {
        type: 'message_delta',
        delta: { stop_reason: 'end_turn', stop_sequence: null },
        usage: {
          input_tokens: 30,
          cache_creation_input_tokens: 10,
          cache_read_input_tokens: 60,
          output_tokens: 5,
          output_tokens_details: { thinking_tokens: 2 },
        },
      },
      { type: 'message_stop' },
    ]);
  });

  it('never counts below nothing', () => {
    const frames = written(start, text(0), over(0, 'a'), { type: 'end', stop: 'end_turn', usage: { input: 5, cached: 9 } });
    expect(frames.at(-2)?.usage).toMatchObject({ input_tokens: 0, cache_read_input_tokens: 9 });
  });

  it('puts interleaved items one after another', () => {
    const frames = written(
      start,
      call(0),
      call(1),
      say(1, '{"b"'),
      say(0, '{"a":1}'),
      say(1, ':2}'),
      over(1, '{"b":2}'),
      over(0, '{"a":1}'),
      { type: 'end', stop: 'tool_use' },
    );
    expect(frames.slice(1, -2).map(({ type, index }) => [type, index])).toEqual([
      ['content_block_start', 0],
      ['content_block_delta', 0],
      ['content_block_stop', 0],
      ['content_block_start', 1],
      ['content_block_delta', 1],
      ['content_block_delta', 1],
      ['content_block_stop', 1],
    ]);
  });

  it('says at the end of an item what its deltas left out', () => {
    expect(deltasOf(written(start, text(0), say(0, 'ab'), over(0, 'abcd'), text(1), over(1, 'whole'), end))).toEqual([
      { type: 'text_delta', text: 'ab' },
      { type: 'text_delta', text: 'cd' },
      { type: 'text_delta', text: 'whole' },
    ]);
    expect(deltasOf(written(start, text(0), say(0, 'abcd'), over(0, 'ab'), say(0, 'late'), end))).toHaveLength(1);
  });

  it('says nothing of a call without input', () => {
    expect(deltasOf(written(start, call(0), over(0, '{}'), call(1), over(1, ''), end))).toEqual([]);
  });

  it('wraps free-form input once it is whole', () => {
    const [delta] = deltasOf(written(start, call(0, 'custom'), say(0, 'a\n'), say(0, '"b"'), over(0, 'a\n"b"'), end));
    expect(delta).toEqual({ type: 'input_json_delta', partial_json: JSON.stringify({ input: 'a\n"b"' }) });
  });

  it('seals thinking, whatever family it is of', () => {
    const think: TurnEvent = { type: 'item_start', item: 0, kind: 'reasoning' };
    const sealed = { type: 'item_end', item: 0, text: 'a\n\nb', opaque: { family: 'responses', data: 'enc' } } as const;
    expect(deltasOf(written(start, think, say(0, 'a'), { type: 'reasoning_break', item: 0 }, say(0, 'b'), sealed, end))).toEqual([
      { type: 'thinking_delta', thinking: 'a' },
      { type: 'thinking_delta', thinking: '\n\n' },
      { type: 'thinking_delta', thinking: 'b' },
      { type: 'signature_delta', signature: 'sealed:enc' },
    ]);
    expect(
      deltasOf(written(start, think, { type: 'item_end', item: 0, text: '', opaque: { family: 'messages', data: 'sig' } }, end)),
    ).toEqual([{ type: 'signature_delta', signature: 'sealed:sig' }]);
  });

  it('keeps thinking unreadable that always was', () => {
    const frames = written(
      start,
      { type: 'item_start', item: 0, kind: 'reasoning' },
      { type: 'item_end', item: 0, text: '', opaque: { family: 'messages', data: 'R', redacted: true } },
      text(1),
      over(1, 'x'),
      end,
    );
    expect(frames[1]).toEqual(open({ type: 'redacted_thinking', data: 'sealed:R' }));
    expect(frames[3]).toMatchObject({ index: 1 });
  });

  it('has no block for what says nothing', () => {
    const nothing = written(
      start,
      text(0),
      over(0, ''),
      { type: 'item_start', item: 1, kind: 'reasoning' },
      { type: 'reasoning_break', item: 1 },
      over(1, ''),
      end,
    );
    expect(nothing.map((frame) => frame.type)).toEqual(['message_start', 'message_delta', 'message_stop']);
  });

  it('tells a refusal as text and a stop reason', () => {
    const frames = written(start, { type: 'item_start', item: 0, kind: 'refusal' }, say(0, 'no'), over(0, 'no'), end);
    expect(frames[2]).toEqual(piece({ type: 'text_delta', text: 'no' }));
    expect(frames.at(-2)).toMatchObject({ delta: { stop_reason: 'refusal' } });
  });

  it.each([
    ['content_filter', 'refusal'],
    ['context_window', 'model_context_window_exceeded'],
    ['max_tokens', 'max_tokens'],
    ['pause_turn', 'pause_turn'],
    ['tool_use', 'tool_use'],
  ] as const)('tells %s as %s', (stop, expected) => {
    expect(written(start, { type: 'end', stop }).at(-2)).toMatchObject({ delta: { stop_reason: expected } });
  });

  it('names the stop sequence', () => {
    expect(written(start, { type: 'end', stop: 'stop_sequence', stopSequence: 'END' }).at(-2)).toMatchObject({
      delta: { stop_reason: 'stop_sequence', stop_sequence: 'END' },
    });
  });

  it('pings while nothing happens, and not before there is a message', () => {
    expect(written({ type: 'keep_alive' }, start, end).map((frame) => frame.type)).toEqual([
      'message_start',
      'ping',
      'message_delta',
      'message_stop',
    ]);
  });

  it('ends in an error without pretending that the message stopped', () => {
    const failed = written(
      start,
      text(0),
      say(0, 'a'),
      { type: 'error', error: { kind: 'overloaded', message: 'full' } },
      say(0, 'b'),
      end,
    );
    expect(failed.at(-1)).toEqual({ type: 'error', error: { type: 'overloaded_error', message: 'full' } });
    const cut = written(start, text(0), say(0, 'a'), { type: 'cut', message: 'gone' });
    expect(cut.at(-1)).toEqual({ type: 'error', error: { type: 'api_error', message: 'gone' } });
  });

  it('ends in a refusal where the upstream refused the content', () => {
    const frames = written(start, text(0), say(0, 'a'), { type: 'error', error: { kind: 'content_refused', message: 'not this' } });
    expect(frames.at(-4)).toEqual(piece({ type: 'text_delta', text: 'not this' }, 1));
    expect(frames.at(-2)).toMatchObject({ delta: { stop_reason: 'refusal' } });
  });

  it('shows hosted tools of its own format and no others', () => {
    const hosted = (from: 'messages' | 'responses', value: JsonObject): TurnEvent => ({
      type: 'item',
      item: 0,
      value: { type: 'opaque', from, name: 'x', value },
    });
    const frames = written(
      start,
      hosted('messages', { type: 'server_tool_use', id: 's', name: 'web_search', input: { q: 1 } }),
      hosted('responses', { type: 'x' }),
      end,
    );
    expect(frames.slice(1, -2)).toEqual([
      open({ type: 'server_tool_use', id: 's', name: 'web_search', input: {} }),
      piece({ type: 'input_json_delta', partial_json: '{"q":1}' }),
      close(),
    ]);
  });

  it('repeats only citations that can be given back', () => {
    const annotations = [
      { type: 'url_citation', url: 'u', title: 't', start_index: 0, end_index: 1 },
      { type: 'url_citation', url: 'v', title: 't', cited_text: 'c', encrypted_index: 'e', start_index: 0, end_index: 1 },
      { type: 'char_location', cited_text: 'c' },
    ];
    const deltas = deltasOf(written(start, text(0), say(0, 'a'), { type: 'item_end', item: 0, text: 'a', annotations }, end));
    expect(deltas.slice(1)).toEqual([
      {
        type: 'citations_delta',
        citation: { type: 'web_search_result_location', url: 'v', title: 't', cited_text: 'c', encrypted_index: 'e' },
      },
      { type: 'citations_delta', citation: { type: 'char_location', cited_text: 'c' } },
    ]);
  });
});

describe('a reply that is not streamed', () => {
  it('is read as recorded', () => {
    expect(messages.parseReply(recordedBody('claude-code-2.1.329/nonstream_json/02.response.json'))).toEqual([
      { type: 'start', id: 'm', model: 'm', usage: { input: 1, output: 1 } },
      { type: 'item_start', item: 0, kind: 'text' },
      { type: 'delta', item: 0, text: 'json body' },
      { type: 'item_end', item: 0, text: 'json body' },
      { type: 'end', stop: 'end_turn', usage: { input: 1, output: 1 } },
    ]);
  });

  const content = [
    { type: 'thinking', thinking: 'hm', signature: 'sig' },
    { type: 'redacted_thinking', data: 'R' },
    { type: 'text', text: 'hello' },
    { type: 'server_tool_use', id: 's', name: 'web_search', input: { q: 1 } },
    { type: 'tool_use', id: 'c', name: 'n', input: { a: 1 } },
    { type: 'tool_use', id: 'd', name: 'n', input: {} },
  ];
  const reply = {
    id: 'msg_up',
    type: 'message',
    role: 'assistant',
    model: 'up',
    content,
    stop_reason: 'tool_use',
    stop_sequence: null,
    usage: { input_tokens: 3, cache_creation_input_tokens: 1, cache_read_input_tokens: 2, output_tokens: 4 },
  };

  it('comes back from the hub as it was, with an id and a model of ours', () => {
    const rendered = messages.renderReply(messages.parseReply(reply), context({ seal: (opaque) => opaque.data }));
    expect(rendered).toEqual({ ...reply, id: 'msg_new', model: 'asked-model' });
  });

  it('says the same as its stream', () => {
    const events = messages.parseReply(reply);
    const streamed = parseStream(renderStream(events, { seal: (opaque) => opaque.data }));
    expect(messages.renderReply(streamed, context())).toEqual(messages.renderReply(events, context()));
  });

  it('is complete by being there, also without a stop reason', () => {
    const call = { content: [{ type: 'tool_use', id: 'c', name: 'n', input: {} }] };
    expect(messages.parseReply(call).at(-1)).toMatchObject({ type: 'end', stop: 'tool_use' });
  });

  it('keeps no empty text, and the text of a call that is no JSON', () => {
    const rendered = messages.renderReply(
      [
        { type: 'start' },
        { type: 'item_start', item: 0, kind: 'text' },
        { type: 'item_end', item: 0, text: '' },
        { type: 'item_start', item: 1, kind: 'tool_call', callId: 'c', name: 'n', tool: 'function' },
        { type: 'item_end', item: 1, text: '{"a' },
        { type: 'item_start', item: 2, kind: 'tool_call', callId: 'd', name: 'n', tool: 'custom' },
        { type: 'item_end', item: 2, text: 'free' },
        { type: 'end', stop: 'tool_use' },
      ],
      context(),
    );
    expect(rendered.content).toMatchObject([{ input: { input: '{"a' } }, { input: { input: 'free' } }]);
  });

  it('may hide an error', () => {
    const events = messages.parseReply({ type: 'error', error: { type: 'overloaded_error', message: 'full' } });
    expect(events.at(-1)).toMatchObject({ type: 'error', error: { kind: 'overloaded' } });
  });

  it.each([['text'], [null], [{ choices: [] }]])('is none of this format where it is %j', (body) => {
    expect(() => messages.parseReply(body)).toThrow(ReplyError);
  });
});
