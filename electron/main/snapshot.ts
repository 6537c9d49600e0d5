import type { BridgeDetail, Call, EngineClient, LoginItem, Notice, Settings, Status, TunnelStatus } from '../../bridges/contract/index.ts';
import type { EngineState } from './supervisor.ts';

/** What the menu shows of the engine. */
export type Facts = {
  status: Status;
  bridges: BridgeDetail[];
  tunnels: TunnelStatus[];
  /** The last calls, newest first. */
  calls: Call[];
  loginItem: LoginItem;
  notifications: Settings['notifications'];
};

/** All the menu is made of. */
export type Snapshot = {
  engine: EngineState;
  /** Null until the engine was heard. */
  facts: Facts | null;
  /** News the system did not show. */
  untold: Notice[];
};

/** The part of the contract the facts are read from. */
export type Source = Pick<EngineClient, 'events'> & {
  status: Pick<EngineClient['status'], 'get'>;
  bridges: Pick<EngineClient['bridges'], 'list'>;
  tunnels: Pick<EngineClient['tunnels'], 'list'>;
  calls: Pick<EngineClient['calls'], 'list'>;
  loginItem: Pick<EngineClient['loginItem'], 'get'>;
  settings: Pick<EngineClient['settings'], 'get'>;
};

const CALLS = 5;
/** However much happens, the engine is asked no more often. Milliseconds. */
const PAUSE_MS = 1_000;
/** However little happens, it is asked as often: "in the last hour" and "5 min ago" change by themselves. Milliseconds. */
const QUIET_MS = 60_000;

/** Reads the facts from an engine whenever it says that something changed, when it is asked to, and each minute. */
export function watchEngine(
  client: Source,
  after: (ms: number, then: () => void) => () => void,
  onFacts: (facts: Facts) => void,
  onError: (error: unknown) => void,
): { refresh(): void; stop(): void } {
  const ended = new AbortController();
  let reading = false;
  let stale = false;
  let cancel = (): void => {};
  let cancelListening = (): void => {};

  const read = async (): Promise<void> => {
    if (reading) {
      stale = true;
      return;
    }
    cancel();
    reading = true;
    stale = false;
    try {
      const [status, bridges, tunnels, { calls }, loginItem, { settings }] = await Promise.all([
        client.status.get(),
        client.bridges.list(),
        client.tunnels.list(),
        // The store opens after the engine has begun to serve.
        client.calls.list({ limit: CALLS }).catch(() => ({ calls: [] })),
        client.loginItem.get().catch((): LoginItem => ({ state: 'unsupported', reason: null })),
        client.settings.get(),
      ]);
      if (ended.signal.aborted) return;
      onFacts({ status, bridges, tunnels, calls, loginItem, notifications: settings.notifications });
    } catch (error) {
      if (ended.signal.aborted) return;
      onError(error);
    }
    cancel = after(PAUSE_MS, () => {
      reading = false;
      if (stale) void read();
      else cancel = after(QUIET_MS - PAUSE_MS, () => void read());
    });
  };

  const listen = async (): Promise<void> => {
    try {
      const events = await client.events({}, { signal: ended.signal });
      for await (const event of events) if (event.type !== 'keys') void read();
    } catch (error) {
      if (!ended.signal.aborted) onError(error);
    }
    // The engine cuts off who falls behind; the first event of the next stream has everything read anew.
    if (!ended.signal.aborted) cancelListening = after(PAUSE_MS, () => void listen());
  };
  void listen();

  return {
    refresh: () => void read(),
    stop() {
      ended.abort();
      cancel();
      cancelListening();
    },
  };
}
