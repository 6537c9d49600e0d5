import type { Call, CallFilter } from '../../../bridges/contract/index.ts';

const OUTCOMES = ['ok', 'failed', 'open'] as const;
const TEXT_KEYS = ['text', 'client', 'caller', 'upstream', 'model'] as const;

/** The filter as it stands in the URL. What is not ours or empty is left out. */
export function filterFromSearch(search: Readonly<Record<string, unknown>>): CallFilter {
  const filter: CallFilter = {};
  for (const key of TEXT_KEYS) {
    const value = search[key];
    if (typeof value === 'string' && value !== '') filter[key] = value;
  }
  const outcome = OUTCOMES.find((known) => known === search['outcome']);
  if (outcome) filter.outcome = outcome;
  return filter;
}

/** True where nothing is filtered. */
export function isEmptyFilter(filter: CallFilter): boolean {
  return Object.keys(filter).length === 0;
}

/** The engine's own rule, for rows that arrive live. */
export function matches(call: Call, filter: CallFilter): boolean {
  if (filter.client !== undefined && call.client !== filter.client) return false;
  if (filter.caller !== undefined && call.caller !== filter.caller) return false;
  if (filter.upstream !== undefined && call.upstream !== filter.upstream) return false;
  if (filter.model !== undefined && call.modelRequested !== filter.model && call.modelUsed !== filter.model) return false;
  if (filter.outcome !== undefined && outcomeOf(call) !== filter.outcome) return false;
  if (filter.text === undefined) return true;
  const wanted = filter.text.toLowerCase();
  const places = [call.modelRequested, call.modelUsed, call.path, call.caller, call.client, call.upstream];
  return places.some((place) => place?.toLowerCase().includes(wanted));
}

/** `ok` is below 400, `failed` is 400 and above or cut, `open` is still running. */
export function outcomeOf(call: Call): 'ok' | 'failed' | 'open' {
  if (call.state === 'open') return 'open';
  return call.cut || call.state === 'cut' || call.status === null || call.status >= 400 ? 'failed' : 'ok';
}
