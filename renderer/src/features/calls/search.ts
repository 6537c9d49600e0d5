import type { CallFilter } from '../../../../bridges/contract/index.ts';
import { filterFromSearch } from '../../lib/call-filter.ts';

/** The sides of a call that the detail pane shows. */
export const TABS = [
  { id: 'conversation', label: 'Conversation' },
  { id: 'request', label: 'Client request' },
  { id: 'reply', label: 'Client reply' },
  { id: 'upstream', label: 'Upstream' },
  { id: 'stream', label: 'Stream' },
  { id: 'headers', label: 'Headers' },
  { id: 'timing', label: 'Timing' },
] as const;
export type TabId = (typeof TABS)[number]['id'];

/** What stands in the URL of the calls page: the filter, and the open tab where it is not the first. */
export type CallsSearch = CallFilter & { tab?: TabId };

/** Reads the URL; what is not known is left out. */
export function searchOfCalls(search: Record<string, unknown>): CallsSearch {
  const tab = TABS.find(({ id }) => id === search['tab'])?.id;
  return { ...filterFromSearch(search), ...(tab === undefined || tab === 'conversation' ? {} : { tab }) };
}
