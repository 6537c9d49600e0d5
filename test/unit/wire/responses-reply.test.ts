import { describe, expect, it } from 'vitest';
import { ReplyError } from '../../../bridges/wire/codec.ts';
import { checkStream } from '../../../bridges/wire/grammar.ts';
import { responses } from '../../../bridges/wire/responses/index.ts';
import type { JsonObject, TurnEvent } from '../../../bridges/wire/turn.ts';
import { recordedText } from '../../wire/recorded.ts';
import { gistOf } from './arbitraries.ts';
import { context, framesOf, lastResponse, parseEvents, parseStream, renderStream, typesOf } from './responses.helpers.ts';

const created = { type: 'response.created', response: { id: 'resp_1', model: 'm' } };
const completed = { type: 'response.completed', response: { id: 'resp_1', status: 'completed', output: [] } };

function call(fields: JsonObject): JsonObject {
  return { type: 'function_call', ...fields };
}

function recorded(path: string): TurnEvent[] {
  return parseStream(recordedText(path));
}

describe('parsing a recorded stream', () => {
  it('tells a call with its arguments', () => {
    expect(recorded('codex-0.169.0/namespace_call/01.response.sse')).toEqual([
      { type: 'start', id: 'resp_mock_t', model: 'mock-model' },
      {
        type: 'item_start',
        item: 0,
        kind: 'tool_call',
        id: 'fc_1',
        callId: 'call_1',
        name: 'wait_agent',
        namespace: 'multi_agent_v1',
        tool: 'function',
      },
      { type: 'delta', item: 0, text: '{"targets":["nop' },
      { type: 'delta', item: 0, text: 'e"],"timeout_ms"' },
      { type: 'delta', item: 0, text: ':10}' },
      { type: 'item_end', item: 0, text: '{"targets":["nope"],"timeout_ms":10}' },
      { type: 'end', stop: 'tool_use', usage: { input: 100, cached: 0, output: 20, reasoning: 5 } },
    ]);
  });

  it('tells a free-form call that came without deltas', () => {
    expect(recorded('codex-0.169.0/apply_patch/01.response.sse')).toContainEqual({
      type: 'item_end',
      item: 0,
      text: '*** Begin Patch\n*** Add File: new.txt\n+hello\n*** End Patch\n',
    });
  });

  it('tells reasoning and its encrypted form, also where an output index comes twice', () => {
    expect(recorded('codex-0.169.0/reasoning_events/01.response.sse').slice(1)).toMatchObject([
      { type: 'item_start', item: 0, kind: 'reasoning', form: 'summary', id: 'rs_1' },
      { type: 'delta', item: 0, text: '**Plan** think' },
      { type: 'item_end', item: 0, text: '**Plan** think', opaque: { family: 'responses', data: 'ENC' } },
      { type: 'item_start', item: 1, kind: 'text' },
      { type: 'delta', item: 1, text: 'answer' },
      { type: 'item_end', item: 1, text: 'answer' },
      { type: 'end', stop: 'end_turn' },
    ]);
  });

  it.each([
    ['codex-0.169.0/min_item_completed', 'Minimal.'],
    ['codex-0.169.0/min_delta_only', 'Delta only.'],
    ['codex-0.169.0/min_noevent_lines', 'Minimal2.'],
    ['codex-0.169.0/comment_keepalive', 'With keepalive.'],
    ['codex-0.169.0/incomplete', 'cut'],
    ['copilot-cli-1.0.102/byok_resp_min', 'Minimal.'],
    ['copilot-cli-1.0.102/byok_resp_r_completed_only', 'Hello.'],
    ['copilot-cli-1.0.102/byok_resp_r_completed_no_output', 'Hello.'],
    ['copilot-cli-1.0.102/byok_resp_r_created_completed_only', 'Hello.'],
    ['copilot-cli-1.0.102/byok_resp_r_created_deltas_completed', 'Hello.'],
    ['copilot-cli-1.0.102/byok_resp_r_created_items_completed', 'Hello.'],
    ['copilot-cli-1.0.102/byok_resp_r_dataonly', 'Hello.'],
    ['copilot-cli-1.0.102/byok_resp_r_no_content_part', 'Hello.'],
    ['copilot-cli-1.0.102/byok_resp_r_no_item_added', 'Hello.'],
  ])('finds the one text of %s', (scenario, text) => {
    const events = recorded(`${scenario}/01.response.sse`);
    expect(events.filter(({ type }) => type === 'start')).toHaveLength(1);
    expect(events.filter(({ type }) => type === 'item_start')).toHaveLength(1);
    expect(events.filter(({ type }) => type === 'item_end')).toEqual([{ type: 'item_end', item: 0, text }]);
    expect(events.at(-1)).toMatchObject({ type: 'end', stop: scenario.endsWith('incomplete') ? 'max_tokens' : 'end_turn' });
  });

  it.each(['idle_event', 'idle_unknown_event'])('takes what says nothing for a sign of life: %s', (scenario) => {
    const events = recorded(`codex-0.169.0/${scenario}/01.response.sse`);
    expect(events.filter(({ type }) => type === 'keep_alive')).toHaveLength(8);
  });

  it.each([
    ['failed_context_length_exceeded', 'context_too_long'],
    ['failed_insufficient_quota', 'quota_exceeded'],
    ['failed_rate_limit_exceeded', 'rate_limited'],
    ['failed_server_is_overloaded', 'overloaded'],
    ['sse_error_event', 'upstream_failed'],
  ])('knows why a reply failed: %s', (scenario, kind) => {
    expect(recorded(`codex-0.169.0/${scenario}/01.response.sse`).at(-1)).toMatchObject({ type: 'error', error: { kind } });
  });

  it('never takes a stream without its end for a success', () => {
    expect(recorded('codex-0.169.0/no_completed/01.response.sse').at(-1)).toMatchObject({ type: 'cut' });
  });
});

describe('parsing a stream', () => {
  it.each([
    ['the arguments.done event', [{ type: 'response.function_call_arguments.done', output_index: 0, arguments: '{"a":1}' }], {}],
    ['the item.done event', [], { arguments: '{"a":1}' }],
  ])('takes arguments that only %s tells', (_where, between, done) => {
    const item = { id: 'fc_1', call_id: 'c1', name: 'f' };
    const events = parseEvents(
      created,
      { type: 'response.output_item.added', output_index: 0, item: call({ ...item, arguments: '' }) },
      ...between,
      { type: 'response.output_item.done', output_index: 0, item: call({ ...item, arguments: '', ...done }) },
      completed,
    );
    expect(events).toContainEqual({ type: 'item_end', item: 0, text: '{"a":1}' });
    expect(events.at(-1)).toMatchObject({ stop: 'tool_use' });
  });

  it('takes arguments whose item was announced only when it was done', () => {
    const events = parseEvents(
      created,
      { type: 'response.function_call_arguments.delta', output_index: 0, item_id: 'fc_1', delta: '{}' },
      { type: 'response.output_item.done', output_index: 0, item: call({ id: 'fc_1', call_id: 'c1', name: 'f' }) },
      completed,
    );
    expect(events.slice(1, 3)).toMatchObject([
      { type: 'item_start', callId: 'c1', name: 'f' },
      { type: 'item_end', text: '{}' },
    ]);
  });

  it('makes one item of each part of a message, and a refusal the reason to stop', () => {
    const events = parseEvents(
      created,
      {
        type: 'response.output_item.added',
        output_index: 0,
        item: { type: 'message', id: 'msg_1', role: 'assistant', phase: 'final_answer', content: [] },
      },
      { type: 'response.content_part.added', output_index: 0, content_index: 0, part: { type: 'output_text', text: '' } },
      { type: 'response.output_text.delta', output_index: 0, content_index: 0, delta: 'a' },
      { type: 'response.output_text.annotation.added', output_index: 0, content_index: 0, annotation: { type: 'file_path' } },
      { type: 'response.refusal.delta', output_index: 0, content_index: 1, delta: 'no' },
      { type: 'response.refusal.done', output_index: 0, content_index: 1, refusal: 'no' },
      { type: 'response.output_item.done', output_index: 0, item: { type: 'message', id: 'msg_1', content: [] } },
      completed,
    );
    expect(events.slice(1)).toEqual([
      { type: 'item_start', item: 0, kind: 'text', id: 'msg_1', phase: 'final_answer' },
      { type: 'delta', item: 0, text: 'a' },
      { type: 'item_start', item: 1, kind: 'refusal', id: 'msg_1' },
      { type: 'delta', item: 1, text: 'no' },
      { type: 'item_end', item: 0, text: 'a', annotations: [{ type: 'file_path' }] },
      { type: 'item_end', item: 1, text: 'no' },
      { type: 'end', stop: 'refusal' },
    ]);
  });

  it('keeps the paragraph groups of reasoning apart', () => {
    const item = {
      type: 'reasoning',
      id: 'rs_1',
      summary: [
        { type: 'summary_text', text: 'a' },
        { type: 'summary_text', text: 'b' },
      ],
    };
    const streamed = parseEvents(
      created,
      { type: 'response.output_item.added', output_index: 0, item: { type: 'reasoning', id: 'rs_1', summary: [] } },
      { type: 'response.reasoning_summary_text.delta', output_index: 0, summary_index: 0, delta: 'a' },
      { type: 'response.reasoning_summary_part.added', output_index: 0, summary_index: 1, part: { type: 'summary_text', text: '' } },
      { type: 'response.reasoning_summary_text.delta', output_index: 0, summary_index: 1, delta: 'b' },
      { type: 'response.output_item.done', output_index: 0, item },
      completed,
    );
    const whole = parseEvents(created, { type: 'response.completed', response: { output: [item] } });
    expect(streamed.slice(1, -1)).toEqual([
      { type: 'item_start', item: 0, kind: 'reasoning', id: 'rs_1', form: 'summary' },
      { type: 'delta', item: 0, text: 'a' },
      { type: 'reasoning_break', item: 0 },
      { type: 'delta', item: 0, text: 'b' },
      { type: 'item_end', item: 0, text: 'a\n\nb' },
    ]);
    expect(whole).toEqual(streamed);
  });

  it('takes reasoning that only the done events of its parts tell', () => {
    const part = (index: number, text: string): JsonObject => ({
      type: 'response.reasoning_summary_text.done',
      output_index: 0,
      summary_index: index,
      text,
    });
    const done = { type: 'response.output_item.done', output_index: 0, item: { type: 'reasoning', id: 'rs_1', summary: [] } };
    expect(parseEvents(created, part(0, 'a'), part(1, 'b'), done, completed)).toContainEqual({ type: 'item_end', item: 0, text: 'a\n\nb' });
  });

  it('takes an item that is done twice for one', () => {
    const done = {
      type: 'response.output_item.done',
      output_index: 0,
      item: call({ id: 'fc_1', call_id: 'c', name: 'f', arguments: '{}' }),
    };
    expect(parseEvents(created, done, done, completed).filter(({ type }) => type === 'item_start')).toHaveLength(1);
  });

  it('tells items that only the terminal event tells, and none of them twice', () => {
    const message = (id: string, text: string): JsonObject => ({ type: 'message', id, content: [{ type: 'output_text', text }] });
    const events = parseEvents(
      created,
      { type: 'response.output_item.done', output_index: 1, item: message('msg_2', 'two') },
      {
        type: 'response.completed',
        response: { output: [message('msg_1', 'one'), message('msg_2', 'two'), call({ call_id: 'c', name: 'f', arguments: '{}' })] },
      },
    );
    expect(events.filter(({ type }) => type === 'item_end')).toEqual([
      { type: 'item_end', item: 0, text: 'two' },
      { type: 'item_end', item: 1, text: 'one' },
      { type: 'item_end', item: 2, text: '{}' },
    ]);
  });

  it('bears with an upstream whose item ids change from event to event', () => {
    const item = (id: string): JsonObject => ({ type: 'message', id, content: [{ type: 'output_text', text: 'one' }] });
    const events = parseEvents(
      created,
      { type: 'response.output_item.added', output_index: 0, item: { type: 'message', id: 'x1', content: [] } },
      { type: 'response.output_text.delta', output_index: 0, item_id: 'x2', content_index: 0, delta: 'one' },
      { type: 'response.output_item.done', output_index: 0, item: item('x3') },
      { type: 'response.completed', response: { output: [item('x4')] } },
    );
    expect(events.filter(({ type }) => type === 'item_end')).toHaveLength(1);
  });

  it('keeps a hosted tool call whole', () => {
    const item = { type: 'web_search_call', id: 'ws_1', status: 'completed' };
    const events = parseEvents(
      created,
      { type: 'response.output_item.added', output_index: 0, item: { ...item, status: 'in_progress' } },
      { type: 'response.web_search_call.searching', output_index: 0, item_id: 'ws_1' },
      { type: 'response.output_item.done', output_index: 0, item },
      completed,
    );
    expect(events).toEqual([
      { type: 'start', id: 'resp_1', model: 'm' },
      { type: 'keep_alive' },
      { type: 'keep_alive' },
      { type: 'item', item: 0, value: { type: 'opaque', from: 'responses', role: 'assistant', name: 'web_search_call', value: item } },
      { type: 'end', stop: 'end_turn' },
    ]);
  });

  it('tells a filtered reply from one that was too long', () => {
    const incomplete = (reason: string): TurnEvent | undefined =>
      parseEvents(created, { type: 'response.incomplete', response: { incomplete_details: { reason } } }).at(-1);
    expect(incomplete('content_filter')).toMatchObject({ type: 'end', stop: 'content_filter' });
    expect(incomplete('max_output_tokens')).toMatchObject({ type: 'end', stop: 'max_tokens' });
  });

  it('believes the status of the reply where its event says that it was completed', () => {
    const ended = (response: JsonObject): TurnEvent | undefined => parseEvents({ type: 'response.completed', response }).at(-1);
    expect(ended({ status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } })).toEqual({
      type: 'end',
      stop: 'max_tokens',
    });
    expect(ended({ status: 'failed', error: { code: 'server_error', message: 'boom' } })).toMatchObject({ type: 'error' });
    expect(ended({ status: 'cancelled' })).toMatchObject({ type: 'error' });
    expect(ended({})).toEqual({ type: 'end', stop: 'end_turn' });
  });

  it('reads errors in every place an upstream may put them', () => {
    const error = { code: 'rate_limit_exceeded', message: 'try again in 200ms' };
    const expected = { type: 'error', error: { kind: 'rate_limited', retryAfter: 0.2 } };
    expect(parseEvents({ type: 'error', ...error }).at(-1)).toMatchObject(expected);
    expect(parseEvents({ type: 'error', error }).at(-1)).toMatchObject(expected);
    expect(parseEvents({ error }).at(-1)).toMatchObject(expected);
    expect(parseEvents(created, { type: 'response.failed', response: { error } }).at(-1)).toMatchObject(expected);
  });

  it('says nothing more once it is over', () => {
    expect(parseEvents(created, completed, completed, { type: 'error', message: 'late' })).toHaveLength(2);
  });

  const added = (item: JsonObject, place: JsonObject = { output_index: 0 }): JsonObject => ({
    type: 'response.output_item.added',
    ...place,
    item: { type: 'function_call', id: 'fc_1', arguments: '', ...item },
  });
  const doneCall = (item: JsonObject = {}): JsonObject => ({
    type: 'response.output_item.done',
    output_index: 0,
    item: { type: 'function_call', id: 'fc_1', call_id: 'call_1', name: 'f', arguments: '{"a":1}', ...item },
  });
  const piece: JsonObject = { type: 'response.function_call_arguments.delta', item_id: 'fc_1', output_index: 0, delta: '{"a":1}' };
  const over: JsonObject = { type: 'response.completed', response: { output: [] } };
  const named = { call_id: 'call_1', name: 'f' };

  it.each<[string, JsonObject[]]>([
    ['announced twice', [added(named), added(named), piece, doneCall(), over]],
    ['announced without its index', [added(named, {}), piece, doneCall(), over]],
    ['announced under another index', [added(named, { output_index: -1 }), piece, doneCall(), over]],
  ])('tells a call once that was %s', (_, events) => {
    expect(gistOf(parseEvents(...events)).calls).toEqual([{ callId: 'call_1', name: 'f', tool: 'function', input: '{"a":1}' }]);
  });

  it('keeps to what the deltas said where the whole contradicts them', () => {
    const events = parseEvents(added(named), piece, doneCall({ arguments: '[]' }), over);
    expect(events).toContainEqual({ type: 'item_end', item: 0, text: '{"a":1}' });
  });

  it('fails a reply with a call that nobody can make', () => {
    const events = parseEvents(added({ call_id: 'call_1' }), doneCall({ name: '' }), over);
    expect(events.at(-1)).toMatchObject({ type: 'error', error: { kind: 'upstream_failed' } });
  });

  it('counts no tokens that can not be', () => {
    const usage = { input_tokens: -1, output_tokens: 1.5, input_tokens_details: { cached_tokens: 2 } };
    expect(parseEvents({ type: 'response.completed', response: { output: [], usage } }).at(-1)).toMatchObject({ usage: { cached: 2 } });
  });

  it.each(['{', '[]', '3', 'null'])('makes an error of data that is no event: %s', (data) => {
    expect(parseStream(`data: ${data}\n\n`)).toMatchObject([{ type: 'start' }, { type: 'error', error: { kind: 'upstream_failed' } }]);
  });
});

describe('parsing a whole reply', () => {
  it('tells its items in order', () => {
    const events = responses.parseReply({
      id: 'resp_1',
      object: 'response',
      model: 'm',
      status: 'completed',
      output: [
        { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'ENC' },
        { type: 'message', id: 'msg_1', content: [{ type: 'output_text', text: 'hi', annotations: [] }] },
        { type: 'custom_tool_call', id: 'ctc_1', call_id: 'c', name: 'p', input: 'x' },
      ],
      usage: { input_tokens: 10, input_tokens_details: { cached_tokens: 4, cache_write_tokens: 2 }, output_tokens: 3 },
    });
    expect(events).toEqual([
      { type: 'start', id: 'resp_1', model: 'm' },
      { type: 'item_start', item: 0, kind: 'reasoning', id: 'rs_1', form: 'summary' },
      { type: 'item_end', item: 0, text: '', opaque: { family: 'responses', data: 'ENC' } },
      { type: 'item_start', item: 1, kind: 'text', id: 'msg_1' },
      { type: 'item_end', item: 1, text: 'hi' },
      { type: 'item_start', item: 2, kind: 'tool_call', id: 'ctc_1', callId: 'c', name: 'p', tool: 'custom' },
      { type: 'item_end', item: 2, text: 'x' },
      { type: 'end', stop: 'tool_use', usage: { input: 10, cached: 4, cacheWrite: 2, output: 3 } },
    ]);
  });

  it('refuses what is no reply of this format, or not one yet', () => {
    expect(() => responses.parseReply({ choices: [] })).toThrow(ReplyError);
    expect(() => responses.parseReply('hi')).toThrow(ReplyError);
    expect(() => responses.parseReply({ object: 'response', status: 'in_progress', output: [] })).toThrow(ReplyError);
  });
});

const start: TurnEvent = { type: 'start', id: 'resp_up' };
const textStart: TurnEvent = { type: 'item_start', item: 0, kind: 'text' };
const end: TurnEvent = { type: 'end', stop: 'end_turn' };

describe('rendering a stream', () => {
  it('tells text in the order of the format', () => {
    const text = renderStream([
      start,
      textStart,
      { type: 'delta', item: 0, text: 'a\n"b"' },
      { type: 'item_end', item: 0, text: 'a\n"b"' },
      end,
    ]);
    expect(typesOf(text)).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.delta',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.completed',
    ]);
    expect(framesOf(text).map(({ sequence_number }) => sequence_number)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(framesOf(text)[4]).toEqual({
      type: 'response.output_text.delta',
      sequence_number: 4,
      item_id: 'msg_new1',
      output_index: 0,
      content_index: 0,
      delta: 'a\n"b"',
      logprobs: [],
    });
  });

  it('closes with the full output, the counts and the model the client asked for', () => {
    const text = renderStream([
      { type: 'start', id: 'resp_up', model: 'other', usage: { input: 10 } },
      textStart,
      { type: 'item_end', item: 0, text: 'hi' },
      { type: 'usage', usage: { output: 2, cached: 4 } },
      { type: 'end', stop: 'end_turn', usage: { output: 5, cacheWrite: 1, reasoning: 3 } },
    ]);
    expect(lastResponse(text)).toMatchObject({
      id: 'resp_up',
      object: 'response',
      created_at: 1_700_000_000,
      status: 'completed',
      model: 'asked-model',
      output: [
        { type: 'message', status: 'completed', role: 'assistant', content: [{ type: 'output_text', text: 'hi', annotations: [] }] },
      ],
      usage: {
        input_tokens: 10,
        input_tokens_details: { cached_tokens: 4, cache_write_tokens: 1 },
        output_tokens: 5,
        output_tokens_details: { reasoning_tokens: 3 },
        total_tokens: 15,
      },
    });
  });

  it('tells what the deltas left out before it closes an item', () => {
    const text = renderStream([
      start,
      textStart,
      { type: 'delta', item: 0, text: 'Hel' },
      { type: 'item_end', item: 0, text: 'Hello' },
      end,
    ]);
    expect(
      framesOf(text)
        .filter(({ type }) => type === 'response.output_text.delta')
        .map(({ delta }) => delta),
    ).toEqual(['Hel', 'lo']);
  });

  it('tells function calls with their namespace and free-form calls as such', () => {
    const text = renderStream([
      start,
      { type: 'item_start', item: 0, kind: 'tool_call', callId: 'c1', name: 'f', namespace: 'n', tool: 'function' },
      { type: 'delta', item: 0, text: '{}' },
      { type: 'item_end', item: 0, text: '{}' },
      { type: 'item_start', item: 1, kind: 'tool_call', callId: 'c2', name: 'apply_patch', tool: 'custom' },
      { type: 'item_end', item: 1, text: '*** Begin' },
      { type: 'end', stop: 'tool_use' },
    ]);
    expect(typesOf(text).slice(2, -1)).toEqual([
      'response.output_item.added',
      'response.function_call_arguments.delta',
      'response.function_call_arguments.done',
      'response.output_item.done',
      'response.output_item.added',
      'response.custom_tool_call_input.delta',
      'response.custom_tool_call_input.done',
      'response.output_item.done',
    ]);
    expect(lastResponse(text).output).toMatchObject([
      { type: 'function_call', call_id: 'c1', name: 'f', namespace: 'n', arguments: '{}', status: 'completed' },
      { type: 'custom_tool_call', call_id: 'c2', name: 'apply_patch', input: '*** Begin' },
    ]);
  });

  it('tells reasoning as summary parts and seals what is opaque', () => {
    const events: TurnEvent[] = [
      start,
      { type: 'item_start', item: 0, kind: 'reasoning' },
      { type: 'delta', item: 0, text: 'a' },
      { type: 'reasoning_break', item: 0 },
      { type: 'delta', item: 0, text: 'b' },
      { type: 'item_end', item: 0, text: 'a\n\nbc', opaque: { family: 'messages', data: 'SIG' } },
      end,
    ];
    const text = renderStream(events, { seal: ({ family, data }) => `sealed ${family} ${data}` });
    expect(typesOf(text).slice(2, -1)).toEqual([
      'response.output_item.added',
      'response.reasoning_summary_part.added',
      'response.reasoning_summary_text.delta',
      'response.reasoning_summary_text.done',
      'response.reasoning_summary_part.done',
      'response.reasoning_summary_part.added',
      'response.reasoning_summary_text.delta',
      'response.reasoning_summary_text.delta',
      'response.reasoning_summary_text.done',
      'response.reasoning_summary_part.done',
      'response.output_item.done',
    ]);
    expect(lastResponse(text).output).toEqual([
      {
        id: 'rs_new1',
        type: 'reasoning',
        summary: [
          { type: 'summary_text', text: 'a' },
          { type: 'summary_text', text: 'bc' },
        ],
        encrypted_content: 'sealed messages SIG',
      },
    ]);
  });

  it.each([
    ['', []],
    ['', ['']],
    [' \n', [' ', '\n']],
    ['{}', ['{}']],
  ])('gives a call without arguments (%j) an empty object, which clients can parse', (whole, deltas) => {
    const text = renderStream([
      start,
      { type: 'item_start', item: 0, kind: 'tool_call', callId: 'c', name: 'f', tool: 'function' },
      ...deltas.map((delta): TurnEvent => ({ type: 'delta', item: 0, text: delta })),
      { type: 'item_end', item: 0, text: whole },
      { type: 'end', stop: 'tool_use' },
    ]);
    // The grammar wants the same in the deltas, where they are done, and in the whole reply.
    expect(checkStream('responses', text)).toEqual([]);
    expect(text).toMatch(/"delta":"[^"]*\{\}"/);
  });

  it('gives free-form input that is empty nothing', () => {
    const text = renderStream([
      start,
      { type: 'item_start', item: 0, kind: 'tool_call', callId: 'c', name: 'f', tool: 'custom' },
      { type: 'item_end', item: 0, text: '' },
      { type: 'end', stop: 'tool_use' },
    ]);
    expect(lastResponse(text).output).toMatchObject([{ input: '' }]);
  });

  it('keeps each item at its place where items are written at the same time', () => {
    const text = renderStream([
      start,
      textStart,
      { type: 'item_start', item: 1, kind: 'tool_call', callId: 'c', name: 'f', tool: 'function' },
      { type: 'delta', item: 0, text: 'a' },
      { type: 'delta', item: 1, text: '{' },
      { type: 'delta', item: 0, text: 'b' },
      { type: 'item_end', item: 1, text: '{}' },
      { type: 'item_end', item: 0, text: 'ab' },
      { type: 'end', stop: 'tool_use' },
    ]);
    const places = framesOf(text).flatMap(({ delta, output_index }) => (delta === undefined ? [] : [output_index]));
    expect(places).toEqual([0, 1, 0, 1]);
    expect(lastResponse(text).output).toMatchObject([{ type: 'message' }, { type: 'function_call', arguments: '{}' }]);
  });

  it('shows signs of life that hold the reply so far', () => {
    const renderer = responses.streamRenderer(context());
    renderer.push(start);
    renderer.push(textStart);
    renderer.push({ type: 'delta', item: 0, text: 'so far' });
    const alive = renderer.push({ type: 'keep_alive' });
    expect(typesOf(alive)).toEqual(['response.in_progress']);
    expect(lastResponse(alive).output).toMatchObject([{ status: 'in_progress', content: [{ text: 'so far' }] }]);
  });

  it('begins the reply with a sign of life where the upstream has not begun it yet', () => {
    const renderer = responses.streamRenderer(context());
    const alive = renderer.push({ type: 'keep_alive' });
    expect(typesOf(alive)).toEqual(['response.created', 'response.in_progress']);
    expect(renderer.push(start)).toBe('');
    expect(checkStream('responses', alive + renderer.push(end))).toEqual([]);
  });

  it('takes an id twice for two items, and an id of another kind for none', () => {
    const text = renderStream([
      start,
      { type: 'item_start', item: 0, kind: 'text', id: 'msg_1' },
      { type: 'item_end', item: 0, text: 'a' },
      { type: 'item_start', item: 1, kind: 'refusal', id: 'msg_1' },
      { type: 'item_end', item: 1, text: 'no' },
      { type: 'item_start', item: 2, kind: 'reasoning', id: 'thinking_1' },
      { type: 'item_end', item: 2, text: 'b' },
      { type: 'end', stop: 'refusal' },
    ]);
    expect(lastResponse(text)).toMatchObject({ status: 'completed', output: [{ id: 'msg_1' }, { id: 'msg_new1' }, { id: 'rs_new2' }] });
  });

  it('leaves out what only another format knows, and citations in the shape of another format', () => {
    const own = { type: 'url_citation', url: 'https://example.com', title: 't', start_index: 0, end_index: 1 };
    const text = renderStream([
      start,
      { type: 'item', item: 0, value: { type: 'opaque', from: 'messages', name: 'server_tool_use', value: { type: 'server_tool_use' } } },
      {
        type: 'item',
        item: 1,
        value: { type: 'opaque', from: 'responses', name: 'web_search_call', value: { type: 'web_search_call', id: 'ws_1' } },
      },
      { type: 'item_start', item: 2, kind: 'text' },
      { type: 'item_end', item: 2, text: 'a', annotations: [own, { type: 'char_location' }, { type: 'url_citation', url_citation: {} }] },
      end,
    ]);
    expect(lastResponse(text).output).toMatchObject([{ type: 'web_search_call' }, { content: [{ annotations: [own] }] }]);
    expect(typesOf(text).filter((type) => type === 'response.output_text.annotation.added')).toHaveLength(1);
  });

  it.each<[TurnEvent, string, object]>([
    [
      { type: 'end', stop: 'max_tokens' },
      'response.incomplete',
      { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } },
    ],
    [{ type: 'end', stop: 'content_filter' }, 'response.incomplete', { incomplete_details: { reason: 'content_filter' } }],
    [{ type: 'end', stop: 'refusal' }, 'response.incomplete', { incomplete_details: { reason: 'content_filter' } }],
    [{ type: 'end', stop: 'context_window' }, 'response.failed', { error: { code: 'context_length_exceeded' } }],
    [{ type: 'end', stop: 'stop_sequence' }, 'response.completed', { status: 'completed' }],
    [{ type: 'end', stop: 'pause_turn' }, 'response.completed', { status: 'completed' }],
    [{ type: 'cut', message: 'gone' }, 'response.failed', { status: 'failed', error: { code: 'server_error', message: 'gone' } }],
    [{ type: 'error', error: { kind: 'quota_exceeded', message: 'x' } }, 'response.failed', { error: { code: 'insufficient_quota' } }],
    [
      { type: 'error', error: { kind: 'rate_limited', message: 'Slow down.', retryAfter: 2 } },
      'response.failed',
      { error: { code: 'rate_limit_exceeded', message: 'Slow down. Please try again in 2s.' } },
    ],
    [{ type: 'error', error: { kind: 'sign_in_needed', message: 'x' } }, 'response.failed', { error: { code: 'invalid_prompt' } }],
    [{ type: 'error', error: { kind: 'overloaded', message: 'x' } }, 'response.failed', { error: { code: 'server_is_overloaded' } }],
  ])('ends as the format has it: %j', (event, type, response) => {
    for (const events of [[start, event], [event]]) {
      const text = renderStream([...events, textStart, end]);
      expect(typesOf(text)).toEqual(['response.created', 'response.in_progress', type]);
      expect(lastResponse(text)).toMatchObject(response);
    }
  });

  it('marks the call that was cut as incomplete, and none before it', () => {
    const calls: TurnEvent[] = ['a', 'b'].flatMap((name, item): TurnEvent[] => [
      { type: 'item_start', item, kind: 'tool_call', callId: name, name, tool: 'function' },
      { type: 'item_end', item, text: '{"x":' },
    ]);
    const events: TurnEvent[] = [start, ...calls, { type: 'usage', usage: { output: 5 } }, { type: 'end', stop: 'max_tokens' }];
    const marked = [{ status: 'completed' }, { status: 'incomplete', arguments: '{"x":' }];
    const text = renderStream(events);
    expect(lastResponse(text)).toMatchObject({ status: 'incomplete', output: marked });
    const done = framesOf(text).filter(({ type }) => type === 'response.output_item.done');
    expect(done).toMatchObject(marked.map((item) => ({ item })));
    expect(responses.renderReply(events, context())).toMatchObject({ output: marked });
    const whole = renderStream([start, ...calls, end]);
    expect(lastResponse(whole)).toMatchObject({ status: 'completed', output: [{ status: 'completed' }, { status: 'completed' }] });
  });

  it('repeats what the client asked', () => {
    const request = responses.parseRequest({
      model: 'm',
      input: 'x',
      temperature: 0.3,
      parallel_tool_calls: false,
      tool_choice: 'required',
    });
    expect(lastResponse(renderStream([start, end], { request }))).toMatchObject({
      temperature: 0.3,
      parallel_tool_calls: false,
      tool_choice: 'required',
      tools: [],
      metadata: {},
      text: { format: { type: 'text' } },
    });
  });
});

describe('rendering a whole reply', () => {
  it('gives the object a stream would have ended with', () => {
    const events: TurnEvent[] = [start, textStart, { type: 'item_end', item: 0, text: 'hi' }, end];
    expect(responses.renderReply(events, context())).toEqual(lastResponse(renderStream(events)));
  });

  it('refuses a reply without an end', () => {
    expect(() => responses.renderReply([start], context())).toThrow(ReplyError);
  });
});
