import type { Comparison } from '../../../../../../bridges/contract/index.ts';

/** A piece of one side's words; `marked` where the other side lacks it. `at` is where it begins, in characters. */
export type Piece = { text: string; marked: boolean; at: number };

/** The words of both answers, each whole, from the pieces that they share and don't. */
export function sidesOf(parts: Comparison['text']['parts']): { original: Piece[]; other: Piece[] } {
  const side = (own: 'removed' | 'added'): Piece[] => {
    const pieces: Piece[] = [];
    let at = 0;
    for (const { op, text } of parts) {
      if (op !== 'same' && op !== own) continue;
      pieces.push({ text, marked: op === own, at });
      at += text.length;
    }
    return pieces;
  };
  return { original: side('removed'), other: side('added') };
}
