import type { ReplyContext } from '../../../bridges/wire/codec.ts';
import { isObject } from '../../../bridges/wire/json.ts';
import { messages } from '../../../bridges/wire/messages/index.ts';
import { SseReader } from '../../../bridges/wire/sse.ts';
import type { JsonObject, JsonValue, TurnEvent } from '../../../bridges/wire/turn.ts';

/** The value as an object; a test that finds another one fails here. */
export function asObject(value: JsonValue | undefined): JsonObject {
  if (!isObject(value)) throw new Error(`not an object: ${JSON.stringify(value)}`);
  return value;
}

/** The value as a list of objects. */
export function asObjects(value: JsonValue | undefined): JsonObject[] {
  if (!Array.isArray(value)) throw new Error(`not a list: ${JSON.stringify(value)}`);
  return value.map(asObject);
}

/** The events of a stream that arrives in the given pieces. */
export function parsePieces(pieces: readonly Buffer[]): TurnEvent[] {
  const reader = new SseReader();
  const parser = messages.streamParser();
  const frames = [...pieces.flatMap((piece) => reader.push(piece)), ...reader.end()];
  return [...frames.flatMap((frame) => parser.push(frame)), ...parser.end()];
}

export function parseStream(text: string): TurnEvent[] {
  return parsePieces([Buffer.from(text)]);
}

/** Parses events given as objects, without `event:` lines. */
export function parseEvents(...events: JsonObject[]): TurnEvent[] {
  return parseStream(events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(''));
}

export function context(overrides: Partial<ReplyContext> = {}): ReplyContext {
  return {
    model: 'asked-model',
    now: 1_700_000_000_000,
    newId: (prefix) => `${prefix}new`,
    seal: (opaque) => `sealed:${opaque.data}`,
    includeUsage: false,
    wantsReasoning: false,
    ...overrides,
  };
}

/** The text a stream renderer makes of events. */
export function renderStream(events: readonly TurnEvent[], overrides: Partial<ReplyContext> = {}): string {
  const renderer = messages.streamRenderer(context(overrides));
  return events.map((event) => renderer.push(event)).join('');
}

/** The data of each event in a rendered stream, checked against its `event:` line. */
export function framesOf(text: string): JsonObject[] {
  return new SseReader().push(Buffer.from(text)).map((frame) => {
    const data = asObject(JSON.parse(frame.data));
    if (data.type !== frame.event) throw new Error(`event line and data differ: ${frame.data}`);
    return data;
  });
}
