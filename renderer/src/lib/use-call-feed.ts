import { useEffect, useMemo, useSyncExternalStore } from 'react';
import type { CallFilter } from '../../../bridges/contract/index.ts';
import { client } from '../host.ts';
import { CallFeed, type FeedView } from './call-feed.ts';
import { matches } from './call-filter.ts';
import { onCalls } from './live.ts';

/** The calls that pass the filter, kept live while the component is shown. */
export function useCallFeed(filter: CallFilter, headPage: number): { feed: CallFeed; view: FeedView } {
  // A filter is a fresh object on each render; its text is what tells two apart.
  const key = JSON.stringify(filter);
  const feed = useMemo(
    () =>
      new CallFeed({
        load: (input) => client.calls.list({ ...input, filter }),
        accepts: (call) => matches(call, filter),
        headPage,
      }),
    // oxlint-disable-next-line react/exhaustive-deps
    [key, headPage],
  );
  useEffect(() => {
    const stopListening = onCalls({ changed: (calls) => feed.apply(calls), reconnected: () => void feed.refresh() });
    void feed.refresh();
    return () => {
      stopListening();
      feed.stop();
    };
  }, [feed]);
  return { feed, view: useSyncExternalStore(feed.subscribe, feed.view) };
}
