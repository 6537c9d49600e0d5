import type { Cost, Price } from '../../contract/index.ts';
import builtIn from '../../../resources/prices.json' with { type: 'json' };

export type KnownPrice = Price & { from: 'built-in' | 'user' };

/** How a call is paid for. */
export const BILLING = ['use', 'plan', 'free'] as const;
export type Billing = (typeof BILLING)[number];

/** Sums of calls of one model that are paid for alike; null where none of them told. */
export type Spent = {
  model: string | null;
  billing: Billing;
  calls: number;
  /** Calls that told no counts; those that were refused need not. */
  uncounted: number;
  input: number | null;
  cached: number | null;
  cacheWrite: number | null;
  output: number | null;
};

/** Prices for models by their names: the user's before ours, the longest pattern before shorter ones. */
export class PriceTable {
  readonly prices: readonly KnownPrice[];
  readonly #found = new Map<string, KnownPrice | null>();

  constructor(ofUser: readonly Price[] = []) {
    this.prices = [
      ...ofUser.map((price): KnownPrice => ({ ...price, from: 'user' })),
      ...builtIn.prices.map((price): KnownPrice => ({ ...price, from: 'built-in' })),
    ];
  }

  /** The price of a model; null where there is none. A provider's name before the model's (`openai/...`) is ignored. */
  of(model: string): KnownPrice | null {
    const kept = this.#found.get(model);
    if (kept !== undefined) return kept;
    const name = model.slice(model.lastIndexOf('/') + 1);
    let best: KnownPrice | null = null;
    for (const price of this.prices) {
      if (!matches(price.model, name) && !matches(price.model, model)) continue;
      if (best === null || (price.from === best.from && price.model.length > best.model.length)) best = price;
    }
    if (this.#found.size > 1000) this.#found.clear();
    this.#found.set(model, best);
    return best;
  }

  /** What calls cost. An unknown price or an untold count never counts as nothing: `complete` is false then. */
  cost(spent: readonly Spent[]): Cost {
    let usd: number | null = null;
    let complete = true;
    const labels = new Set<'list price' | 'plan'>();
    for (const one of spent) {
      if (one.calls === 0) continue;
      if (one.billing === 'plan') labels.add('plan');
      if (one.billing !== 'free' && wasRefused(one)) continue;
      const dollars = one.billing === 'free' ? 0 : this.#dollars(one);
      if (dollars === null) complete = false;
      else {
        usd = (usd ?? 0) + dollars;
        if (one.billing !== 'plan') labels.add('list price');
      }
      if (one.uncounted > 0 && one.billing !== 'free') complete = false;
    }
    const [label = 'unknown'] = labels;
    return { usd, label: labels.size > 1 ? 'mixed' : label, complete: complete && usd !== null };
  }

  #dollars({ model, input, cached, cacheWrite, output }: Spent): number | null {
    const price = model === null ? null : this.of(model);
    if (price === null || input === null || output === null) return null;
    const parts: [number, number | null][] = [
      [Math.max(0, input - (cached ?? 0) - (cacheWrite ?? 0)), price.input],
      [cached ?? 0, price.cached],
      [cacheWrite ?? 0, price.cacheWrite],
      [output, price.output],
    ];
    let sum = 0;
    for (const [tokens, each] of parts) {
      if (tokens === 0) continue;
      if (each === null) return null;
      sum += (tokens / 1_000_000) * each;
    }
    return sum;
  }
}

/** No call of them told counts, and none of them had to. */
function wasRefused({ uncounted, input, output }: Spent): boolean {
  return uncounted === 0 && input === null && output === null;
}

function matches(pattern: string, name: string): boolean {
  const parts = pattern.toLowerCase().split('*');
  const text = name.toLowerCase();
  const [first = '', ...rest] = parts;
  if (!text.startsWith(first)) return false;
  if (rest.length === 0) return text === first;
  let at = first.length;
  for (const part of rest.slice(0, -1)) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  const last = rest.at(-1) ?? '';
  return text.length - last.length >= at && text.endsWith(last);
}
