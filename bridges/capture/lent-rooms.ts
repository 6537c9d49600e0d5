import type { CaptureRecord } from './record.ts';

/** The serving thread's memory that bodies of records stand in. It may be used again once nothing here refers to it. */
export class LentRooms {
  readonly #lent = new Map<number, ArrayBufferLike>();

  add(records: readonly CaptureRecord[]): void {
    for (const { sides } of records) {
      for (const { body, room: own } of sides) {
        const [piece] = body ?? [];
        if (own !== undefined && piece !== undefined) this.#lent.set(own, piece.buffer);
      }
    }
  }

  /** Those not among what is held; they are not lent any more. Most batches lend nothing. */
  unused(holds: () => ReadonlySet<ArrayBufferLike>): number[] {
    if (this.#lent.size === 0) return [];
    const held = holds();
    const unused: number[] = [];
    for (const [room, memory] of this.#lent) if (!held.has(memory) && this.#lent.delete(room)) unused.push(room);
    return unused;
  }
}
