import { useEffect, useMemo, useSyncExternalStore } from 'react';
import type { Call, CallFilter } from '../../../bridges/contract/index.ts';
import { parseQuery } from '../../../bridges/contract/query.ts';
import { CallFeed, type FeedView } from './call-feed.ts';
import { matches } from './call-filter.ts';
import { cameEarly, forgetEarly, listCalls } from './early-calls.ts';
import { onCalls } from './live.ts';
import { fits } from './query-match.ts';
import { throttle } from './throttle.ts';

/** How often the engine is asked again where a row does not tell whether it fits. */
const ASK_MS = 1000;

/** The calls that pass the filter and the query, kept live while the component is shown. The query must be sound. */
export function useCallFeed(filter: CallFilter, headPage: number, query = ''): { feed: CallFeed; view: FeedView } {
  // A filter is a fresh object on each render; its text is what tells two apart.
  const key = JSON.stringify(filter);
  const { feed, hangsOnWords } = useMemo(
    () => {
      const parsed = parseQuery(query);
      const question = { filter, ...(query === '' ? {} : { query }) };
      const fit = (call: Call) => (matches(call, filter) ? fits(call, parsed, Date.now()) : 'no');
      return {
        feed: new CallFeed({
          load: (input) => listCalls({ ...input, ...question }),
          first: cameEarly({ limit: headPage, ...question }),
          accepts: (call, held) => fit(call) === 'yes' || (held && fit(call) === 'ask'),
          headPage,
        }),
        hangsOnWords: (call: Call) => fit(call) === 'ask',
      };
    },
    // oxlint-disable-next-line react/exhaustive-deps
    [key, headPage, query],
  );
  useEffect(() => {
    const again = throttle(() => void feed.refresh(), ASK_MS);
    const anew = throttle(() => void feed.renew(), ASK_MS);
    const stopListening = onCalls({
      changed: (calls) => {
        feed.apply(calls);
        if (calls.some(hangsOnWords)) again.run();
      },
      removed: anew.run,
      reconnected: () => void feed.refresh(),
    });
    if (feed.view().phase === 'loading') void feed.refresh();
    else forgetEarly();
    return () => {
      stopListening();
      again.stop();
      anew.stop();
      feed.stop();
    };
  }, [feed, hangsOnWords]);
  return { feed, view: useSyncExternalStore(feed.subscribe, feed.view) };
}
