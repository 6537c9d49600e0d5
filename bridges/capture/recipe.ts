import { pushNumber, Reader } from './numbers.ts';

/**
 * How a body is written down: the ids of its segments and the bytes between them, in order.
 *
 *   recipe := count, count x (gap length, piece), tail length, bytes of the gaps (after each its piece's own), tail bytes
 *   piece  := segment id | 0, segment id, bytes kept of its beginning, bytes kept of its end, length of its own between
 *
 * All numbers are unsigned LEB128. Ids are positive integers below 2^53.
 */
export type Piece = { gap: Buffer; segment: number; cut?: Cut | undefined };

/**
 * A segment told by another: how many bytes at the beginning and at the end are that one's, and those between. Clients
 * mark the last message for the provider's cache and move the mark with each turn: the message comes again, nearly as
 * it was.
 */
export type Cut = { start: number; end: number; own: Buffer };

export type Recipe = { pieces: Piece[]; tail: Buffer };

export function encodeRecipe(pieces: readonly Piece[], tail: Buffer): Buffer {
  const numbers: number[] = [];
  pushNumber(numbers, pieces.length);
  for (const piece of pieces) {
    pushNumber(numbers, piece.gap.length);
    if (piece.cut !== undefined) pushNumber(numbers, 0);
    pushNumber(numbers, piece.segment);
    if (piece.cut === undefined) continue;
    pushNumber(numbers, piece.cut.start);
    pushNumber(numbers, piece.cut.end);
    pushNumber(numbers, piece.cut.own.length);
  }
  pushNumber(numbers, tail.length);
  const bytes = pieces.flatMap(({ gap, cut }) => (cut === undefined ? [gap] : [gap, cut.own]));
  return Buffer.concat([Buffer.from(numbers), ...bytes, tail]);
}

/** Throws RangeError where the recipe is damaged. */
export function decodeRecipe(recipe: Buffer): Recipe {
  const reader = new Reader(recipe);
  const count = reader.number();
  if (count > recipe.length) throw new RangeError('a stored body is damaged');
  const plan: { gap: number; segment: number; cut: [start: number, end: number, own: number] | undefined }[] = [];
  for (let i = 0; i < count; i++) {
    const gap = reader.number();
    const id = reader.number();
    if (id > 0) plan.push({ gap, segment: id, cut: undefined });
    else plan.push({ gap, segment: reader.number(), cut: [reader.number(), reader.number(), reader.number()] });
  }
  const tail = reader.number();
  const pieces = plan.map(({ gap, segment, cut }) => ({
    gap: reader.bytes(gap),
    segment,
    ...(cut === undefined ? {} : { cut: { start: cut[0], end: cut[1], own: reader.bytes(cut[2]) } }),
  }));
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
  return Buffer.concat([...pieces.flatMap((piece) => [piece.gap, ...partsOf(piece, segment(piece.segment))]), tail]);
}

function partsOf({ cut }: Piece, segment: Buffer): Buffer[] {
  return cut === undefined ? [segment] : [segment.subarray(0, cut.start), cut.own, segment.subarray(segment.length - cut.end)];
}
