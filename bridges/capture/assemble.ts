import type { AssembledPart, WireFormat } from '../contract/index.ts';
import { codecs } from '../wire/codecs.ts';
import { SECTION_BREAK } from '../wire/reasoning.ts';
import { SseReader } from '../wire/sse.ts';
import type { JsonValue, Part, TurnEvent, TurnItem } from '../wire/turn.ts';

/**
 * A request and its reply as something to read: the same parsers that translate calls turn kept bytes into parts.
 * Bytes they can't read give an empty list; the raw view still shows them.
 */
export function assembleRequest(wire: WireFormat, body: Buffer): AssembledPart[] {
  try {
    return codecs[wire].parseRequest(parse(body)).items.flatMap(fromItem);
  } catch {
    return [];
  }
}

export function assembleReply(wire: WireFormat, streamed: boolean, body: Buffer): AssembledPart[] {
  try {
    return fromEvents(streamed ? streamEvents(wire, body) : codecs[wire].parseReply(parse(body)));
  } catch {
    return [];
  }
}

function parse(body: Buffer): JsonValue {
  return JSON.parse(body.toString('utf8'));
}

/** What a whole stream tells, event by event. Never throws: what can't be read is a `cut` or an `error`. */
export function streamEvents(wire: WireFormat, body: Buffer): TurnEvent[] {
  const reader = new SseReader();
  const parser = codecs[wire].streamParser();
  const frames = [...reader.push(body), ...reader.end()];
  return [...frames.flatMap((frame) => parser.push(frame)), ...parser.end()];
}

function fromItem(item: TurnItem): AssembledPart[] {
  switch (item.type) {
    case 'message':
      return item.content.map((part) => fromPart(part, item.role, null));
    case 'tool_call':
      return [{ role: 'assistant', kind: 'tool_call', text: item.input, name: qualified(item.name, item.namespace), callId: item.callId }];
    case 'tool_result': {
      const parts = item.content.map((part) => fromPart(part, 'tool', item.callId));
      const whole = parts.map((part) => (part.kind === 'text' ? { ...part, kind: 'tool_result' as const } : part));
      return whole.length > 0 ? whole : [{ role: 'tool', kind: 'tool_result', text: '', name: null, callId: item.callId }];
    }
    case 'reasoning':
      return [
        {
          role: 'assistant',
          kind: 'reasoning',
          text: [...item.summary, ...(item.content ?? [])].join(SECTION_BREAK),
          name: null,
          callId: null,
        },
      ];
    case 'opaque':
      return [{ role: item.role ?? 'assistant', kind: 'other', text: JSON.stringify(item.value, null, 2), name: item.name, callId: null }];
  }
}

function fromPart(part: Part, role: AssembledPart['role'], callId: string | null): AssembledPart {
  switch (part.type) {
    case 'text':
      return { role, kind: 'text', text: part.text, name: null, callId };
    case 'refusal':
      return { role, kind: 'refusal', text: part.text, name: null, callId };
    case 'image':
    case 'document': {
      const { source } = part;
      const name = source.kind === 'base64' ? source.mediaType : source.kind;
      const text =
        source.kind === 'base64'
          ? `${Math.floor((source.data.length * 3) / 4)} bytes`
          : source.kind === 'url'
            ? source.url
            : source.kind === 'file'
              ? source.id
              : source.text;
      return { role, kind: part.type, text, name, callId };
    }
    case 'tool_reference':
      return { role, kind: 'other', text: part.name, name: 'tool reference', callId };
    case 'opaque':
      return { role, kind: 'other', text: JSON.stringify(part.value, null, 2), name: part.name, callId };
  }
}

function fromEvents(events: readonly TurnEvent[]): AssembledPart[] {
  const parts = new Map<number, AssembledPart>();
  for (const event of events) {
    switch (event.type) {
      case 'item_start':
        parts.set(event.item, {
          role: 'assistant',
          kind: event.kind,
          text: '',
          name: event.kind === 'tool_call' ? qualified(event.name, event.namespace) : null,
          callId: event.kind === 'tool_call' ? event.callId : null,
        });
        break;
      case 'delta': {
        const part = parts.get(event.item);
        if (part !== undefined) part.text += event.text;
        break;
      }
      case 'item_end': {
        const part = parts.get(event.item);
        if (part !== undefined && event.text !== '') part.text = event.text;
        break;
      }
      case 'item':
        parts.set(event.item, {
          role: 'assistant',
          kind: 'other',
          text: JSON.stringify(event.value.value, null, 2),
          name: event.value.name,
          callId: null,
        });
        break;
      default:
    }
  }
  return [...parts.values()];
}

function qualified(name: string, namespace: string | undefined): string {
  return namespace === undefined ? name : `${namespace}.${name}`;
}
