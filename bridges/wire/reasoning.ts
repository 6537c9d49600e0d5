/** What stands between the paragraph groups of reasoning where a format has one text for them all. */
export const SECTION_BREAK = '\n\n';

/** The effort that comes closest to a budget of thinking tokens, for formats that know efforts alone. */
export function effortFor(budgetTokens: number): 'low' | 'medium' | 'high' {
  if (budgetTokens <= 4096) return 'low';
  return budgetTokens <= 16_384 ? 'medium' : 'high';
}

/** Tokens to think with, where a format or a model knows no effort. */
const BUDGETS: Readonly<Record<string, number>> = { minimal: 1024, low: 4096, medium: 10_000, high: 24_000, xhigh: 32_000, max: 32_000 };

/** The budget of thinking tokens that stands for an effort, and for none the medium one; undefined for a word that is not known. */
export function budgetFor(effort = 'medium'): number | undefined {
  return BUDGETS[effort];
}

const EFFORTS = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'];

/**
 * The effort closest to the one that is wanted among those that a model takes: the next below, or the least. Who wants some
 * is not given `none`. Undefined where the model takes none, or the word is not known.
 */
export function nearestEffort(wanted: string, taken: readonly string[]): string | undefined {
  if (taken.includes(wanted)) return wanted;
  const rank = EFFORTS.indexOf(wanted);
  if (rank < 0) return undefined;
  const some = taken.filter((effort) => effort !== 'none');
  return some.findLast((effort) => EFFORTS.indexOf(effort) <= rank) ?? some[0];
}
