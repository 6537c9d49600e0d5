import type { Call } from '../contract/index.ts';
import type { LogFields, Logger, LogLevel } from './log.ts';

export type CallLog = {
  /** Begins or ends where the level became `debug`, or another. */
  apply(level: LogLevel): void;
  stop(): void;
};

/**
 * At the level `debug` each call that ends is a line of the log: what its row tells, never what was said. Rows are told
 * only where somebody listens, so at other levels it does not.
 */
export function createCallLog({
  onCalls,
  log,
}: {
  onCalls: (listener: (calls: readonly Call[]) => void) => () => void;
  log: Logger;
}): CallLog {
  let off: (() => void) | undefined;
  const tell = (calls: readonly Call[]): void => {
    for (const call of calls) if (call.state !== 'open') log.debug('call', lineOf(call));
  };
  const stop = (): void => {
    off?.();
    off = undefined;
  };
  return {
    apply(level) {
      if (level === 'debug') off ??= onCalls(tell);
      else stop();
    },
    stop,
  };
}

function lineOf(call: Call): LogFields {
  const { id, state, client, caller, method, path, route, upstream, wireIn, wireOut, modelRequested, status, durationMs, error } = call;
  return {
    id,
    state,
    client,
    caller,
    method,
    path,
    route,
    upstream,
    wireIn,
    wireOut,
    model: modelRequested,
    status,
    ms: durationMs,
    error,
  };
}
