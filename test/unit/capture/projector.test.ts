import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { project } from '../../../bridges/capture/projector.ts';

const data = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;
const number = fc.option(fc.nat(9), { nil: null });
const text = fc.constantFrom('', 'said', '"usage":{"input_tokens":7}', '{"model":"other"}');

const FRAMES = {
  messages: fc.oneof(
    fc.record({
      type: fc.constant('message_start'),
      message: fc.record({ model: fc.constantFrom('one', 'two'), usage: usage('input_tokens') }),
    }),
    fc.record({ type: fc.constant('content_block_delta'), delta: fc.record({ text }) }),
    fc.record({
      type: fc.constant('message_delta'),
      delta: fc.record({ stop_reason: fc.constantFrom(null, 'end') }),
      usage: usage('output_tokens'),
    }),
    fc.constant({ type: 'message_stop' }),
  ),
  chat: fc.record({
    model: fc.constantFrom('one', 'two'),
    choices: fc.tuple(fc.record({ delta: fc.record({ content: text }), finish_reason: fc.constantFrom(null, 'stop') })),
    usage: fc.option(usage('prompt_tokens'), { nil: null }),
  }),
  responses: fc.oneof(
    fc.record({ type: fc.constant('response.output_text.delta'), sequence_number: fc.nat(99), delta: text }),
    fc.record({
      type: fc.constant('response.completed'),
      response: fc.record({ model: fc.constantFrom('one', 'two'), usage: usage('output_tokens') }),
    }),
  ),
} as const;

function usage(name: string): fc.Arbitrary<Record<string, number | null>> {
  return fc.record({ [name]: number });
}

describe('what a row tells of a streamed reply', () => {
  it('is what was last told of each count: null tells nothing', () => {
    const first = { input_tokens: 100, cache_read_input_tokens: 40, output_tokens: 1 };
    const last = { input_tokens: null, cache_read_input_tokens: null, output_tokens: 7 };
    const stream =
      data({ type: 'message_start', message: { model: 'm', usage: first } }) +
      data({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: last }) +
      data({ type: 'message_stop' });
    expect(project('messages', true, Buffer.from(stream), undefined).usage).toMatchObject({ input: 140, cached: 40, output: 7 });
  });

  it.each([
    ['LF', 400_000, 400_000, '\n'],
    ['CR LF', 400_000, 400_000, '\r\n'],
    ['LF', 7_000_000, 7_000_000, '\n'],
    ['LF', 0, 400_000, '\n'],
  ])('is read from a last frame of any size (%s, %i and %i bytes)', (_ends, before, size, end) => {
    const picture = { type: 'image_generation_call', result: 'A'.repeat(size) };
    const stream = [
      { type: 'response.created', response: { model: 'gpt-x' } },
      { type: 'response.output_item.done', item: { ...picture, result: 'A'.repeat(before) } },
      { type: 'response.completed', response: { model: 'gpt-x', output: [picture], usage: { input_tokens: 5, output_tokens: 6 } } },
    ].map((event) => `event: ${event.type}\n${data(event)}`);
    const reply = Buffer.from(stream.join('').replaceAll('\n', end));
    expect(project('responses', true, reply, undefined)).toMatchObject({
      modelUsed: 'gpt-x',
      complete: true,
      usage: { input: 5, output: 6 },
    });
  });

  it.each(['messages', 'chat', 'responses'] as const)('is the same whether its frames are told once or each (%s)', (wire) => {
    const frames: fc.Arbitrary<unknown> = FRAMES[wire];
    fc.assert(
      fc.property(fc.array(fc.tuple(frames, fc.integer({ min: 1, max: 4 })), { maxLength: 20 }), (parts) => {
        const stream = `data: {"begin":"${'x'.repeat(60)}"}\n\n${parts.map(([frame, times]) => data(frame).repeat(times)).join('')}`;
        // A stream with the other ends of lines is not taken apart.
        const each = project(wire, true, Buffer.from(stream.replaceAll('\n', '\r\n')), undefined);
        expect(project(wire, true, Buffer.from(stream), undefined)).toEqual(each);
      }),
    );
  });
});

describe('how many tools a reply called', () => {
  const count = (wire: 'messages' | 'chat' | 'responses', events: readonly unknown[]): number | null =>
    project(wire, true, Buffer.from(events.map(data).join('')), undefined).toolCalls;
  const block = (index: number, type: string): unknown => ({
    type: 'content_block_start',
    index,
    content_block: { type, id: `toolu_${index}`, name: 'Read', input: {} },
  });

  it('is told of a message, with those that the provider ran', () => {
    const reply = { content: [{ type: 'text', text: '"type":"tool_use"' }, { type: 'tool_use' }, { type: 'server_tool_use' }] };
    expect(project('messages', false, Buffer.from(JSON.stringify(reply)), undefined).toolCalls).toBe(2);
    const start = { type: 'message_start', message: { model: 'm', content: [] } };
    expect(count('messages', [start, block(0, 'text'), block(1, 'tool_use'), block(2, 'tool_use'), { type: 'message_stop' }])).toBe(2);
    expect(count('messages', [start, block(0, 'text'), { type: 'message_stop' }])).toBe(0);
  });

  it('is told of a chat, whatever its provider repeats', () => {
    const call = (index: number, id: string | undefined, name?: string): unknown => ({
      choices: [{ index: 0, delta: { tool_calls: [{ index, ...(id && { id }), function: { ...(name && { name }), arguments: '{' } }] } }],
    });
    expect(count('chat', [call(0, 'a', 'Read'), call(0, undefined), call(0, undefined), call(1, 'b', 'Read')])).toBe(2);
    expect(count('chat', [call(0, 'a', 'Read'), call(0, 'b', 'Read'), call(0, 'c', 'Read')])).toBe(3);
    expect(count('chat', [call(0, 'a', 'Read'), call(0, 'a', 'Read'), call(0, 'a', 'Read')])).toBe(1);
    expect(count('chat', [{ choices: [{ index: 0, delta: { function_call: { name: 'Read', arguments: '' } } }] }])).toBe(1);
    const reply = { choices: [{ index: 0, message: { tool_calls: [{ id: 'a', type: 'custom', custom: { name: 'x' } }] } }] };
    expect(project('chat', false, Buffer.from(JSON.stringify(reply)), undefined).toolCalls).toBe(1);
  });

  it('is told of a response, by its items or by its end', () => {
    const item = (event: string, type: string, at: number): unknown => ({
      type: `response.output_item.${event}`,
      output_index: at,
      item: { type },
    });
    const made = { type: 'response.created', response: { model: 'm', output: [] } };
    const end = { type: 'response.completed', response: { model: 'm', output: [] } };
    const both = [item('added', 'function_call', 1), item('done', 'function_call', 1), item('done', 'web_search_call', 2)];
    expect(count('responses', [made, item('done', 'message', 0), ...both, end])).toBe(2);
    expect(count('responses', [made, item('done', 'message', 0), end])).toBe(0);
    expect(
      count('responses', [{ type: 'response.completed', response: { output: [{ type: 'function_call' }, { type: 'message' }] } }]),
    ).toBe(1);
  });

  it('is not told of an error, nor of a reply too long to be read whole, unless its end repeats it', () => {
    expect(project('chat', false, Buffer.from('{"error":{"message":"no"}}'), undefined).toolCalls).toBeNull();
    expect(project('messages', false, Buffer.from('<html>'), undefined).toolCalls).toBeNull();
    const long = { type: 'response.output_item.done', output_index: 0, item: { type: 'message', text: 'x'.repeat(400_000) } };
    expect(count('responses', [long])).toBeNull();
    expect(count('responses', [long, { type: 'response.completed', response: { output: [{ type: 'function_call' }] } }])).toBe(1);
  });
});
