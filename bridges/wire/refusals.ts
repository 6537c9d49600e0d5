import type { ErrorClient } from './codec.ts';
import type { TurnError, TurnEvent, WireFormat } from './turn.ts';

type End = Extract<TurnEvent, { type: 'end' }>;

/** Who reads a reply. Codex reads responses, but not its refusals. */
export type Reader = WireFormat | 'codex';

/** The reader that a client is. */
export function readerOf(format: WireFormat, { family }: ErrorClient): Reader {
  return format === 'responses' && family === 'codex' ? 'codex' : format;
}

/**
 * Refused content as a reply that refuses; `item` is the number of its item. Codex (0.169) shows nothing of a refusal and takes
 * it for a success, and asks five times more for a reply that a filter ended; of a failed one it shows the words, once. Copilot CLI
 * (1.0.102) shows no refusals either, but says so of a reply that a filter ended.
 */
export function refusalFor(reader: Reader, error: TurnError, item = 0): TurnEvent[] {
  if (reader === 'codex') return [{ type: 'error', error }];
  const { message } = error;
  return [
    { type: 'item_start', item, kind: 'refusal' },
    { type: 'delta', item, text: message },
    { type: 'item_end', item, text: message },
    { type: 'end', stop: reader === 'messages' ? 'refusal' : 'content_filter' },
  ];
}

const UNEXPLAINED = 'The provider refused to go on with this reply, and did not say why. Say it in other words, or ask another model.';

/** Tells the refusals of one reply so that its reader sees why. */
export class Refusals {
  readonly #reader: Reader;
  /** Items told so far. Where there are some, the reply is more than a refusal. */
  #items = 0;
  /** The model refused in words of its own. */
  #said = false;

  constructor(reader: Reader) {
    this.#reader = reader;
  }

  push(event: TurnEvent): TurnEvent[] {
    switch (event.type) {
      case 'item_start':
        this.#items = event.item + 1;
        return [this.#start(event)];
      case 'item':
        this.#items = event.item + 1;
        return [event];
      case 'error':
        return event.error.kind === 'content_refused' && this.#items === 0 ? refusalFor(this.#reader, event.error) : [event];
      case 'end':
        return this.#end(event);
      default:
        return [event];
    }
  }

  #start(event: Extract<TurnEvent, { type: 'item_start' }>): TurnEvent {
    if (event.kind !== 'refusal') return event;
    this.#said = true;
    return this.#reader === 'codex' ? { ...event, kind: 'text' } : event;
  }

  #end(end: End): TurnEvent[] {
    const { explanation, usage } = end;
    const isSilent = this.#reader === 'codex' && (end.stop === 'content_filter' || (end.stop === 'refusal' && !this.#said));
    if (explanation !== undefined || isSilent) {
      const error: TurnError = { kind: 'content_refused', message: explanation ?? UNEXPLAINED };
      return [...(usage === undefined ? [] : [{ type: 'usage' as const, usage }]), ...refusalFor(this.#reader, error, this.#items)];
    }
    return [this.#reader === 'codex' && end.stop === 'refusal' ? { ...end, stop: 'end_turn' } : end];
  }
}
