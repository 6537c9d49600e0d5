/**
 * How a body is written down: the ids of its segments and the bytes between them, in order.
 *
 *   recipe := count, count x (gap length, segment id), tail length, gap bytes, tail bytes
 *
 * All numbers are unsigned LEB128. Ids are positive integers below 2^53.
 */
export type Piece = { gap: Buffer; segment: number };

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

/** Puts a body together again. Throws RangeError where the recipe is damaged. */
export function decodeRecipe(recipe: Buffer, segment: (id: number) => Buffer): Buffer {
  let at = 0;
  const readNumber = (): number => {
    let value = 0;
    let factor = 1;
    for (;;) {
      const byte = recipe[at];
      if (byte === undefined) throw new RangeError('a stored body is damaged');
      at += 1;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 128;
    }
  };
  const count = readNumber();
  if (count > recipe.length) throw new RangeError('a stored body is damaged');
  const plan: [gap: number, id: number][] = [];
  for (let i = 0; i < count; i++) plan.push([readNumber(), readNumber()]);
  const tail = readNumber();
  const out: Buffer[] = [];
  for (const [gap, id] of plan) {
    out.push(recipe.subarray(at, at + gap), segment(id));
    at += gap;
  }
  out.push(recipe.subarray(at, at + tail));
  if (at + tail !== recipe.length) throw new RangeError('a stored body is damaged');
  return Buffer.concat(out);
}

function pushNumber(into: number[], value: number): void {
  let rest = value;
  while (rest > 127) {
    into.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  into.push(rest);
}
