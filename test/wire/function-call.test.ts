import { describe, expect, it } from 'vitest';
import { codecs } from '../../bridges/wire/codecs.ts';
import { checkStream } from '../../bridges/wire/grammar.ts';
import { SseReader } from '../../bridges/wire/sse.ts';
import type { JsonObject, TurnEvent } from '../../bridges/wire/turn.ts';
import { context, cross } from './hub.ts';

const FUNCTIONS = [{ name: 'get_weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } }];
const TARGETS = ['responses', 'messages'] as const;

function request(more: JsonObject = {}): JsonObject {
  return { model: 'm', messages: [{ role: 'user', content: 'How is the weather?' }], functions: FUNCTIONS, ...more };
}

/** A reply that says something and calls tools with these arguments. */
function reply(...inputs: string[]): TurnEvent[] {
  const calls = inputs.flatMap((text, i): TurnEvent[] => [
    { type: 'item_start', item: i + 1, kind: 'tool_call', callId: `call_${i}`, name: 'get_weather', tool: 'function' },
    { type: 'delta', item: i + 1, text },
    { type: 'item_end', item: i + 1, text },
  ]);
  return [
    { type: 'start', id: 'x', model: 'm' },
    { type: 'item_start', item: 0, kind: 'text' },
    { type: 'delta', item: 0, text: 'Let me see.' },
    { type: 'item_end', item: 0, text: 'Let me see.' },
    ...calls,
    { type: 'end', stop: inputs.length > 0 ? 'tool_use' : 'end_turn', usage: { input: 1, output: 2 } },
  ];
}

function streamed(to: (typeof TARGETS)[number], events: TurnEvent[]): string {
  const renderer = codecs[to].streamRenderer(context());
  const bytes = Buffer.from(events.map((event) => renderer.push(event)).join(''));
  const stream = cross('chat', to, request({ stream: true })).reply.stream();
  return stream.push(bytes) + stream.end();
}

/** What a reader of chunks makes of them. */
function read(text: string) {
  const call: { name?: string; arguments: string } = { arguments: '' };
  let finish: unknown;
  for (const { data } of new SseReader().push(Buffer.from(text))) {
    if (data === '[DONE]') continue;
    const choice = JSON.parse(data).choices[0];
    const piece = choice?.delta.function_call;
    call.name ??= piece?.name;
    call.arguments += piece?.arguments ?? '';
    finish = choice?.finish_reason ?? finish;
  }
  return { call, finish };
}

describe.each(TARGETS)('a client that offers functions of old, before an upstream of %s', (to) => {
  it('reads the call as function_call, and may make one a reply', () => {
    const { body, reply: back } = cross('chat', to, request());
    expect(JSON.stringify(body)).toMatch(/"parallel_tool_calls":false|"disable_parallel_tool_use":true/);
    const answer = back.json(codecs[to].renderReply(reply('{"city":"Oslo"}', '{"city":"Rome"}'), context()));
    expect(answer).toMatchObject({
      body: {
        choices: [
          {
            finish_reason: 'function_call',
            message: { content: 'Let me see.', function_call: { name: 'get_weather', arguments: '{"city":"Oslo"}' } },
          },
        ],
      },
    });
    expect(JSON.stringify(answer)).not.toContain('tool_calls');
  });

  it('reads it in a stream, the arguments as they come', () => {
    const text = streamed(to, reply('{"city":"Oslo"}', '{"city":"Rome"}'));
    expect(read(text)).toEqual({ call: { name: 'get_weather', arguments: '{"city":"Oslo"}' }, finish: 'function_call' });
    expect(text).not.toContain('tool_calls');
    expect(checkStream('chat', text)).toEqual([]);
  });

  it('reads a call without arguments as one with an empty object', () => {
    const text = streamed(to, reply(''));
    expect(read(text).call.arguments).toBe('{}');
    expect(checkStream('chat', text)).toEqual([]);
  });

  it('reads a reply without a call as any other', () => {
    expect(read(streamed(to, reply()))).toEqual({ call: { arguments: '' }, finish: 'stop' });
  });

  it('is given tool_calls where it offers tools as well', () => {
    const tools = [{ type: 'function', function: FUNCTIONS[0] ?? {} }];
    const { reply: back } = cross('chat', to, request({ tools }));
    const answer = back.json(codecs[to].renderReply(reply('{}'), context()));
    expect(answer).toMatchObject({ body: { choices: [{ finish_reason: 'tool_calls', message: { tool_calls: [{ type: 'function' }] } }] } });
  });
});

describe('the grammar of function_call', () => {
  const chunk = (delta: JsonObject, finish: string | null = null): string =>
    `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
  const rules = (...chunks: string[]): string[] =>
    checkStream('chat', `${chunk({ role: 'assistant' })}${chunks.join('')}data: [DONE]\n\n`).map(({ rule }) => rule);
  const call = { id: 'a', index: 0, type: 'function', function: { name: 'f', arguments: '{}' } };

  it('is kept by a whole call', () => {
    expect(
      rules(
        chunk({ function_call: { name: 'f', arguments: '' } }),
        chunk({ function_call: { arguments: '{}' } }),
        chunk({}, 'function_call'),
      ),
    ).toEqual([]);
  });

  it.each([
    ['a function_call begins with its name', [chunk({ function_call: { arguments: '{}' } }), chunk({}, 'function_call')]],
    [
      'there is one function_call, named once',
      [chunk({ function_call: { name: 'f', arguments: '{}' } }), chunk({ function_call: { name: 'g' } }), chunk({}, 'function_call')],
    ],
    ['function_call means that there is one', [chunk({}, 'function_call')]],
    ['the arguments of a call are a JSON object', [chunk({ function_call: { name: 'f', arguments: '{' } }), chunk({}, 'function_call')]],
    [
      'calls are told in tool_calls or in function_call, not in both',
      [chunk({ function_call: { name: 'f', arguments: '{}' } }), chunk({ tool_calls: [call] }), chunk({}, 'function_call')],
    ],
  ])('%s', (rule, chunks) => expect(rules(...chunks)).toEqual([rule]));
});
