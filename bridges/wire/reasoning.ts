/** What stands between the paragraph groups of reasoning where a format has one text for them all. */
export const SECTION_BREAK = '\n\n';

/** The effort that comes closest to a budget of thinking tokens, for formats that know efforts alone. */
export function effortFor(budgetTokens: number): 'low' | 'medium' | 'high' {
  if (budgetTokens <= 4096) return 'low';
  return budgetTokens <= 16_384 ? 'medium' : 'high';
}
