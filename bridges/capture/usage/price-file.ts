import { z } from 'zod';
import { writeFileAtomic } from '../../engine/files.ts';
import { DrawbridgeError } from '../../contract/errors.ts';
import type { Price } from '../../contract/index.ts';
import { Price as PriceSchema } from '../../contract/usage.ts';

/** A price table in a file: `{ "version": 1, "prices": [...] }`; docs/prices.md describes it. */
const PriceFile = z.strictObject({ version: z.literal(1), prices: z.array(PriceSchema).max(2000) });

/** Parses a price table. Throws DrawbridgeError `bad_input` naming the field. */
export function parsePrices(text: string, file: string): Price[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new DrawbridgeError('bad_input', `${file} is not valid JSON: ${error instanceof Error ? error.message : 'unreadable'}.`);
  }
  const result = PriceFile.safeParse(value);
  if (result.success) return result.data.prices;
  const [issue] = result.error.issues;
  throw new DrawbridgeError('bad_input', `${file} is wrong at "${issue?.path.join('.') ?? ''}": ${issue?.message ?? 'unknown'}.`);
}

/** Writes the user's table anew. Throws DrawbridgeError `failed` where the file can't be written. */
export function writePrices(file: string, prices: readonly Price[]): void {
  try {
    writeFileAtomic(file, `${JSON.stringify({ version: 1, prices }, null, 2)}\n`);
  } catch (error) {
    const why = error instanceof Error ? error.message : 'no reason is known';
    throw new DrawbridgeError('failed', `${file} can't be written: ${why}. Make its folder writable, then save again.`);
  }
}
