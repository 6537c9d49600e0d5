import type { TurnEvent } from './turn.ts';

type ItemEvent = Extract<TurnEvent, { item: number }>;

/**
 * Puts the events of open items one after another, for formats whose items never interleave. The item that began first
 * passes through at once; those that began while it was open are held until it ends.
 */
export class InOrder {
  #open: number | undefined;
  /** What is held, by item, in the order in which the items began. */
  readonly #held = new Map<number, ItemEvent[]>();

  /** Returns the events that may pass now. Events of an item that is over, or never began, are dropped. */
  push(event: TurnEvent): TurnEvent[] {
    switch (event.type) {
      case 'item_start':
      case 'item':
        return this.#begin(event);
      case 'delta':
      case 'reasoning_break':
        if (event.item === this.#open) return [event];
        return this.#hold(event);
      case 'item_end':
        if (event.item !== this.#open) return this.#hold(event);
        this.#open = undefined;
        return [event, ...this.#release()];
      case 'end':
        return [...this.#releaseAll(), event];
      case 'start':
      case 'usage':
      case 'keep_alive':
      case 'error':
      case 'cut':
        return [event];
    }
  }

  #begin(event: ItemEvent): TurnEvent[] {
    if (this.#open !== undefined) {
      this.#held.set(event.item, [event]);
      return [];
    }
    if (event.type === 'item_start') this.#open = event.item;
    return [event];
  }

  #hold(event: ItemEvent): TurnEvent[] {
    const held = this.#held.get(event.item);
    if (held !== undefined && !isOver(held)) held.push(event);
    return [];
  }

  /** Lets held items out, up to and including the first that is not over yet: that one is open from now on. */
  #release(): TurnEvent[] {
    const events: TurnEvent[] = [];
    for (const [item, held] of this.#held) {
      this.#held.delete(item);
      for (const event of held) events.push(event);
      if (!isOver(held)) {
        this.#open = item;
        break;
      }
    }
    return events;
  }

  #releaseAll(): TurnEvent[] {
    const events = [...this.#held.values()].flat();
    this.#held.clear();
    this.#open = undefined;
    return events;
  }
}

function isOver(held: readonly ItemEvent[]): boolean {
  const last = held.at(-1)?.type;
  return last === 'item_end' || last === 'item';
}
