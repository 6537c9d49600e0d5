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
