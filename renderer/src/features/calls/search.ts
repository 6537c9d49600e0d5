import type { CallFilter } from '../../../../bridges/contract/index.ts';
import { quotedWhereNeeded } from '../../../../bridges/contract/query.ts';
import { filterFromSearch } from '../../lib/call-filter.ts';

/** The sides of a call that the detail pane shows. */
export const TABS = [
  { id: 'summary', label: 'Summary' },
  { id: 'conversation', label: 'Conversation' },
  { id: 'request', label: 'Request' },
  { id: 'reply', label: 'Reply' },
  { id: 'stream', label: 'Stream' },
  { id: 'headers', label: 'Headers' },
  { id: 'timing', label: 'Timing' },
  { id: 'why', label: 'Why' },
] as const;
export type TabId = (typeof TABS)[number]['id'];

export const FIRST_TAB: TabId = 'conversation';

/** What stands in the URL of the calls page: the query, the filter, and the open tab where it is not the usual one. */
export type CallsSearch = Omit<CallFilter, 'text'> & { q?: string; tab?: TabId };

/** Reads the URL; what is not known is left out. */
export function searchOfCalls(search: Record<string, unknown>): CallsSearch {
  const tab = TABS.find(({ id }) => id === search['tab'])?.id;
  return { ...listOf(search), ...(tab === undefined || tab === FIRST_TAB ? {} : { tab }) };
}

/** The same calls in the query language, for whoever knows no filter. */
export function queryOf({ q, outcome, client, caller, upstream, model }: Omit<CallsSearch, 'tab'>): string {
  const fields = Object.entries({ client, caller, upstream, model }).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}:${quotedWhereNeeded(value)}`],
  );
  return [...(outcome === undefined ? [] : [`is:${outcome}`]), ...fields, ...(q === undefined || q === '' ? [] : [q])].join(' ');
}

/** What of the URL tells which calls are listed. A plain `text` becomes the query. */
export function listOf(search: Record<string, unknown>): Omit<CallsSearch, 'tab'> {
  const { text, ...filter } = filterFromSearch(search);
  const typed = search['q'];
  const q = typeof typed === 'string' && typed.trim() !== '' ? typed : text === undefined ? undefined : quotedWhereNeeded(text);
  return { ...filter, ...(q === undefined ? {} : { q }) };
}
