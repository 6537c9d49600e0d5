import type { EngineEvent } from '../contract/index.ts';

/** A listener that falls further behind than this is cut off; it asks for everything anew when it comes back. */
const MAX_QUEUE = 1_000;

/** Tells everyone who listens what happened. One that listens slowly holds nobody else up. */
export class EventBus {
  readonly #listeners = new Set<(event: EngineEvent | undefined) => void>();
  readonly #whileHeard: () => () => void;
  #unheard: (() => void) | undefined;

  /** `whileHeard` runs when the first reader comes; what it returns runs once the last has left. */
  constructor(whileHeard: () => () => void = () => () => {}) {
    this.#whileHeard = whileHeard;
  }

  emit(event: EngineEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** Ends every subscription. */
  close(): void {
    for (const listener of this.#listeners) listener(undefined);
    this.#listeners.clear();
    this.#settle();
  }

  #settle(): void {
    if (this.#listeners.size > 0) this.#unheard ??= this.#whileHeard();
    else {
      this.#unheard?.();
      this.#unheard = undefined;
    }
  }

  /** Events from now on, until `signal` aborts, the bus closes, or the reader falls too far behind. */
  async *subscribe(signal: AbortSignal | undefined): AsyncGenerator<EngineEvent, void, void> {
    const queue: EngineEvent[] = [];
    let wake: (() => void) | undefined;
    let over = false;
    const listener = (event: EngineEvent | undefined): void => {
      if (event === undefined || queue.length >= MAX_QUEUE) over = true;
      else queue.push(event);
      wake?.();
    };
    const onAbort = (): void => listener(undefined);
    this.#listeners.add(listener);
    this.#settle();
    signal?.addEventListener('abort', onAbort);
    try {
      // The first answer tells the reader that it is heard; what happened before is for a query to tell.
      yield { type: 'status' };
      for (;;) {
        const next = queue.shift();
        if (next !== undefined) yield next;
        else if (over) return;
        else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          wake = undefined;
        }
      }
    } finally {
      this.#listeners.delete(listener);
      this.#settle();
      signal?.removeEventListener('abort', onAbort);
    }
  }
}
