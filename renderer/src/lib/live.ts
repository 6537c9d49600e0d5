import type { QueryKey } from '@tanstack/react-query';
import type { Call, EngineEvent } from '../../../bridges/contract/index.ts';
import { client, session } from '../host.ts';
import { forgetEarly } from './early-calls.ts';
import { engine, queryClient } from './engine.ts';
import { createStore } from './store.ts';
import { throttle } from './throttle.ts';

/** Whether events reach this window. */
export type Connection = { phase: 'connecting' | 'live' } | { phase: 'retrying'; retryAt: number };

export const connection = createStore<Connection>({ phase: 'connecting' });

type CallsListener = { changed: (calls: readonly Call[]) => void; removed?: () => void; reconnected?: () => void };
const callsListeners = new Set<CallsListener>();

/** Hears of calls that began, moved or ended, of others that are gone, and of each new connection. Returns the function that stops. */
export function onCalls(listener: CallsListener): () => void {
  callsListeners.add(listener);
  return () => callsListeners.delete(listener);
}

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 10_000;
const FIRST_CATCH_UP_MS = 500;
let wake: (() => void) | null = null;

/** Ends the wait for the next attempt. */
export function reconnectNow(): void {
  wake?.();
}

/** Listens to the engine until stopped: reconnects with growing waits, and asks again for what was missed. */
export function startLive(): () => void {
  const ended = new AbortController();
  const status = throttle(() => askAnew({ queryKey: engine.status.key() }), 1000);
  // What stands behind the status is asked for only where a page shows it.
  const parts = throttle(() => {
    askAnew({ queryKey: engine.bridges.key() });
    askAnew({ queryKey: engine.network.key() });
    askAnew({ queryKey: engine.telemetry.key() });
    askAnew({ queryKey: engine.webhook.key() });
    // Not what is asked of one tunnel: it may be the one that was just removed.
    askAnew({ queryKey: engine.tunnels.list.key() });
  }, 1000);
  // Sums over calls are dear to make, and read slowly.
  const sums = throttle(() => {
    askAnew({ queryKey: engine.conversations.key() });
    askAnew({ queryKey: engine.usage.key() });
    askAnew({ queryKey: engine.capture.sizes.key() });
  }, 3000);
  const facets = throttle(() => askAnew({ queryKey: engine.calls.facets.key() }), 2000);

  const hear = (event: EngineEvent): void => {
    switch (event.type) {
      case 'calls':
        for (const listener of callsListeners) listener.changed(event.calls);
        status.run();
        if (event.calls.some(({ state }) => state !== 'open')) sums.run();
        if (event.calls.some(isNewToFacets)) facets.run();
        break;
      case 'removed':
        for (const listener of callsListeners) listener.removed?.();
        sums.run();
        facets.run();
        break;
      case 'status':
        status.run();
        parts.run();
        break;
      case 'keys':
        askAnew({ queryKey: engine.keys.key() });
        askAnew({ queryKey: engine.readKeys.key() });
        break;
      case 'settings':
        askAnew({ queryKey: engine.settings.key() });
        askAnew({ queryKey: engine.clients.key() });
        break;
    }
  };

  let heard = false;
  const catchUp = (): void => {
    if (ended.signal.aborted) return;
    forgetEarly();
    askAnew({});
    for (const listener of callsListeners) listener.reconnected?.();
  };

  const listen = async (): Promise<void> => {
    let wait = FIRST_WAIT_MS;
    while (!ended.signal.aborted && session.get() === 'open') {
      try {
        const events = await client.events(undefined, { signal: ended.signal });
        wait = FIRST_WAIT_MS;
        connection.set({ phase: 'live' });
        // What the first page asked for meanwhile is hardly older than this: it may be shown before it is asked for again.
        if (heard) catchUp();
        else setTimeout(catchUp, FIRST_CATCH_UP_MS);
        heard = true;
        for await (const event of events) hear(event);
      } catch {
        // Why it broke does not matter here: the way back is the same, and each page tells its own errors.
      }
      if (ended.signal.aborted) return;
      const pause = wait * (0.75 + Math.random() / 2);
      connection.set({ phase: 'retrying', retryAt: Date.now() + pause });
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, pause);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      wake = null;
      wait = Math.min(wait * 2, LONGEST_WAIT_MS);
    }
  };

  // A laptop that wakes up, or a tab that is looked at again, should not sit out a long wait.
  const seen = (): void => {
    if (document.visibilityState === 'visible') reconnectNow();
  };
  document.addEventListener('visibilitychange', seen);
  window.addEventListener('online', reconnectNow);
  void listen();

  return () => {
    ended.abort();
    reconnectNow();
    status.stop();
    parts.stop();
    sums.stop();
    facets.stop();
    document.removeEventListener('visibilitychange', seen);
    window.removeEventListener('online', reconnectNow);
  };
}

function isNewToFacets(call: Call): boolean {
  const known = queryClient.getQueryData(engine.calls.facets.queryKey());
  if (!known) return false;
  const holds = (values: readonly string[], value: string | null): boolean => value === null || values.includes(value);
  return !(
    holds(known.clients, call.client) &&
    holds(known.callers, call.caller) &&
    holds(known.upstreams, call.upstream) &&
    holds(known.models, call.modelRequested)
  );
}

/**
 * Asks again for what is shown. A question that was never answered and is on its way is not put again by itself, though
 * its answer may be older than this: it is asked once more when it has come.
 */
function askAnew(filters: { queryKey?: QueryKey }): void {
  const isFirst = queryClient.isFetching({ ...filters, predicate: ({ state }) => state.data === undefined }) > 0;
  const asked = queryClient.invalidateQueries(filters);
  void (isFirst ? asked.then(() => queryClient.invalidateQueries(filters)) : asked);
}
