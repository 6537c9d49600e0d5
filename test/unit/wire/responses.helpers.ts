import type { ReplyContext } from '../../../bridges/wire/codec.ts';
import { isObject } from '../../../bridges/wire/json.ts';
import { responses } from '../../../bridges/wire/responses/index.ts';
import { SseReader } from '../../../bridges/wire/sse.ts';
import type { JsonObject, JsonValue, TurnEvent } from '../../../bridges/wire/turn.ts';

/** The events of a stream given as text, fed in chunks of `size` bytes. */
export function parseStream(text: string, size = Infinity): TurnEvent[] {
  const bytes = Buffer.from(text);
  const reader = new SseReader();
  const parser = responses.streamParser();
  const events: TurnEvent[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    for (const frame of reader.push(bytes.subarray(at, Math.min(at + size, bytes.length)))) events.push(...parser.push(frame));
  }
  for (const frame of reader.end()) events.push(...parser.push(frame));
  return [...events, ...parser.end()];
}

/** Parses events given as objects, without `event:` lines. */
export function parseEvents(...events: JsonObject[]): TurnEvent[] {
  return parseStream(events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(''));
}

export function context(overrides: Partial<ReplyContext> = {}): ReplyContext {
  let made = 0;
  return {
    model: 'asked-model',
    now: 1_700_000_000_500,
    newId: (prefix) => `${prefix}new${++made}`,
    seal: (opaque) => opaque.data,
    includeUsage: false,
    wantsReasoning: false,
    ...overrides,
  };
}

/** The text a stream renderer makes of events. */
export function renderStream(events: readonly TurnEvent[], overrides: Partial<ReplyContext> = {}): string {
  const renderer = responses.streamRenderer(context(overrides));
  return events.map((event) => renderer.push(event)).join('');
}

/** The data objects of a rendered stream, each checked against its `event:` line. */
export function framesOf(text: string): JsonObject[] {
  const reader = new SseReader();
  return reader.push(Buffer.from(text)).map((frame) => {
    const value: JsonValue = JSON.parse(frame.data);
    if (!isObject(value) || value.type !== frame.event) throw new Error(`event line and data differ: ${frame.data}`);
    return value;
  });
}

export function typesOf(text: string): JsonValue[] {
  return framesOf(text).map((frame) => frame.type ?? null);
}

/** The `response` object of the last event of a rendered stream. */
export function lastResponse(text: string): JsonObject {
  const response = framesOf(text).at(-1)?.response;
  if (!isObject(response)) throw new Error('the last event holds no response');
  return response;
}
