import { describe, expect, test } from 'vitest';
import { chat } from '../../../bridges/wire/chat/index.ts';
import { ReplyError, type ReplyContext } from '../../../bridges/wire/codec.ts';
import type { JsonObject, JsonValue, TurnEvent } from '../../../bridges/wire/turn.ts';

const context: ReplyContext = {
  model: 'asked',
  now: 1_700_000_000_999,
  newId: (prefix) => `${prefix}1`,
  seal: ({ data }) => `sealed ${data}`,
  includeUsage: false,
  wantsReasoning: true,
};

function reply(message: JsonObject, finish: string | null = 'stop', more: JsonObject = {}): JsonObject {
  return {
    id: 'r1',
    object: 'chat.completion',
    model: 'up',
    choices: [{ index: 0, message: { role: 'assistant', ...message }, finish_reason: finish }],
    ...more,
  };
}

const ends = (events: TurnEvent[]): JsonValue[] => events.flatMap((event) => (event.type === 'item_end' ? [event.text] : []));

describe('reading a complete reply', () => {
  test('reasoning, text and calls are read in this order', () => {
    const events = chat.parseReply(
      reply(
        {
          content: 'I look.',
          reasoning_text: 'hm',
          reasoning_opaque: 'blob',
          refusal: null,
          tool_calls: [
            { id: 'a', type: 'function', function: { name: 'f', arguments: '{"x":1}' } },
            { id: 'b', type: 'custom', custom: { name: 'p', input: 'patch' } },
          ],
        },
        'tool_calls',
        { usage: { prompt_tokens: 5, completion_tokens: 3, prompt_tokens_details: { cached_tokens: 1 }, reasoning_tokens: 2 } },
      ),
    );
    expect(events.filter((event) => event.type !== 'delta')).toEqual([
      { type: 'start', id: 'r1', model: 'up' },
      { type: 'item_start', item: 0, kind: 'reasoning' },
      { type: 'item_end', item: 0, text: 'hm', opaque: { family: 'chat', data: 'blob' } },
      { type: 'item_start', item: 1, kind: 'text' },
      { type: 'item_end', item: 1, text: 'I look.' },
      { type: 'item_start', item: 2, kind: 'tool_call', callId: 'a', name: 'f', tool: 'function' },
      { type: 'item_start', item: 3, kind: 'tool_call', callId: 'b', name: 'p', tool: 'custom' },
      { type: 'item_end', item: 2, text: '{"x":1}' },
      { type: 'item_end', item: 3, text: 'patch' },
      { type: 'end', stop: 'tool_use', usage: { input: 5, cached: 1, output: 3, reasoning: 2 } },
    ]);
  });

  test('a missing finish_reason is no cut: the reply is all there', () => {
    expect(chat.parseReply(reply({ content: 'a' }, null)).at(-1)).toEqual({ type: 'end', stop: 'end_turn' });
    expect(chat.parseReply(reply({ content: 'a' }, '')).at(-1)).toEqual({ type: 'end', stop: 'end_turn' });
  });

  test('only the first choice is read', () => {
    const choices = [
      { index: 1, message: { content: 'b' }, finish_reason: 'stop' },
      { index: 0, message: { content: 'a' }, finish_reason: 'length' },
    ];
    const events = chat.parseReply({ choices });
    expect(ends(events)).toEqual(['a']);
    expect(events.at(-1)).toEqual({ type: 'end', stop: 'max_tokens' });
  });

  test('an error that hides in a success is an error', () => {
    expect(chat.parseReply({ id: 'r1', error: { message: 'busy', code: 'model_overloaded' } })).toEqual([
      { type: 'start' },
      { type: 'error', error: { kind: 'overloaded', message: 'busy', code: 'model_overloaded' } },
    ]);
  });

  test.each<[string, JsonValue]>([
    ['text', '<html>'],
    ['null', null],
    ['no choices', { id: 'r1' }],
    ['an empty list of choices', { choices: [] }],
    ['a choice without a message', { choices: [{ index: 0 }] }],
    ['a reply of another format', { type: 'message', content: [] }],
  ])('%s is no reply of this format', (_, body) => {
    expect(() => chat.parseReply(body)).toThrow(ReplyError);
  });
});

describe('writing a complete reply', () => {
  test('everything finds its place', () => {
    const cited = { type: 'url_citation', url: 'https://example.com', title: 't', start_index: 0, end_index: 1 };
    const events: TurnEvent[] = [
      { type: 'start', usage: { input: 5 } },
      { type: 'item_start', item: 0, kind: 'reasoning' },
      { type: 'item_end', item: 0, text: 'hm', opaque: { family: 'messages', data: 'sig' } },
      { type: 'item_start', item: 1, kind: 'text', id: 'm1' },
      { type: 'item_end', item: 1, text: 'a' },
      { type: 'item_start', item: 2, kind: 'text', id: 'm2' },
      { type: 'item_end', item: 2, text: 'b', annotations: [cited, { type: 'other' }] },
      { type: 'item_start', item: 3, kind: 'tool_call', callId: 'a', name: 'f', tool: 'function' },
      { type: 'item_start', item: 4, kind: 'tool_call', callId: 'b', name: 'p', tool: 'custom' },
      { type: 'item_end', item: 4, text: 'patch' },
      { type: 'item_end', item: 3, text: '' },
      { type: 'keep_alive' },
      { type: 'usage', usage: { output: 1 } },
      { type: 'end', stop: 'tool_use', usage: { output: 3 } },
    ];
    expect(chat.renderReply(events, context)).toEqual({
      id: 'chatcmpl-1',
      object: 'chat.completion',
      created: 1_700_000_000,
      model: 'asked',
      choices: [
        {
          index: 0,
          message: {
            role: 'assistant',
            content: 'a\n\nb',
            refusal: null,
            annotations: [{ type: 'url_citation', url_citation: { url: 'https://example.com', title: 't', start_index: 3, end_index: 4 } }],
            tool_calls: [
              { id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } },
              { id: 'b', type: 'custom', custom: { name: 'p', input: 'patch' } },
            ],
            reasoning_content: 'hm',
            reasoning_opaque: 'sealed sig',
          },
          logprobs: null,
          finish_reason: 'tool_calls',
        },
      ],
      usage: { prompt_tokens: 5, completion_tokens: 3, total_tokens: 8 },
    });
  });

  test('reasoning is only written to who reads it', () => {
    const events: TurnEvent[] = [
      { type: 'start' },
      { type: 'item_start', item: 0, kind: 'reasoning' },
      { type: 'item_end', item: 0, text: 'hm', opaque: { family: 'chat', data: 'blob' } },
      { type: 'end', stop: 'end_turn' },
    ];
    expect(chat.renderReply(events, { ...context, wantsReasoning: false })).toMatchObject({
      choices: [{ message: { role: 'assistant', content: '', refusal: null }, finish_reason: 'stop' }],
    });
  });

  test('a refusal that was said ends in stop', () => {
    const events: TurnEvent[] = [
      { type: 'start' },
      { type: 'item_start', item: 0, kind: 'refusal' },
      { type: 'item_end', item: 0, text: 'No.' },
      { type: 'end', stop: 'refusal' },
    ];
    expect(chat.renderReply(events, context)).toMatchObject({
      choices: [{ message: { content: null, refusal: 'No.' }, finish_reason: 'stop' }],
    });
  });
});
