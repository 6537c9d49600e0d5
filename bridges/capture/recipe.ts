import { pushNumber, Reader } from './numbers.ts';

/**
 * How a body is written down: the ids of its segments and the bytes between them, in order.
 *
 *   recipe := count, count x (gap length, segment id), tail length, gap bytes, tail bytes
 *
 * All numbers are unsigned LEB128. Ids are positive integers below 2^53.
 */
export type Piece = { gap: Buffer; segment: number };

export type Recipe = { pieces: Piece[]; tail: Buffer };

export function encodeRecipe(pieces: readonly Piece[], tail: Buffer): Buffer {
  const numbers: number[] = [];
  pushNumber(numbers, pieces.length);
  for (const piece of pieces) {
    pushNumber(numbers, piece.gap.length);
    pushNumber(numbers, piece.segment);
  }
  pushNumber(numbers, tail.length);
  return Buffer.concat([Buffer.from(numbers), ...pieces.map((piece) => piece.gap), tail]);
}

/** Throws RangeError where the recipe is damaged. */
export function decodeRecipe(recipe: Buffer): Recipe {
  const reader = new Reader(recipe);
  const count = reader.number();
  if (count > recipe.length) throw new RangeError('a stored body is damaged');
  const plan: [gap: number, id: number][] = [];
  for (let i = 0; i < count; i++) plan.push([reader.number(), reader.number()]);
  const tail = reader.number();
  const pieces = plan.map(([gap, segment]) => ({ gap: reader.bytes(gap), segment }));
  if (reader.left !== tail) throw new RangeError('a stored body is damaged');
  return { pieces, tail: reader.rest() };
}

/**
 * A recipe that begins as another one does: how many of that one's pieces come first, then a recipe of the rest. Each
 * request of a conversation is kept this way on top of the one before it.
 */
export function encodeDelta(keep: number, pieces: readonly Piece[], tail: Buffer): Buffer {
  const numbers: number[] = [];
  pushNumber(numbers, keep);
  return Buffer.concat([Buffer.from(numbers), encodeRecipe(pieces, tail)]);
}

export function decodeDelta(delta: Buffer): Recipe & { keep: number } {
  const reader = new Reader(delta);
  const keep = reader.number();
  return { keep, ...decodeRecipe(reader.rest()) };
}

/** Puts a body together again. */
export function assemble({ pieces, tail }: Recipe, segment: (id: number) => Buffer): Buffer {
  return Buffer.concat([...pieces.flatMap((piece) => [piece.gap, segment(piece.segment)]), tail]);
}
