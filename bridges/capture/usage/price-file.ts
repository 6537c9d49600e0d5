import { z } from 'zod';
import { parseJson, readIfThere, replaceBroken, writeFileAtomic } from '../../engine/files.ts';
import { DrawbridgeError } from '../../contract/errors.ts';
import type { Price } from '../../contract/index.ts';
import { Price as PriceSchema } from '../../contract/usage.ts';

/** A price table in a file: `{ "version": 1, "prices": [...] }`; docs/prices.md describes it. */
const PriceFile = z.strictObject({ version: z.literal(1), prices: z.array(PriceSchema).max(2000) });

/** Parses a price table. Throws DrawbridgeError `bad_input` naming the field. */
export function parsePrices(text: string, file: string): Price[] {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    throw new DrawbridgeError('bad_input', `${file} is not valid JSON: ${error instanceof Error ? error.message : 'unreadable'}.`);
  }
  const result = PriceFile.safeParse(value);
  if (result.success) return result.data.prices;
  const [issue] = result.error.issues;
  throw new DrawbridgeError('bad_input', `${file} is wrong at "${issue?.path.join('.') ?? ''}": ${issue?.message ?? 'unknown'}.`);
}

/**
 * Writes the user's table anew. A file that can't be understood is kept beside it: a slip in it must not cost the rest.
 * `now` in Unix milliseconds. Throws DrawbridgeError `failed` where the file can't be written.
 */
export function writePrices(file: string, prices: readonly Price[], now: number): void {
  const text = `${JSON.stringify({ version: 1, prices }, null, 2)}\n`;
  if (isBroken(file)) replaceBroken(file, text, now);
  else writeFileAtomic(file, text);
}

function isBroken(file: string): boolean {
  try {
    const text = readIfThere(file);
    if (text !== undefined) parsePrices(text, file);
    return false;
  } catch {
    return true;
  }
}
