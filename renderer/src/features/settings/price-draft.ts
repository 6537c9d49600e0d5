import type { Price } from '../../../../bridges/contract/index.ts';

/** A price as it is typed: amounts in dollars for a million tokens, empty where unknown. */
export type PriceDraft = { model: string; input: string; cached: string; cacheWrite: string; output: string };

export const EMPTY_PRICE: PriceDraft = { model: '', input: '', cached: '', cacheWrite: '', output: '' };

/** The price that was typed; null while it is none yet: a model is missing, all amounts are, or one is no number. */
export function priceOf(draft: PriceDraft): Omit<Price, 'date'> | null {
  const model = draft.model.trim();
  const [input, cached, cacheWrite, output] = [draft.input, draft.cached, draft.cacheWrite, draft.output].map(amountOf);
  if (model === '' || input === undefined || cached === undefined || cacheWrite === undefined || output === undefined) return null;
  if (input === null && cached === null && cacheWrite === null && output === null) return null;
  return { model, input, cached, cacheWrite, output, source: 'typed in the settings' };
}

/** Null where nothing was typed, undefined where it is no amount. */
function amountOf(text: string): number | null | undefined {
  const plain = text.trim().replace(',', '.');
  if (plain === '') return null;
  return /^(?:\d+\.?\d*|\.\d+)$/.test(plain) ? Number(plain) : undefined;
}
