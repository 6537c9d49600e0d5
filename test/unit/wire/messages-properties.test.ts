import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkStream } from '../../../bridges/wire/grammar.ts';
import { messages } from '../../../bridges/wire/messages/index.ts';
import type { MediaSource, Part, TurnEvent, TurnItem, TurnRequest } from '../../../bridges/wire/turn.ts';
import { cutBytes, eventsOf, gistOf, saidReply } from './arbitraries.ts';
import { recordedText } from '../../wire/recorded.ts';
import { parsePieces, parseStream, renderStream } from './messages.helpers.ts';

const word = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 });
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined });

/** Values of a shape in the hub, which leaves a field out where it says nothing. */
function shaped<T>(shape: fc.Arbitrary<object>): fc.Arbitrary<T> {
  return shape.map((object) => JSON.parse(JSON.stringify(object)));
}

const mark = maybe(fc.constant({ type: 'ephemeral' }));
const source: fc.Arbitrary<MediaSource> = fc.oneof(
  fc.record({ kind: fc.constant('base64' as const), mediaType: fc.constant('image/png'), data: fc.base64String() }),
  fc.record({ kind: fc.constant('url' as const), url: fc.webUrl() }),
  fc.record({ kind: fc.constant('file' as const), id: word }),
);
const part = shaped<Part>(
  fc.oneof(
    fc.record({ type: fc.constant('text'), text: word, cacheControl: mark }),
    fc.record({ type: fc.constant('image'), source, cacheControl: mark }),
    fc.record({ type: fc.constant('document'), source, name: maybe(word) }),
    fc.record({ type: fc.constant('tool_reference'), name: word }),
  ),
);
const input = fc.dictionary(word, fc.oneof(word, fc.integer(), fc.boolean()), { maxKeys: 3 }).map((value) => JSON.stringify(value));
const callId = fc.constantFrom('call_a', 'call_b');
const item = shaped<TurnItem>(
  fc.oneof(
    fc.record({
      type: fc.constant('message'),
      role: fc.constantFrom('user', 'assistant'),
      content: fc.array(part, { minLength: 1, maxLength: 3 }),
    }),
    fc.record({ type: fc.constant('tool_call'), callId, name: word, kind: fc.constant('function'), input }),
    fc.record({
      type: fc.constant('tool_result'),
      callId,
      kind: fc.constant('function'),
      content: fc.array(part, { maxLength: 2 }),
      isError: maybe(fc.boolean()),
    }),
    fc.record({
      type: fc.constant('reasoning'),
      summary: word.map((text) => [text]),
      opaque: word.map((data) => ({ family: 'messages', data })),
    }),
  ),
);
const turn = shaped<TurnRequest>(
  fc.record({
    from: fc.constant('messages'),
    model: word,
    stream: fc.boolean(),
    items: fc.array(item, { maxLength: 8 }),
    tools: fc.array(
      fc.record({
        type: fc.constant('function'),
        name: word,
        description: word,
        parameters: fc.constant({ type: 'object' }),
        deferred: maybe(fc.boolean()),
      }),
      { maxLength: 3 },
    ),
    toolChoice: maybe(fc.constantFrom({ type: 'auto' }, { type: 'any' }, { type: 'tool', name: 'x' })),
    maxOutputTokens: fc.nat(),
    temperature: maybe(fc.constantFrom(0, 0.5, 1)),
    topK: maybe(fc.nat()),
    stop: maybe(fc.array(word, { minLength: 1, maxLength: 3 })),
    reasoning: maybe(fc.constantFrom({ enabled: true }, { enabled: false }, { enabled: true, budgetTokens: 2000 }, { effort: 'high' })),
    user: maybe(word),
    extra: fc.constant({ betas: ['x'] }),
  }),
);

/** A turn with its items as the format orders them: results before the rest of what the user says, runs of parts as one. */
function ordered(asked: TurnRequest): TurnRequest {
  return messages.parseRequest(messages.renderRequest(asked).body);
}

describe('any request', () => {
  it('means the same after a way through the format', () => {
    fc.assert(
      fc.property(turn, (asked) => {
        const { body, lost } = messages.renderRequest(asked);
        const { items, ...settings } = messages.parseRequest(body);
        const { items: askedItems, ...askedSettings } = asked;
        expect(lost).toEqual([]);
        expect(settings).toEqual(askedSettings);
        expect(items.flatMap(said).sort()).toEqual(askedItems.flatMap(said).sort());
        expect(messages.renderRequest(ordered(asked)).body).toEqual(body);
      }),
    );
  });
});

/** What an item says, piece by piece, free of how pieces are grouped and keys are ordered. */
function said(each: TurnItem): string[] {
  if (each.type !== 'message') return [canonical(each)];
  return each.content.map((content) => each.role + canonical(content));
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).map(([key, field]) => `${JSON.stringify(key)}:${canonical(field)}`);
  return `{${fields.sort().join()}}`;
}

const tools = [
  { name: 'shell', type: 'function' as const },
  { name: 'read', type: 'function' as const },
];
const reply = fc.tuple(saidReply(tools), fc.array(fc.nat(9), { maxLength: 20 })).map(([spoken, mixing]) => eventsOf(spoken, mixing));

describe('any reply', () => {
  it('is written in the strict grammar and reads the same', () => {
    fc.assert(
      fc.property(reply, (events) => {
        const stream = renderStream(events);
        expect(checkStream('messages', stream)).toEqual([]);
        expect(gistOf(parseStream(stream))).toEqual(gistOf(events));
      }),
    );
  });

  it('gives the same events again once it was written in this format', () => {
    fc.assert(
      fc.property(reply, (events) => {
        const own = parseStream(renderStream(events));
        expect(parseStream(renderStream(own)).map(withoutCounts)).toEqual(own.map(withoutCounts));
      }),
    );
  });

  it('says in one piece what it says as a stream', () => {
    fc.assert(
      fc.property(reply, (events) => {
        const context = {
          model: 'm',
          now: 0,
          newId: (prefix: string) => prefix,
          seal: () => 'handle',
          includeUsage: false,
          wantsReasoning: false,
        };
        expect(gistOf(messages.parseReply(messages.renderReply(events, context)))).toEqual(gistOf(events));
      }),
    );
  });

  it('gives the same events wherever its bytes are cut', () => {
    fc.assert(
      fc.property(reply, fc.array(fc.nat(), { maxLength: 30 }), (events, cuts) => {
        const stream = renderStream(events);
        expect(parsePieces(cutBytes(Buffer.from(stream), cuts))).toEqual(parseStream(stream));
      }),
    );
  });

  it('ends in exactly one terminal event wherever it breaks off', () => {
    const bytes = Buffer.from(recordedText('claude-code-2.1.329/thinking/02.response.sse'));
    for (let length = 0; length <= bytes.length; length++) {
      const events = parsePieces([bytes.subarray(0, length)]);
      expect(events[0]?.type).toBe('start');
      const terminal = events.filter((event) => event.type === 'end' || event.type === 'error' || event.type === 'cut');
      expect(terminal).toEqual([events.at(-1)]);
    }
  });

  it('never makes the parser throw, whatever arrives', () => {
    const types = [
      'message_start',
      'content_block_start',
      'content_block_delta',
      'content_block_stop',
      'message_delta',
      'message_stop',
      'ping',
      'error',
    ];
    const frame = fc.record({
      type: fc.constantFrom(...types),
      index: fc.jsonValue(),
      delta: fc.jsonValue(),
      content_block: fc.jsonValue(),
      message: fc.jsonValue(),
      error: fc.jsonValue(),
      usage: fc.jsonValue(),
    });
    fc.assert(
      fc.property(fc.array(fc.oneof(frame, fc.jsonValue()), { maxLength: 12 }), (frames) => {
        const stream = frames.map((data) => `data: ${JSON.stringify(data)}\n\n`).join('');
        expect(() => renderStream(parseStream(stream))).not.toThrow();
      }),
    );
  });
});

/** The start holds an id of ours and counts that an upstream may only tell at the end. */
function withoutCounts(event: TurnEvent): TurnEvent {
  if (event.type === 'start') return { type: 'start' };
  if (event.type !== 'end') return event;
  const { usage: _usage, ...rest } = event;
  return rest;
}
