import { codecs } from '../../bridges/wire/codecs.ts';
import type { ReplyContext } from '../../bridges/wire/codec.ts';
import { memoryHandleStore } from '../../bridges/wire/opaque.ts';
import { SseReader } from '../../bridges/wire/sse.ts';
import { crossRequest, type Crossing } from '../../bridges/wire/translate.ts';
import type { JsonValue, TurnEvent, WireFormat } from '../../bridges/wire/turn.ts';

export const FORMATS: readonly WireFormat[] = ['chat', 'responses', 'messages'];

/** The events that a stream of bytes stands for. */
export function parseStream(format: WireFormat, pieces: readonly Buffer[]): TurnEvent[] {
  const reader = new SseReader();
  const parser = codecs[format].streamParser();
  const frames = [...pieces.flatMap((piece) => reader.push(piece)), ...reader.end()];
  return [...frames.flatMap((frame) => parser.push(frame)), ...parser.end()];
}

/** The stream that events become. */
export function renderStream(format: WireFormat, events: readonly TurnEvent[]): string {
  const renderer = codecs[format].streamRenderer(context());
  return events.map((event) => renderer.push(event)).join('');
}

export function context(): ReplyContext {
  const newId = counting();
  return { model: 'asked-model', now: 1_700_000_000_000, newId, seal: ({ data }) => data, includeUsage: true, wantsReasoning: true };
}

/** Makes ids that differ within one reply and are the same in every run. */
export function counting(): (prefix: string) => string {
  let count = 0;
  return (prefix) => `${prefix}new${++count}`;
}

/** Takes a request across as the companion does. */
export function cross(from: WireFormat, to: WireFormat, body: JsonValue): Crossing {
  return crossRequest({
    body,
    from,
    to,
    store: memoryHandleStore({ max: 10, random: () => 'handle' }),
    upstream: 'up',
    now: 1_700_000_000_000,
    newId: counting(),
    wantsReasoning: true,
    client: { family: 'other', requestId: 'req_1' },
  });
}

/** Where events break the grammar of the hub (turn.ts); empty where they keep to it. */
export function hubProblems(events: readonly TurnEvent[]): string[] {
  const problems: string[] = [];
  const open = new Map<number, { said: string; breaks: boolean }>();
  let next = 0;
  for (const [at, event] of events.entries()) {
    const check = (holds: boolean, rule: string): void => {
      if (!holds) problems.push(`event ${at} (${event.type}): ${rule}`);
    };
    check((at === 0) === (event.type === 'start'), 'a reply begins with its one start');
    check((at === events.length - 1) === isTerminal(event), 'a reply ends with its one terminal event');
    switch (event.type) {
      case 'item_start':
      case 'item':
        check(event.item === next++, 'items count up from 0');
        if (event.type === 'item_start') open.set(event.item, { said: '', breaks: event.kind === 'reasoning' });
        break;
      case 'delta':
      case 'reasoning_break': {
        const item = open.get(event.item);
        check(item !== undefined, 'the item is open');
        if (item !== undefined && event.type === 'delta') item.said += event.text;
        break;
      }
      case 'item_end': {
        const item = open.get(event.item);
        check(item !== undefined, 'the item is open');
        check(item?.breaks === true || event.text.startsWith(item?.said ?? ''), 'the whole text begins with what the deltas said');
        open.delete(event.item);
        break;
      }
      case 'end':
        check(open.size === 0, 'all items end before the reply does');
        break;
      default:
        break;
    }
  }
  return problems;
}

function isTerminal(event: TurnEvent): boolean {
  return event.type === 'end' || event.type === 'error' || event.type === 'cut';
}
