import { DrawbridgeError } from '../contract/errors.ts';
import type { EngineEvent } from '../contract/index.ts';

/** A listener that falls further behind than this is cut off; it asks for everything anew when it comes back. */
const MAX_QUEUE = 1_000;
const BEHIND = 'More happened than was read, so some of it was left out. Ask again for what comes from now on.';

/** Tells everyone who listens what happened. One that listens slowly holds nobody else up. */
export class Bus<T extends object> {
  readonly #listeners = new Set<(event: T | undefined) => void>();
  readonly #whileHeard: () => () => void;
  #unheard: (() => void) | undefined;

  /** `whileHeard` runs when the first reader comes; what it returns runs once the last has left. */
  constructor(whileHeard: () => () => void = () => () => {}) {
    this.#whileHeard = whileHeard;
  }

  emit(event: T): void {
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

  /**
   * What `first` gives at the moment of listening, then events from there on without a gap, until `signal` aborts or the
   * bus closes. Throws DrawbridgeError `failed` where the reader falls too far behind.
   */
  async *subscribe(signal: AbortSignal | undefined, first: () => readonly T[] = () => []): AsyncGenerator<T, void, void> {
    const queue: T[] = [];
    let wake: (() => void) | undefined;
    let over = false;
    let behind = false;
    const listener = (event: T | undefined): void => {
      if (event === undefined) over = true;
      else if (queue.length >= MAX_QUEUE) behind = true;
      else if (!behind) queue.push(event);
      wake?.();
    };
    const onAbort = (): void => listener(undefined);
    this.#listeners.add(listener);
    this.#settle();
    signal?.addEventListener('abort', onAbort);
    // It is read from later than it was asked for: the signal may have come in between.
    if (signal?.aborted === true) onAbort();
    try {
      yield* first();
      for (;;) {
        const next = queue.shift();
        if (next !== undefined) yield next;
        else if (behind) throw new DrawbridgeError('failed', BEHIND);
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

/** The engine's own bus. */
export class EventBus extends Bus<EngineEvent> {
  /** The first event tells the reader that it is heard; what happened before is for a query to tell. */
  override subscribe(signal: AbortSignal | undefined): AsyncGenerator<EngineEvent, void, void> {
    return super.subscribe(signal, () => [{ type: 'status' }]);
  }
}
