import { searchOfCalls } from './features/calls/search.ts';
import { askEarly, HEAD_PAGE } from './lib/early-calls.ts';

/** Asks for what the page at this address shows first, before that page's own code has come. */
export function startEarly({ pathname, search }: Location): void {
  if (!/^\/calls(?:\/|$)/.test(pathname)) return;
  const { q, tab: _, ...filter } = searchOfCalls(Object.fromEntries(new URLSearchParams(search)));
  askEarly({ limit: HEAD_PAGE, filter, ...(q === undefined ? {} : { query: q }) });
}
