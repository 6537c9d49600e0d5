import type { Door } from '../companion/companion.ts';
import { inTurn } from '../engine/in-turn.ts';
import type { Logger } from '../engine/log.ts';
import type { Listener } from '../http/listener.ts';

/** A bridge's own listener: it follows the port of the settings, and a port that is taken stops nothing else. */
export type BridgeListening = {
  start(): Promise<void>;
  /** Moves to another port where the settings name one. */
  apply(): void;
  address(): string | null;
  problem(): string | null;
  stop(graceMs: number): Promise<void>;
};

const MOVE_GRACE_MS = 2_000;

export function listenFor(options: {
  bridge: string;
  door: Pick<Door, 'start'>;
  /** The port of the settings. */
  port: () => number;
  /** Instead of the settings' port; 0 takes any. */
  fixedPort: number | undefined;
  log: Logger;
  onChange: () => void;
}): BridgeListening {
  const { bridge, log } = options;
  let listener: Listener | undefined;
  let problem: string | null = null;
  let wanted: number | undefined;
  let stopped = false;
  // A move takes a while: one begun meanwhile would find the port taken by ourselves.
  const turn = inTurn();

  /** The new port is opened before the old one is left: one that is taken costs no call. */
  const follow = async (): Promise<void> => {
    const port = options.fixedPort ?? options.port();
    if (stopped || port === wanted) return;
    wanted = port;
    const old = listener;
    try {
      listener = old?.port === port ? old : await options.door.start(port);
      problem = null;
    } catch (error) {
      problem = explain(error, port);
      log.warn('bridge.not_listening', { bridge, error });
    }
    options.onChange();
    if (listener !== old) await old?.stop(MOVE_GRACE_MS);
  };

  const explain = (error: unknown, port: number): string => {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    const why = code === 'EADDRINUSE' ? `Port ${port} is in use by another program.` : `Port ${port} can’t be opened (${code}).`;
    const meanwhile = listener === undefined ? '' : ` Until then the bridge stays on port ${listener.port}.`;
    return `${why} Choose another: bridges.${bridge}.port in the settings.${meanwhile} Calls through the companion are served all the same.`;
  };

  return {
    start: () => turn(follow),
    apply() {
      if (wanted !== undefined) void turn(follow);
    },
    address: () => listener?.address ?? null,
    problem: () => problem,
    stop(graceMs) {
      stopped = true;
      // Begun at once: the calls on a port that is just being left get their time beside these, not before them.
      const last = listener;
      const ended = last?.stop(graceMs);
      return turn(async () => {
        await ended;
        if (listener !== last) await listener?.stop(graceMs);
      });
    },
  };
}
