import { openAiRules } from './openai-models.ts';
import type { TurnEvent, Usage, WireFormat } from './turn.ts';

/** Cuts a reply at the first stop sequence in its text, for upstreams that know no stop sequences. */
export type Stopper = {
  /** Returns the event as the client may see it. Text that could be the beginning of a stop sequence is held back. */
  push(event: TurnEvent): TurnEvent[];
  /** True once the reply was cut: the `end` was handed out, and the upstream may be aborted. */
  readonly done: boolean;
};

/** `said` is what the client has of the item; `held` may be the beginning of a stop sequence. Only text is searched. */
type OpenItem = { searched: boolean; said: string; held: string };

/** Chat Completions takes no more. */
export const MOST_CHAT_STOPS = 4;

/**
 * Which stop sequences a format and a model take, and which are left for us to keep: Responses knows none, Messages no blank
 * ones, and of OpenAI's models that reason most refuse them. Pure.
 */
export function splitStops(sequences: readonly string[], to: WireFormat, model: string): { sent: string[]; kept: string[] } {
  const most = to === 'chat' && openAiRules(model).samples === 'always' ? MOST_CHAT_STOPS : 0;
  const isTaken = (sequence: string, index: number): boolean => (to === 'messages' ? sequence.trim() !== '' : index < most);
  return { sent: sequences.filter(isTaken), kept: sequences.filter((sequence, index) => !isTaken(sequence, index)) };
}

/** Makes a stopper for one reply. */
export function stopAt(sequences: readonly string[]): Stopper {
  const wanted = sequences.filter((sequence) => sequence !== '');
  if (wanted.length === 0) return { push: (event) => [event], done: false };
  return new SequenceStopper(wanted);
}

class SequenceStopper implements Stopper {
  done = false;
  readonly #sequences: readonly string[];
  readonly #firstCodes: ReadonlySet<number>;
  readonly #longest: number;
  readonly #open = new Map<number, OpenItem>();
  #usage: Usage | undefined;

  constructor(sequences: readonly string[]) {
    this.#sequences = sequences;
    this.#firstCodes = new Set(sequences.map((sequence) => sequence.charCodeAt(0)));
    this.#longest = sequences.reduce((longest, { length }) => Math.max(longest, length), 0);
  }

  push(event: TurnEvent): TurnEvent[] {
    if (this.done) return [];
    switch (event.type) {
      case 'item_start':
        this.#open.set(event.item, { searched: event.kind === 'text', said: '', held: '' });
        return [event];
      case 'delta':
        return this.#delta(event);
      case 'item_end':
        return this.#itemEnd(event);
      case 'start':
      case 'usage':
        if (event.usage !== undefined) this.#usage = { ...this.#usage, ...event.usage };
        return [event];
      default:
        return [event];
    }
  }

  #delta(event: Extract<TurnEvent, { type: 'delta' }>): TurnEvent[] {
    const open = this.#open.get(event.item);
    if (open === undefined) return [event];
    if (!open.searched) {
      open.said += event.text;
      return [event];
    }
    const text = open.held + event.text;
    const found = this.#find(text);
    const free = this.#freeLength(text);
    // Another one may have begun before the one that was found, and only what follows tells.
    if (found !== undefined && found.at <= free) return this.#stop(event.item, open, text.slice(0, found.at), found.sequence);
    open.held = text.slice(free);
    if (free === 0) return [];
    const said = text.slice(0, free);
    open.said += said;
    return [said === event.text ? event : { type: 'delta', item: event.item, text: said }];
  }

  #itemEnd(event: Extract<TurnEvent, { type: 'item_end' }>): TurnEvent[] {
    const open = this.#open.get(event.item);
    if (open?.searched !== true) {
      this.#open.delete(event.item);
      return [event];
    }
    // The whole text is known now, also where the upstream sent no deltas; what was said holds no stop sequence.
    const rest = event.text.slice(open.said.length);
    const found = this.#find(rest);
    if (found !== undefined) return this.#stop(event.item, open, rest.slice(0, found.at), found.sequence);
    this.#open.delete(event.item);
    return open.held === '' ? [event] : [{ type: 'delta', item: event.item, text: open.held }, event];
  }

  /** Says what comes before the stop sequence, closes every open item and ends the reply. */
  #stop(item: number, open: OpenItem, text: string, stopSequence: string): TurnEvent[] {
    this.done = true;
    const events: TurnEvent[] = [];
    if (text !== '') events.push({ type: 'delta', item, text });
    open.said += text;
    for (const [index, { said }] of this.#open) events.push({ type: 'item_end', item: index, text: said });
    events.push({ type: 'end', stop: 'stop_sequence', stopSequence, ...(this.#usage === undefined ? {} : { usage: this.#usage }) });
    return events;
  }

  #find(text: string): { at: number; sequence: string } | undefined {
    let found: { at: number; sequence: string } | undefined;
    for (const sequence of this.#sequences) {
      const at = text.indexOf(sequence);
      if (at >= 0 && (found === undefined || at < found.at)) found = { at, sequence };
    }
    return found;
  }

  /** How much of the text no stop sequence can begin in. */
  #freeLength(text: string): number {
    for (let i = Math.max(0, text.length - this.#longest + 1); i < text.length; i++) {
      if (!this.#firstCodes.has(text.charCodeAt(i))) continue;
      const rest = text.slice(i);
      for (const sequence of this.#sequences) if (sequence.startsWith(rest)) return i;
    }
    return text.length;
  }
}
