import type { Clock } from './clock.ts';

/** Shared memory for one large body. `bytes` is as long as the body. */
export type Room = { readonly id: number; readonly bytes: Buffer; readonly memory: SharedArrayBuffer };

/**
 * Memory that large bodies are received into, used again once nobody reads them: the system clears fresh memory page by
 * page, which costs more than everything else that is done with such a body, and V8 collects garbage for it. For that
 * same reason it is shared with the capture worker, and not handed over.
 */
export type Rooms = {
  /** `length` in bytes. They hold whatever they held. */
  take(length: number): Room;
  /** Nobody reads or writes this room any more. One that is not given back is the garbage collector's. */
  give(room: Room): void;
  stop(): void;
};

/**
 * Writes a piece into such memory. Not by `copy` or `set`: V8 writes shared memory word by word then, at a fraction of the
 * speed.
 */
export function fillAt(memory: Buffer, piece: Uint8Array, at: number): void {
  // An empty piece can't be filled with.
  if (piece.length > 0) memory.fill(piece, at, at + piece.length);
}

/** Rooms are a multiple of this. */
const STEP = 64 * 1024;
/** So much more than is wanted: the next turn of a conversation is a little longer. */
const MORE = 1.125;
/** Bytes kept for later at most. */
const MOST_FREE = 64 * 1024 * 1024;
/** What nobody wanted for this long is let go. Milliseconds. */
const REST_MS = 10_000;

export function createRooms(clock: Pick<Clock, 'monotonic'>): Rooms {
  let free: { memory: SharedArrayBuffer; since: number }[] = [];
  let timer: NodeJS.Timeout | undefined;
  let last = 0;

  const rest = (): void => {
    const now = clock.monotonic();
    free = free.filter(({ since }) => now - since < REST_MS);
    timer = free.length === 0 ? undefined : later();
  };
  const later = (): NodeJS.Timeout => setTimeout(rest, REST_MS).unref();

  return {
    take(length) {
      last += 1;
      let best = -1;
      for (const [i, { memory }] of free.entries()) {
        const fits = memory.byteLength >= length && memory.byteLength < 4 * (length + STEP);
        if (fits && memory.byteLength < (free[best]?.memory.byteLength ?? Infinity)) best = i;
      }
      const [found] = best < 0 ? [] : free.splice(best, 1);
      const memory = found?.memory ?? new SharedArrayBuffer(Math.ceil((length * MORE) / STEP) * STEP);
      return { id: last, bytes: Buffer.from(memory, 0, length), memory };
    },
    give({ memory }) {
      free.push({ memory, since: clock.monotonic() });
      let bytes = 0;
      for (const one of free) bytes += one.memory.byteLength;
      while (bytes > MOST_FREE) bytes -= free.shift()?.memory.byteLength ?? Infinity;
      timer ??= later();
    },
    stop() {
      clearTimeout(timer);
      free = [];
    },
  };
}
