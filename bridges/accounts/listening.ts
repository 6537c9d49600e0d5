import type { Door } from '../companion/companion.ts';
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
  door: Door;
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

  const bind = async (): Promise<void> => {
    wanted = options.fixedPort ?? options.port();
    const instead = `Choose another: bridges.${bridge}.port in the settings. Calls through the companion are served all the same.`;
    try {
      listener = await options.door.start(wanted);
      problem = null;
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
      problem =
        code === 'EADDRINUSE'
          ? `Port ${wanted} is in use by another program. ${instead}`
          : `Port ${wanted} can’t be opened (${code}). ${instead}`;
      log.warn('bridge.not_listening', { bridge, error });
    }
    options.onChange();
  };

  const move = async (old: Listener | undefined): Promise<void> => {
    await old?.stop(MOVE_GRACE_MS);
    await bind();
  };

  return {
    start: bind,
    apply() {
      if (options.fixedPort !== undefined || wanted === undefined || options.port() === wanted) return;
      const old = listener;
      listener = undefined;
      void move(old);
    },
    address: () => listener?.address ?? null,
    problem: () => problem,
    stop: async (graceMs) => listener?.stop(graceMs),
  };
}
