import { pushNumber, Reader } from './numbers.ts';

/**
 * How a body is written down: the ids of its segments and the bytes between them, in order.
 *
 *   recipe := count, count x (gap length, piece), tail length, bytes of the gaps (after each its piece's own), tail bytes
 *   piece  := segment id | 0, segment id, bytes kept of its beginning, bytes kept of its end, length of its own between
 *           | 0, 0, first, how many
 *
 * All numbers are unsigned LEB128. Ids are positive integers below 2^53. The last kind stands in a delta alone.
 */
export type Piece = { gap: Buffer; segment: number; cut?: Cut | undefined };

/**
 * A segment told by another: how many bytes at the beginning and at the end are that one's, and those between. Clients
 * mark the last message for the provider's cache and move the mark with each turn: the message comes again, nearly as
 * it was.
 */
export type Cut = { start: number; end: number; own: Buffer };

export type Recipe = { pieces: Piece[]; tail: Buffer };

/**
 * Pieces of the recipe that a delta stands on, one after the other: some clients send their system prompt and their tools
 * behind the history. `gap` is what comes before the first of them.
 */
export type Again = { gap: Buffer; first: number; count: number };

/**
 * A recipe that begins as another one does: how many of that one's pieces come first, then a recipe of the rest. Each
 * request of a conversation is kept this way on top of the one before it.
 */
export type Delta = { keep: number; pieces: (Piece | Again)[]; tail: Buffer };

export function encodeRecipe(pieces: readonly Piece[], tail: Buffer): Buffer {
  return encode([], pieces, tail);
}

export function encodeDelta({ keep, pieces, tail }: Delta): Buffer {
  const numbers: number[] = [];
  pushNumber(numbers, keep);
  return encode(numbers, pieces, tail);
}

function encode(numbers: number[], pieces: readonly (Piece | Again)[], tail: Buffer): Buffer {
  const bytes: Buffer[] = [];
  pushNumber(numbers, pieces.length);
  for (const piece of pieces) {
    pushNumber(numbers, piece.gap.length);
    bytes.push(piece.gap);
    for (const number of numbersOf(piece)) pushNumber(numbers, number);
    if ('cut' in piece && piece.cut !== undefined) bytes.push(piece.cut.own);
  }
  pushNumber(numbers, tail.length);
  return Buffer.concat([Buffer.from(numbers), ...bytes, tail]);
}

function numbersOf(piece: Piece | Again): number[] {
  if ('first' in piece) return [0, 0, piece.first, piece.count];
  const { segment, cut } = piece;
  return cut === undefined ? [segment] : [0, segment, cut.start, cut.end, cut.own.length];
}

/** Throws RangeError where the recipe is damaged. */
export function decodeRecipe(recipe: Buffer): Recipe {
  const { pieces, tail } = decode(new Reader(recipe));
  return { pieces: applied({ keep: 0, pieces }, []), tail };
}

/** A stored recipe, whether or not it stands on another one. Throws RangeError where it is damaged. */
export function decodeEither(standsOn: number | null, encoded: Buffer): Delta {
  return standsOn === null ? { keep: 0, ...decodeRecipe(encoded) } : decodeDelta(encoded);
}

/** Throws RangeError where the delta is damaged. */
export function decodeDelta(delta: Buffer): Delta {
  const reader = new Reader(delta);
  const keep = reader.number();
  return { keep, ...decode(reader) };
}

function decode(reader: Reader): Omit<Delta, 'keep'> {
  const count = reader.number();
  if (count > reader.left) throw damaged();
  const plan = Array.from({ length: count }, () => ({ gap: reader.number(), ...planNext(reader) }));
  const tail = reader.number();
  const pieces = plan.map(({ gap, piece, own }) => {
    const before = { gap: reader.bytes(gap) };
    if ('first' in piece) return { ...before, ...piece };
    const { segment, cut } = piece;
    return { ...before, segment, ...(cut === undefined ? {} : { cut: { ...cut, own: reader.bytes(own) } }) };
  });
  if (reader.left !== tail) throw damaged();
  return { pieces, tail: reader.rest() };
}

type Planned = { segment: number; cut?: Omit<Cut, 'own'> } | Omit<Again, 'gap'>;

/** A piece but for its bytes, and how many of its own it has. */
function planNext(reader: Reader): { piece: Planned; own: number } {
  const id = reader.number();
  if (id > 0) return { piece: { segment: id }, own: 0 };
  const segment = reader.number();
  if (segment === 0) return { piece: { first: reader.number(), count: reader.number() }, own: 0 };
  return { piece: { segment, cut: { start: reader.number(), end: reader.number() } }, own: reader.number() };
}

/** No body that is kept has as many. */
const MOST_PIECES = 1_000_000;

/** All pieces of a delta's recipe; `base` are those of the one it stands on. Throws RangeError where they are not there. */
export function applied({ keep, pieces }: Pick<Delta, 'keep' | 'pieces'>, base: readonly Piece[]): Piece[] {
  const all = base.slice(0, keep);
  for (const piece of pieces) {
    if (!('first' in piece)) all.push(piece);
    else {
      const [first, ...others] = base.slice(piece.first, piece.first + piece.count);
      if (first === undefined || others.length + 1 !== piece.count || all.length + piece.count > MOST_PIECES) throw damaged();
      all.push({ ...first, gap: piece.gap });
      for (const other of others) all.push(other);
    }
  }
  return all;
}

/**
 * What is needed of a delta of whose recipe the first `reach` pieces are called for; Infinity: all of it. `base` gives the pieces
 * it stands on where nothing else calls for those: what it repeats of them is then told by itself, so that none has to stay
 * but for those it keeps. `changed`: it is not as it was.
 */
export function neededOf(delta: Delta, reach: number, base: (() => readonly Piece[]) | undefined): Delta & { changed: boolean } {
  const repeats = base !== undefined && delta.pieces.some((piece) => 'first' in piece);
  const pieces = repeats ? applied({ keep: 0, pieces: delta.pieces }, base()) : delta.pieces;
  if (reach === Infinity) return { ...delta, pieces, changed: repeats };
  const own = firstOf(pieces, Math.max(0, reach - delta.keep));
  const changed = repeats || countOf(own) < countOf(pieces) || delta.tail.length > 0;
  return { keep: Math.min(delta.keep, reach), pieces: own, tail: Buffer.alloc(0), changed };
}

function firstOf(pieces: Delta['pieces'], most: number): Delta['pieces'] {
  const found: Delta['pieces'] = [];
  let left = most;
  for (const piece of pieces) {
    if (left === 0) break;
    const taken = Math.min(sizeOf(piece), left);
    found.push('first' in piece ? { ...piece, count: taken } : piece);
    left -= taken;
  }
  return found;
}

function countOf(pieces: Delta['pieces']): number {
  return pieces.reduce((sum, piece) => sum + sizeOf(piece), 0);
}

function sizeOf(piece: Piece | Again): number {
  return 'first' in piece ? piece.count : 1;
}

function damaged(): RangeError {
  return new RangeError('a stored body is damaged');
}

/** Puts a body together again. */
export function assemble({ pieces, tail }: Recipe, segment: (id: number) => Buffer): Buffer {
  return Buffer.concat([...pieces.flatMap((piece) => [piece.gap, ...partsOf(piece, segment(piece.segment))]), tail]);
}

function partsOf({ cut }: Piece, segment: Buffer): Buffer[] {
  return cut === undefined ? [segment] : [segment.subarray(0, cut.start), cut.own, segment.subarray(segment.length - cut.end)];
}
