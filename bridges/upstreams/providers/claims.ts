import type { Provider } from '../../contract/index.ts';
import { matches } from '../pattern.ts';

/** The provider that a model's name leads to, `NAME/MODEL`; undefined where it leads to none. Pure. */
export function namedIn(model: string, providers: readonly Provider[]): Provider | undefined {
  const end = model.indexOf('/');
  return end < 0 ? undefined : providers.find(({ name }) => name.length === end && model.startsWith(name));
}

/** A model as its provider knows it: without the provider's own name before it. Pure. */
export function bareName(model: string, provider: string): string {
  return model.startsWith(`${provider}/`) ? model.slice(provider.length + 1) : model;
}

/** The provider that claims a model under its bare name: by priority, then the pattern that says most, then the order. Pure. */
export function claimantOf(model: string, providers: readonly Provider[]): Provider | undefined {
  let best: { provider: Provider; said: number } | undefined;
  for (const provider of providers) {
    for (const pattern of provider.models) {
      if (!matches(pattern, model)) continue;
      const said = saidBy(pattern);
      const more = best === undefined || provider.priority - best.provider.priority || said - best.said;
      if (more === true || more > 0) best = { provider, said };
    }
  }
  return best?.provider;
}

/** What several claim with the same right, in words. Pure. */
export function overlapsOf(providers: readonly Provider[]): string[] {
  const claimed = new Map<string, string>();
  return providers.flatMap(({ name, models, priority }) =>
    [...new Set(models)].flatMap((pattern) => {
      const claim = `${priority} ${pattern}`;
      const other = claimed.get(claim);
      claimed.set(claim, other ?? name);
      return other === undefined ? [] : [`"${other}" and "${name}" both serve ${pattern}; "${other}" gets it.`];
    }),
  );
}

/** Characters of a pattern that a name must have. */
function saidBy(pattern: string): number {
  return pattern.replaceAll('*', '').length;
}
