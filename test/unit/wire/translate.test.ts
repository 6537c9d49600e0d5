import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RequestError } from '../../../bridges/wire/codec.ts';
import type { ReplyContext } from '../../../bridges/wire/codec.ts';
import { codecs } from '../../../bridges/wire/codecs.ts';
import { checkStream } from '../../../bridges/wire/grammar.ts';
import { isObject } from '../../../bridges/wire/json.ts';
import { memoryHandleStore } from '../../../bridges/wire/opaque.ts';
import { SseReader } from '../../../bridges/wire/sse.ts';
import { crossRequest } from '../../../bridges/wire/translate.ts';
import type { Crossing, CrossingInput, RenderedFailure } from '../../../bridges/wire/translate.ts';
import { REASONING_FIELDS } from '../../../bridges/wire/turn.ts';
import type {
  JsonObject,
  JsonValue,
  StopReason,
  ToolDefinition,
  TurnError,
  TurnEvent,
  TurnItem,
  TurnRequest,
  WireFormat,
} from '../../../bridges/wire/turn.ts';
import { cutBytes, eventsOf, gistOf, saidReply } from './arbitraries.ts';
import type { Gist, SaidTool } from './arbitraries.ts';

const FORMATS: WireFormat[] = ['chat', 'responses', 'messages'];
const PAIRS = FORMATS.flatMap((from) => FORMATS.map((to): [WireFormat, WireFormat] => [from, to]));

function counting(): (prefix: string) => string {
  let count = 0;
  return (prefix) => `${prefix}${++count}`;
}

function storeOf(): CrossingInput['store'] {
  const next = counting();
  return memoryHandleStore({ max: 100, random: () => next('h') });
}

/** A client's request in its own words. */
function bodyOf(from: WireFormat, fields: Partial<TurnRequest> = {}, more: JsonObject = {}): JsonObject {
  const items: TurnItem[] = [{ type: 'message', role: 'user', content: [{ type: 'text', text: 'hi' }] }];
  const turn: TurnRequest = { from, model: 'asked-model', stream: true, items, tools: [], extra: {}, ...fields };
  const { body } = codecs[from].renderRequest(turn);
  return { ...body, ...(from === 'chat' ? { stream_options: { include_usage: true } } : {}), ...more };
}

/** The history that a client goes on with after a reply that reasoned and called a tool. */
function goneOn(from: WireFormat, sent: string): TurnItem[] {
  const reasoning = read(from, sent).flatMap((event): TurnItem[] =>
    event.type === 'item_end' && event.opaque !== undefined
      ? [{ type: 'reasoning', summary: event.text === '' ? [] : [event.text], opaque: event.opaque }]
      : [],
  );
  return [
    { type: 'message', role: 'user', content: [{ type: 'text', text: 'go' }] },
    ...reasoning,
    { type: 'tool_call', callId: 'call_a', name: 'f', kind: 'function', input: '{}' },
    { type: 'tool_result', callId: 'call_a', kind: 'function', content: [{ type: 'text', text: 'r' }] },
  ];
}

function cross(from: WireFormat, to: WireFormat, body: JsonValue, more: Partial<CrossingInput> = {}): Crossing {
  return crossRequest({
    body,
    from,
    to,
    model: 'upstream-model',
    store: storeOf(),
    upstream: 'up',
    now: 1_700_000_000_000,
    newId: counting(),
    wantsReasoning: true,
    client: { family: 'other', requestId: 'req_1' },
    ...more,
  });
}

/** What an upstream of a format says, as it would say it: its opaque bytes are its own. */
function upstreamContext(): ReplyContext {
  return {
    model: 'upstream-model',
    now: 1_700_000_000_000,
    newId: counting(),
    seal: ({ data }) => data,
    includeUsage: true,
    wantsReasoning: true,
  };
}

function upstreamStream(to: WireFormat, events: readonly TurnEvent[]): Buffer {
  const renderer = codecs[to].streamRenderer(upstreamContext());
  return Buffer.from(events.map((event) => renderer.push(event)).join(''));
}

/** Everything the client is sent for the bytes of an upstream. */
function streamed(crossing: Crossing, bytes: readonly Buffer[]): { text: string; state: ReturnType<Crossing['reply']['stream']>['state'] } {
  const stream = crossing.reply.stream();
  const text = bytes.map((chunk) => stream.push(chunk)).join('') + stream.end();
  return { text, state: stream.state };
}

/** The events a client of the format reads in a stream. */
function read(format: WireFormat, text: string): TurnEvent[] {
  const reader = new SseReader();
  const parser = codecs[format].streamParser();
  const frames = [...reader.push(Buffer.from(text)), ...reader.end()];
  return [...frames.flatMap((frame) => parser.push(frame)), ...parser.end()];
}

function json(value: unknown): string {
  return JSON.stringify(value);
}

function thrownBy(attempt: () => unknown): unknown {
  try {
    attempt();
    return undefined;
  } catch (error) {
    return error;
  }
}

const fn = (name: string): ToolDefinition => ({ type: 'function', name, description: 'd', parameters: { type: 'object', properties: {} } });

function text(said: string): TurnEvent[] {
  return [
    { type: 'item_start', item: 0, kind: 'text' },
    { type: 'delta', item: 0, text: said },
    { type: 'item_end', item: 0, text: said },
  ];
}

function reply(...said: TurnEvent[]): TurnEvent[] {
  const calls = said.some((event) => event.type === 'item_start' && event.kind === 'tool_call');
  return [{ type: 'start' }, ...said, { type: 'end', stop: calls ? 'tool_use' : 'end_turn', usage: { input: 7, output: 5 } }];
}

describe.each(PAIRS)('%s to %s', (from, to) => {
  it('asks for the upstream’s model and answers with the client’s', () => {
    const crossing = cross(from, to, bodyOf(from));
    expect(crossing.body.model).toBe('upstream-model');
    expect(json(crossing.body)).toContain('hi');
    expect([crossing.stream, crossing.turn.model, crossing.body.stream]).toEqual([true, 'asked-model', true]);
    const { text: sent, state } = streamed(crossing, [upstreamStream(to, reply(...text('hello')))]);
    expect(checkStream(from, sent)).toEqual([]);
    expect(sent).toContain('asked-model');
    expect(sent).not.toContain('upstream-model');
    expect(gistOf(read(from, sent))).toMatchObject({ text: 'hello', stop: 'end_turn' });
    expect(state).toMatchObject({ model: 'upstream-model', usage: { input: 7, output: 5 }, stop: 'end_turn', ended: true });
  });

  it('takes several calls at once over, each whole', () => {
    const crossing = cross(from, to, bodyOf(from, { tools: [fn('f'), fn('g')], toolChoice: { type: 'auto' } }));
    const events = reply(
      ...text('I call.'),
      { type: 'item_start', item: 1, kind: 'tool_call', callId: 'call_a', name: 'f', tool: 'function' },
      { type: 'delta', item: 1, text: '{"x":' },
      { type: 'item_start', item: 2, kind: 'tool_call', callId: 'call_b', name: 'g', tool: 'function' },
      { type: 'delta', item: 2, text: '{"y":"' },
      { type: 'delta', item: 1, text: '1}' },
      { type: 'item_end', item: 1, text: '{"x":1}' },
      { type: 'delta', item: 2, text: '✓"}' },
      { type: 'item_end', item: 2, text: '{"y":"✓"}' },
    );
    const { text: sent } = streamed(crossing, [upstreamStream(to, events)]);
    expect(checkStream(from, sent)).toEqual([]);
    expect(gistOf(read(from, sent))).toMatchObject({
      text: 'I call.',
      calls: [
        { callId: 'call_a', name: 'f', input: '{"x":1}' },
        { callId: 'call_b', name: 'g', input: '{"y":"✓"}' },
      ],
      stop: 'tool_use',
    });
  });

  it('sends calls and results in an order the upstream accepts', () => {
    const items: TurnItem[] = [
      { type: 'message', role: 'user', content: [{ type: 'text', text: 'go' }] },
      { type: 'tool_call', callId: 'call_a', name: 'f', kind: 'function', input: '{"x":1}' },
      { type: 'tool_call', callId: 'call_b', name: 'f', kind: 'function', input: '{"x":2}' },
      { type: 'tool_result', callId: 'call_b', kind: 'function', content: [{ type: 'text', text: 'second' }] },
      { type: 'tool_result', callId: 'call_a', kind: 'function', content: [{ type: 'text', text: 'first' }], isError: true },
    ];
    const { body } = cross(from, to, bodyOf(from, { items, tools: [fn('f')] }));
    const back = codecs[to].parseRequest(body).items;
    expect(back.map((item) => item.type)).toEqual(['message', 'tool_call', 'tool_call', 'tool_result', 'tool_result']);
    expect(back.flatMap((item) => (item.type === 'tool_result' ? [item.callId] : []))).toEqual(['call_a', 'call_b']);
    expect(json(back.at(-2))).toContain('first');
  });

  it('hands out reasoning under a handle and takes it back to where it came from alone', () => {
    const store = storeOf();
    const crossing = cross(from, to, bodyOf(from, { reasoning: { enabled: true, effort: 'high', wantsOpaque: true } }), { store });
    const events = reply(
      { type: 'item_start', item: 0, kind: 'reasoning' },
      { type: 'delta', item: 0, text: 'let me see' },
      { type: 'item_end', item: 0, text: 'let me see', opaque: { family: to, data: 'U0VDUkVU' } },
      { type: 'item_start', item: 1, kind: 'tool_call', callId: 'call_a', name: 'f', tool: 'function' },
      { type: 'item_end', item: 1, text: '{}' },
    );
    const { text: sent } = streamed(crossing, [upstreamStream(to, events)]);
    expect(checkStream(from, sent)).toEqual([]);
    expect(sent).not.toContain('U0VDUkVU');
    expect(sent).toContain('db1.h1');
    expect(gistOf(read(from, sent)).reasoning).toBe('let me see');

    const body = bodyOf(from, { items: goneOn(from, sent), tools: [fn('f')], reasoning: { effort: 'high' } });
    const home = cross(from, to, body, { store });
    expect(json(home.body)).toContain('U0VDUkVU');
    const away = cross(from, to, body, { store, model: 'another-model' });
    expect(json(away.body)).not.toMatch(/U0VDUkVU|db1\./u);
    expect(away.lost).toContainEqual(expect.objectContaining({ why: expect.stringContaining('reasoning') }));
  });

  it('takes images over', () => {
    const items: TurnItem[] = [
      {
        type: 'message',
        role: 'user',
        content: [
          { type: 'text', text: 'look' },
          { type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'iVBORw0KGgo=' } },
          { type: 'image', source: { kind: 'url', url: 'https://example.com/a.png' } },
        ],
      },
    ];
    const { body } = cross(from, to, bodyOf(from, { items }));
    const [message] = codecs[to].parseRequest(body).items;
    expect(message).toMatchObject({ type: 'message', role: 'user' });
    expect(message?.type === 'message' ? message.content.map((part) => (part.type === 'image' ? part.source : part.type)) : []).toEqual([
      'text',
      { kind: 'base64', mediaType: 'image/png', data: 'iVBORw0KGgo=' },
      { kind: 'url', url: 'https://example.com/a.png' },
    ]);
  });

  it('tells a refusal of the upstream in the client’s words', () => {
    const told = { error: { type: 'rate_limit_error', message: 'Slow down.', code: 'rate_limit_exceeded' }, type: 'error' };
    const rendered = cross(from, to, bodyOf(from)).reply.error(429, { 'retry-after': '7' }, told);
    if ('stream' in rendered) throw new Error('told in a stream');
    expect(rendered.status).toBe(429);
    expect(rendered.headers['retry-after']).toBe('7');
    expect(isObject(rendered.body.error) && rendered.body.error.message).toContain('Slow down.');
    const html = cross(from, to, bodyOf(from)).reply.error(502, {}, '<html>Bad gateway</html>');
    expect('status' in html && html.status).toBeGreaterThanOrEqual(500);
  });

  it('tells an error in the middle of a stream, and nothing after it', () => {
    const events: TurnEvent[] = [
      { type: 'start' },
      ...text('hel'),
      { type: 'error', error: { kind: 'overloaded', message: 'Too many requests right now.' } },
    ];
    const { text: sent, state } = streamed(cross(from, to, bodyOf(from)), [
      upstreamStream(to, events),
      Buffer.from('data: {"late":1}\n\n'),
    ]);
    expect(checkStream(from, sent)).toEqual([]);
    expect(state.ended).toBe(true);
    expect(state.error?.message).toContain('Too many requests');
    const seen = read(from, sent);
    expect(seen.at(-1)?.type).toBe('error');
    expect(sent).not.toContain('late');
  });

  it('never makes a success of a cut stream', () => {
    const whole = upstreamStream(to, reply(...text('hello there, this is it')));
    for (let length = 0; length < whole.length - 40; length += 23) {
      const { text: sent, state } = streamed(cross(from, to, bodyOf(from)), [whole.subarray(0, length)]);
      if (state.stop !== undefined) continue;
      expect(state.error?.kind).toBe('stream_cut');
      expect(read(from, sent).some((event) => event.type === 'end')).toBe(false);
      const problems = checkStream(from, sent).map((problem) => problem.rule);
      // Chat has no word for a cut: the stream just stops.
      expect(problems).toEqual(from === 'chat' ? ['the stream has a finish_reason', 'the stream ends with [DONE]'] : []);
    }
  });

  it('tells JSON as JSON', () => {
    const crossing = cross(from, to, bodyOf(from, { stream: false }));
    expect([crossing.stream, crossing.body.stream ?? false]).toEqual([false, false]);
    const answer = crossing.reply.json(codecs[to].renderReply(reply(...text('hello')), upstreamContext()));
    if (!('body' in answer)) throw new Error(answer.error.message);
    expect(answer.body.model).toBe('asked-model');
    expect(gistOf(codecs[from].parseReply(answer.body))).toMatchObject({ text: 'hello', stop: 'end_turn' });
    expect(answer.state).toMatchObject({ usage: { input: 7, output: 5 }, stop: 'end_turn' });
  });

  it.each<[string, JsonValue, RegExp]>([
    ['nothing', null, /could not be read/u],
    ['text', 'OK', /could not be read/u],
    ['a page', '\n<!DOCTYPE html><html></html>', /^A web page answered/u],
    ['an empty object', {}, /could not be read/u],
    ['a list', [], /could not be read/u],
    ['an error under a good status', { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }, /^Overloaded$/u],
  ])('makes an error of %s in place of a reply', (_, body, said) => {
    const answer = cross(from, to, bodyOf(from, { stream: false })).reply.json(body);
    expect('error' in answer && answer.error.message).toMatch(said);
    const stream = cross(from, to, bodyOf(from)).reply.stream();
    const sent = stream.whole(body);
    expect(stream.state.error).toBeDefined();
    expect(checkStream(from, sent)).toEqual([]);
  });

  it('streams a reply that came as JSON', () => {
    const stream = cross(from, to, bodyOf(from)).reply.stream();
    const sent = stream.whole(codecs[to].renderReply(reply(...text('hello')), upstreamContext())) + stream.end();
    expect(checkStream(from, sent)).toEqual([]);
    expect(gistOf(read(from, sent))).toMatchObject({ text: 'hello', stop: 'end_turn' });
  });

  it('collects a stream into JSON for an upstream that can only stream', () => {
    const crossing = cross(from, to, bodyOf(from, { stream: false }), { alwaysStream: true });
    expect([crossing.stream, crossing.body.stream]).toEqual([false, true]);
    const collected = crossing.reply.collect();
    for (const chunk of cutBytes(upstreamStream(to, reply(...text('hello ✓'))), [40, 41, 300])) collected.push(chunk);
    const answer = collected.end();
    if (!('body' in answer)) throw new Error(answer.error.message);
    expect(gistOf(codecs[from].parseReply(answer.body))).toMatchObject({ text: 'hello ✓', stop: 'end_turn' });
    const cut = crossing.reply.collect();
    cut.push(upstreamStream(to, reply(...text('hello'))).subarray(0, 60));
    expect(cut.end()).toMatchObject({ error: { kind: 'stream_cut' } });
  });

  it('keeps the connection alive without breaking the stream', () => {
    const stream = cross(from, to, bodyOf(from)).reply.stream();
    const bytes = upstreamStream(to, reply(...text('hello')));
    const sent = [
      stream.push(bytes.subarray(0, bytes.length / 2)),
      stream.keepAlive(),
      stream.push(bytes.subarray(bytes.length / 2)),
      stream.end(),
      stream.keepAlive(),
    ];
    expect(sent.at(-1)).toBe('');
    expect(checkStream(from, sent.join(''))).toEqual([]);
  });

  const tools: SaidTool[] = [{ name: 'f', type: 'function' }];
  // Messages knows no free-form tools; how they are wrapped for it has its own tests.
  if (from !== 'messages' && to !== 'messages') tools.push({ name: 'patch', type: 'custom' });
  const definitions = tools.map((tool): ToolDefinition => (tool.type === 'custom' ? { type: 'custom', name: tool.name } : fn(tool.name)));

  it('keeps text, thinking, tool inputs and the stop reason, wherever the bytes are cut', () => {
    const body = bodyOf(from, { tools: definitions });
    fc.assert(
      fc.property(
        saidReply(tools),
        fc.array(fc.nat(6), { maxLength: 12 }),
        fc.array(fc.nat(4000), { maxLength: 12 }),
        (said, mixing, cuts) => {
          const events = eventsOf(said, mixing);
          const { text: sent, state } = streamed(cross(from, to, body), cutBytes(upstreamStream(to, events), cuts));
          expect(checkStream(from, sent)).toEqual([]);
          const wanted: Gist = gistOf(events);
          expect(gistOf(read(from, sent))).toEqual(wanted);
          expect(state).toMatchObject({ stop: said.stop, usage: said.usage, ended: true });
        },
      ),
      { numRuns: 60 },
    );
  });

  it('survives any bytes', () => {
    const good = upstreamStream(
      to,
      reply(
        ...text('hello'),
        { type: 'item_start', item: 1, kind: 'tool_call', callId: 'c', name: 'f', tool: 'function' },
        { type: 'item_end', item: 1, text: '{}' },
      ),
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 6 }),
        fc.uint8Array({ maxLength: 40 }),
        (changes, noise) => {
          const bytes = Buffer.from(good);
          for (const [at, value] of changes) bytes[at] = value;
          const { state } = streamed(cross(from, to, body), [bytes.subarray(0, 80), Buffer.from(noise), bytes.subarray(80)]);
          expect(state.ended).toBe(true);
        },
      ),
      { numRuns: 60 },
    );
  });
  const body = bodyOf(from, { tools: definitions });
});

describe.each(['messages', 'responses'] as const)('reasoning that a chat upstream told in the open, for a client of %s', (from) => {
  const thinking = { reasoning: { enabled: true, effort: 'high', wantsOpaque: true } };
  const call = { id: 'call_a', type: 'function', function: { name: 'f', arguments: '{}' } };

  it.each(REASONING_FIELDS)('goes back to it as %s with the call it led to, and to no other model', (field) => {
    const store = storeOf();
    const chunk = (delta: JsonObject, finish: string | null = null): string =>
      `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
    const told = [{ [field]: 'let me' }, { [field]: ' see' }, { tool_calls: [{ index: 0, ...call }] }];
    const bytes = Buffer.from(told.map((each) => chunk(each)).join('') + chunk({}, 'tool_calls') + 'data: [DONE]\n\n');
    const { text: sent } = streamed(cross(from, 'chat', bodyOf(from, thinking), { store }), [bytes]);
    expect(checkStream(from, sent)).toEqual([]);
    const body = bodyOf(from, { items: goneOn(from, sent), tools: [fn('f')], ...thinking });
    const { body: home, lost } = cross(from, 'chat', body, { store });
    expect(home).toMatchObject({ messages: [{ role: 'user' }, { [field]: 'let me see', tool_calls: [call] }, { role: 'tool' }] });
    expect(json(home)).not.toContain('reasoning_opaque');
    expect(lost).not.toContainEqual(expect.objectContaining({ why: expect.stringContaining('left out') }));
    expect(json(cross(from, 'chat', body, { store, model: 'another-model' }).body)).not.toContain('let me see');
  });
});

describe.each(['messages', 'responses'] as const)(
  'what a chat upstream put beside its message and its calls, for a client of %s',
  (from) => {
    const thinking = { reasoning: { enabled: true, effort: 'high', wantsOpaque: true } };
    const chunk = (delta: JsonObject, finish: string | null = null): string =>
      `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
    const call = (id: string): JsonObject => ({ id, type: 'function', function: { name: 'f', arguments: '{}' } });
    const said = { type: 'reasoning.text', format: 'google-gemini-v1', index: 0 };
    const sealed = { type: 'reasoning.encrypted', format: 'google-gemini-v1', index: 1, id: 'call_a' };
    const google = { google: { thought_signature: 'SIG==' } };

    /** The stream as the client gets it, and its next request as the upstream gets that. */
    const around = (
      deltas: readonly JsonObject[],
      ends = 'tool_calls',
      model?: string,
    ): { sent: string; messages: JsonValue | undefined } => {
      const store = storeOf();
      const bytes = Buffer.from(deltas.map((each) => chunk(each)).join('') + chunk({}, ends) + 'data: [DONE]\n\n');
      const { text: sent } = streamed(cross(from, 'chat', bodyOf(from, thinking), { store }), [bytes]);
      expect(checkStream(from, sent)).toEqual([]);
      const body = bodyOf(from, { items: goneOn(from, sent), tools: [fn('f')], ...thinking });
      return { sent, messages: cross(from, 'chat', body, { store, ...(model === undefined ? {} : { model }) }).body.messages };
    };
    const OPENROUTER = [
      { reasoning: 'let me', reasoning_details: [{ ...said, text: 'let me' }] },
      { reasoning: ' see', reasoning_details: [{ ...said, text: ' see' }] },
      { content: 'Well.' },
      { reasoning_details: [{ ...sealed, data: 'SIG==' }], tool_calls: [{ index: 0, ...call('call_a') }] },
    ];

    it('goes back with them: signatures of thoughts', () => {
      const { sent, messages } = around(OPENROUTER);
      expect(sent).not.toContain('SIG==');
      expect(messages).toMatchObject([
        { role: 'user' },
        {
          reasoning: 'let me see',
          reasoning_details: [
            { ...said, text: 'let me see' },
            { ...sealed, data: 'SIG==' },
          ],
          tool_calls: [call('call_a')],
        },
        { role: 'tool' },
      ]);
    });

    it('goes back with them: signatures of calls', () => {
      const { sent, messages } = around([{ tool_calls: [{ index: 0, ...call('call_a'), extra_content: google }] }]);
      expect(sent).not.toContain('SIG==');
      expect(messages).toMatchObject([{ role: 'user' }, { tool_calls: [{ ...call('call_a'), extra_content: google }] }, { role: 'tool' }]);
    });

    it('stands in one message with the text and the calls, each extra at its call', () => {
      const besides = JSON.stringify({ details: [{ ...sealed, data: 'SIG==' }], calls: { call_b: google, call_z: google } });
      const opaque = { family: 'chat' as const, data: besides, besides: true as const };
      const calls = ['call_a', 'call_b'].map((callId): TurnItem => ({
        type: 'tool_call',
        callId,
        name: 'f',
        kind: 'function',
        input: '{}',
      }));
      const items: TurnItem[] = [
        { type: 'message', role: 'user', content: [{ type: 'text', text: 'go' }] },
        { type: 'reasoning', summary: ['hm'], opaque: { family: 'chat', data: '', field: 'reasoning' } },
        { type: 'message', role: 'assistant', content: [{ type: 'text', text: 'Well.' }] },
        { type: 'reasoning', summary: [], opaque },
        ...calls,
      ];
      const { body } = codecs.chat.renderRequest({ from, model: 'm', items, tools: [], stream: false, extra: {} });
      expect(body.messages).toEqual([
        { role: 'user', content: 'go' },
        {
          role: 'assistant',
          content: 'Well.',
          reasoning: 'hm',
          reasoning_details: [{ ...sealed, data: 'SIG==' }],
          tool_calls: [call('call_a'), { ...call('call_b'), extra_content: google }],
        },
      ]);
    });

    it('goes to no other model', () => {
      expect(json(around(OPENROUTER, 'tool_calls', 'another-model').messages)).not.toMatch(/SIG==|reasoning_details/);
    });

    it('is nothing more where a text says it all', () => {
      const { messages } = around([{ reasoning: 'hm', reasoning_details: [{ ...said, text: 'hm' }] }, { content: 'Hi' }], 'stop');
      expect(json(messages)).not.toContain('reasoning_details');
    });
  },
);

describe('free-form tools and groups of tools', () => {
  const patch: ToolDefinition = { type: 'custom', name: 'apply_patch', description: 'd' };
  const search: ToolDefinition = { type: 'function', name: 'search', namespace: 'github', parameters: { type: 'object' } };

  it.each(['chat', 'messages'] as const)('come back from %s as the client defined them', (to) => {
    const crossing = cross('responses', to, bodyOf('responses', { tools: [patch, search] }));
    expect(json(crossing.body.tools)).toContain('github__search');
    const wrapped = to === 'messages';
    const input = '*** Begin "patch"\n';
    const told = wrapped ? json({ input }) : input;
    const events = reply(
      { type: 'item_start', item: 0, kind: 'tool_call', callId: 'call_a', name: 'apply_patch', tool: wrapped ? 'function' : 'custom' },
      { type: 'delta', item: 0, text: told.slice(0, 9) },
      { type: 'delta', item: 0, text: told.slice(9) },
      { type: 'item_end', item: 0, text: told },
      { type: 'item_start', item: 1, kind: 'tool_call', callId: 'call_b', name: 'github__search', tool: 'function' },
      { type: 'item_end', item: 1, text: '{}' },
    );
    const { text: sent } = streamed(crossing, [upstreamStream(to, events)]);
    expect(checkStream('responses', sent)).toEqual([]);
    expect(gistOf(read('responses', sent)).calls).toEqual([
      { callId: 'call_a', name: 'apply_patch', tool: 'custom', input },
      { callId: 'call_b', name: 'search', namespace: 'github', tool: 'function', input: '{}' },
    ]);
    const answer = crossing.reply.json(codecs[to].renderReply(events, upstreamContext()));
    expect('body' in answer && json(answer.body)).toContain('custom_tool_call');
  });

  it('come back to a chat client as well', () => {
    const crossing = cross('chat', 'messages', bodyOf('chat', { tools: [patch] }));
    const events = reply(
      { type: 'item_start', item: 0, kind: 'tool_call', callId: 'call_a', name: 'apply_patch', tool: 'function' },
      { type: 'item_end', item: 0, text: '{"input":"x"}' },
    );
    const { text: sent } = streamed(crossing, [upstreamStream('messages', events)]);
    expect(checkStream('chat', sent)).toEqual([]);
    expect(gistOf(read('chat', sent)).calls).toEqual([{ callId: 'call_a', name: 'apply_patch', tool: 'custom', input: 'x' }]);
  });

  it('come in an additional_tools item too', () => {
    const body: JsonObject = {
      model: 'm',
      stream: true,
      input: [
        {
          type: 'additional_tools',
          role: 'developer',
          tools: [
            { type: 'namespace', name: 'functions', description: '', tools: [{ type: 'custom', name: 'exec', format: { type: 'text' } }] },
          ],
        },
        { type: 'message', role: 'developer', content: [{ type: 'input_text', text: 'Be brief.' }] },
        { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'go' }] },
      ],
    };
    const crossing = cross('responses', 'messages', body);
    expect(json(crossing.body.tools)).toContain('functions__exec');
    expect(crossing.body.messages).toHaveLength(1);
    expect(crossing.lost.filter((loss) => loss.why.includes('additional_tools'))).toEqual([]);
    const events = reply(
      { type: 'item_start', item: 0, kind: 'tool_call', callId: 'call_a', name: 'functions__exec', tool: 'function' },
      { type: 'item_end', item: 0, text: '{"input":"ls()"}' },
    );
    const { text: sent } = streamed(crossing, [upstreamStream('messages', events)]);
    expect(gistOf(read('responses', sent)).calls).toEqual([
      { callId: 'call_a', name: 'exec', namespace: 'functions', tool: 'custom', input: 'ls()' },
    ]);
  });
});

describe('two calls of one id', () => {
  it.each(PAIRS)('get ids of their own: from %s to %s', (from, to) => {
    const crossing = cross(from, to, bodyOf(from, { tools: [fn('a')] }));
    const call = (item: number): TurnEvent[] => [
      { type: 'item_start', item, kind: 'tool_call', callId: 'call_x', name: 'a', tool: 'function' },
      { type: 'item_end', item, text: '{}' },
    ];
    const { reply: back } = crossing;
    const whole = back.json(codecs[to].renderReply(reply(...call(0), ...call(1)), upstreamContext()));
    const ids = 'body' in whole ? codecs[from].parseReply(whole.body).flatMap((each) => ('callId' in each ? [each.callId] : [])) : [];
    expect(ids).toEqual(['call_x', 'call_x_2']);
  });
});

describe('stop sequences', () => {
  it.each(['chat', 'messages'] as const)('are kept for a %s client where the upstream knows none', (from) => {
    const crossing = cross(from, 'responses', bodyOf(from, { stop: ['STOP'] }));
    expect(crossing.body).not.toHaveProperty('stop');
    const { text: sent, state } = streamed(crossing, [upstreamStream('responses', reply(...text('one STOP two')))]);
    expect(checkStream(from, sent)).toEqual([]);
    expect(gistOf(read(from, sent)).text).toBe('one ');
    expect(state).toMatchObject({ ended: true, stoppedEarly: true, stop: 'stop_sequence' });
  });

  it.each([
    ['messages', 'chat', ['1', '2', '3', '4', 'STOP'], ['1', '2', '3', '4']],
    ['chat', 'messages', ['END', '\n\n'], ['END']],
  ] as const)('of a %s client that a %s upstream does not take are kept as well', (from, to, stop, sent) => {
    const crossing = cross(from, to, bodyOf(from, { stop: [...stop] }));
    expect(crossing.body).toMatchObject(to === 'chat' ? { stop: sent } : { stop_sequences: sent });
    expect(crossing.lost.filter(({ path }) => path.startsWith('stop'))).toEqual([]);
    const { text: told, state } = streamed(crossing, [upstreamStream(to, reply(...text(`one ${stop.at(-1) ?? ''} two`)))]);
    expect(gistOf(read(from, told)).text).toBe('one ');
    expect(state).toMatchObject({ stoppedEarly: true, stop: 'stop_sequence' });
  });

  it('cut a whole reply too, with its token counts', () => {
    const crossing = cross('messages', 'responses', bodyOf('messages', { stop: ['STOP'], stream: false }));
    const answer = crossing.reply.json(codecs.responses.renderReply(reply(...text('one STOP two')), upstreamContext()));
    expect('body' in answer && answer.body).toMatchObject({
      stop_reason: 'stop_sequence',
      stop_sequence: 'STOP',
      usage: { output_tokens: 5 },
    });
    expect(answer.state.usage).toMatchObject({ input: 7, output: 5 });
  });
});

describe('a very long list', () => {
  const MANY = 600_000;
  it('of stop sequences is kept', () => {
    const stop = Array.from({ length: MANY }, (_, i) => `STOP${i}`);
    const crossing = cross('chat', 'responses', bodyOf('chat', { stream: false }, { stop }));
    const answer = crossing.reply.json(codecs.responses.renderReply(reply(...text('one STOP5 two')), upstreamContext()));
    expect('body' in answer && gistOf(codecs.chat.parseReply(answer.body)).text).toBe('one ');
  });
  it('of parts of one message goes across', () => {
    const content = Array.from({ length: MANY }, () => ({ type: 'refusal', refusal: 'No.' }));
    const crossing = cross('chat', 'chat', bodyOf('chat', {}, { messages: [{ role: 'assistant', content }] }));
    expect(JSON.stringify(crossing.body).length).toBeGreaterThan(MANY);
  });
});

describe('what can not be meant across', () => {
  it.each<[WireFormat, JsonObject, string]>([
    ['chat', { n: 2 }, 'n'],
    ['responses', { previous_response_id: 'resp_1' }, 'previous_response_id'],
    ['responses', { conversation: { id: 'c' } }, 'conversation'],
    [
      'responses',
      {
        input: [
          { role: 'user', content: 'hi' },
          { type: 'item_reference', id: 'msg_1' },
        ],
      },
      'input[1]',
    ],
    ['responses', { input: [{ id: 'msg_1' }] }, 'input[0]'],
    ['responses', { background: true }, 'background'],
    ['responses', { prompt: { id: 'p' } }, 'prompt'],
  ])('%s with %j is refused by name', (from, more, path) => {
    const attempt = (): unknown => cross(from, 'messages', bodyOf(from, {}, more));
    expect(attempt).toThrow(RequestError);
    expect(attempt).toThrow(expect.objectContaining({ path }));
  });

  it('lets harmless forms of the same fields pass', () => {
    expect(() => cross('chat', 'messages', bodyOf('chat', {}, { n: 1 }))).not.toThrow();
    const fields: JsonObject = { previous_response_id: null, conversation: null, background: false, prompt: null };
    expect(() => cross('responses', 'messages', bodyOf('responses', {}, fields))).not.toThrow();
  });

  it.each(FORMATS)('a %s body that makes no sense is refused, and nothing else is thrown', (from) => {
    const body = fc.oneof(
      fc.jsonValue(),
      fc.record({ model: fc.jsonValue(), messages: fc.jsonValue(), input: fc.jsonValue(), tools: fc.jsonValue(), stop: fc.jsonValue() }),
    );
    fc.assert(
      fc.property(body, fc.constantFrom(...FORMATS), (value, to) => {
        const refusal = thrownBy(() => cross(from, to, JSON.parse(json(value)) as JsonValue));
        expect(refusal === undefined || refusal instanceof RequestError).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});

describe('failures', () => {
  const refused: TurnError = { kind: 'content_refused', message: 'The filter said no.' };
  const tooLong: TurnError = { kind: 'context_too_long', message: 'The conversation is too long.' };
  const codex: CrossingInput['client'] = { family: 'codex', requestId: 'req_1' };

  function failure(from: WireFormat, error: TurnError, more: Partial<CrossingInput> = {}, stream = true): RenderedFailure {
    return cross(from, from === 'chat' ? 'messages' : 'chat', bodyOf(from, { stream }), more).reply.failure(error);
  }

  it.each<[WireFormat, StopReason]>([
    ['chat', 'content_filter'],
    ['responses', 'content_filter'],
    ['messages', 'refusal'],
  ])('refused content is a reply that refuses: %s', (from, stop) => {
    const told = failure(from, refused);
    if (!('stream' in told)) throw new Error('told as an error');
    expect(checkStream(from, told.stream)).toEqual([]);
    expect(gistOf(read(from, told.stream))).toMatchObject({ text: refused.message, stop });
    expect(told.state).toMatchObject({ ended: true, stop });
    expect(told.state).not.toHaveProperty('error');
  });

  it.each<[WireFormat, StopReason]>([
    ['chat', 'content_filter'],
    ['responses', 'content_filter'],
    ['messages', 'refusal'],
  ])('refused content is a reply that refuses where no stream was wanted, too: %s', (from, stop) => {
    const told = failure(from, refused, {}, false);
    if (!('body' in told)) throw new Error('told as a stream');
    expect(told).toMatchObject({ status: 200, body: { model: 'asked-model' } });
    expect(gistOf(codecs[from].parseReply(told.body))).toMatchObject({ text: refused.message, stop });
  });

  it('a conversation that is too long is a failed reply to Codex, which retries other answers', () => {
    const told = failure('responses', tooLong, { client: codex });
    if (!('stream' in told)) throw new Error('told as an error');
    expect(checkStream('responses', told.stream)).toEqual([]);
    expect(told.stream).toContain('"code":"context_length_exceeded"');
    expect(told.state.error).toEqual(tooLong);
  });

  it('everything else is an error reply, and so is everything where no stream was wanted', () => {
    expect(failure('responses', tooLong)).toMatchObject({ status: 400 });
    expect(failure('responses', tooLong, { client: codex }, false)).toMatchObject({ status: 400 });
    expect(failure('messages', { kind: 'overloaded', message: 'm' })).toMatchObject({ status: 529 });
  });
});

describe('a frame without an end', () => {
  it('ends the reply as cut', () => {
    const stream = cross('messages', 'chat', bodyOf('messages')).reply.stream();
    const megabyte = Buffer.alloc(1024 * 1024, 'x');
    let sent = stream.push(Buffer.from('data: '));
    for (let i = 0; i < 65 && !stream.state.ended; i++) sent += stream.push(megabyte);
    expect(stream.state.error?.kind).toBe('stream_cut');
    expect(checkStream('messages', sent + stream.end())).toEqual([]);
  });
});

describe('JSON nested so deep that writing it again would overflow the stack', () => {
  const deep = '{"a":'.repeat(10_000) + '1' + '}'.repeat(10_000);
  const frames = (...data: string[]): Buffer => Buffer.from(data.map((each) => `data: ${each}\n\n`).join(''));
  const cases: [WireFormat, WireFormat, string, Buffer][] = [
    [
      'responses',
      'chat',
      'arguments that are no text',
      frames(
        `{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":${deep}}}]}}]}`,
        '{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}',
      ),
    ],
    [
      'chat',
      'messages',
      'an input that is no text',
      frames(
        `{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"f","input":${deep}}}`,
        '{"type":"message_stop"}',
      ),
    ],
    [
      'chat',
      'responses',
      'a citation',
      frames(
        '{"type":"response.output_text.delta","delta":"text"}',
        `{"type":"response.output_text.annotation.added","annotation":{"type":"url_citation","url":"u","x":${deep}}}`,
        '{"type":"response.completed","response":{"status":"completed","output":[]}}',
      ),
    ],
    [
      'responses',
      'responses',
      'an item that only its own format knows',
      frames(
        `{"type":"response.output_item.done","item":{"type":"web_search_call","id":"ws","x":${deep}}}`,
        '{"type":"response.completed","response":{"status":"completed","output":[]}}',
      ),
    ],
  ];

  it.each(cases)('%s to %s: %s is told as an error', (from, to, _what, bytes) => {
    const { text: sent, state } = streamed(cross(from, to, bodyOf(from)), [bytes]);
    expect(state).toMatchObject({ ended: true, error: { kind: 'upstream_failed' } });
    expect(sent).toContain('can not be translated');
    if (from === 'responses') expect(checkStream(from, sent)).toEqual([]);
  });

  it.each(cases)('%s to %s: %s is an error where a stream is collected', (from, to, _what, bytes) => {
    const collected = cross(from, to, bodyOf(from)).reply.collect();
    collected.push(bytes);
    // What is collected is written by whoever sends it.
    expect(() => collected.end()).not.toThrow();
  });
});

it('a signature never comes back to its provider with a thinking that it does not sign', () => {
  const store = storeOf();
  const messages: JsonObject[] = [{ role: 'user', content: 'hi' }];
  const asked = bodyOf('chat', { tools: [fn('f')], stream: false }, { reasoning_effort: 'high' });
  const content = [
    { type: 'thinking', thinking: 'one', signature: 'S1' },
    { type: 'text', text: 'hm' },
    { type: 'thinking', thinking: 'two', signature: 'S2' },
    { type: 'tool_use', id: 't', name: 'f', input: {} },
  ];
  const answered = cross('chat', 'messages', asked, { store }).reply.json({ type: 'message', role: 'assistant', content, usage: {} });
  if (!('body' in answered)) throw new Error('told as an error');
  const [choice] = Array.isArray(answered.body.choices) ? answered.body.choices : [];
  const said = isObject(choice) && isObject(choice.message) ? choice.message : {};
  expect(said.reasoning_content).toBe('one\n\ntwo');
  const next = [...messages, said, { role: 'tool', tool_call_id: 't', content: 'r' }];
  const { body } = cross('chat', 'messages', { ...asked, messages: next }, { store });
  expect(json(body)).not.toMatch(/S1|S2|db1/u);
  expect(body.thinking).toMatchObject({ type: 'disabled' });
});
