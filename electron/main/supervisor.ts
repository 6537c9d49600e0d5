import type { FromEngine, LoginItem, ToEngine } from '../../bridges/contract/index.ts';

/** The engine's process, whatever runs it. */
export type EngineProcess<Port> = {
  pid: number | undefined;
  post(message: ToEngine, ports?: Port[]): void;
  onMessage(listener: (message: FromEngine) => void): void;
  onExit(listener: (code: number) => void): void;
  /** Ends it at once, without asking. */
  kill(): void;
};

export type EngineState =
  | { phase: 'starting' }
  | { phase: 'running' }
  /** It ended by itself and is started again in a moment. */
  | { phase: 'waiting'; ms: number }
  /** It can't be started; only a person can help. */
  | { phase: 'failed'; message: string }
  | { phase: 'stopped' };

export type SupervisorParts<Port> = {
  fork(): EngineProcess<Port>;
  start: Extract<ToEngine, { type: 'start' }>;
  /** Calls back after so many milliseconds; returns what takes that back. */
  after(ms: number, then: () => void): () => void;
  /** Milliseconds of a clock that never jumps. */
  now(): number;
  loginItem(enabled: boolean | undefined): LoginItem;
  onState(state: EngineState): void;
  /** A command asked the engine to stop: it is about to end, and the app is to end with it. */
  onStopRequested(): void;
};

export type Supervisor<Port> = {
  start(): void;
  /** Hands the engine a port to serve. False while none runs. */
  connect(port: Port): boolean;
  /** A person asks for another attempt. */
  retry(): void;
  /** Resolves when no process is left. */
  stop(): Promise<void>;
};

/** Longer than a keychain that asks its owner may take: an engine killed meanwhile would ask them again. */
const START_MS = 90_000;
const STOP_MS = 8_000;
/** An engine that ran this long was well: what comes next is counted anew. */
const WELL_MS = 60_000;
const ATTEMPTS = 5;

/** Milliseconds to wait after so many failures in a row: half a second, doubled each time, half a minute at most. */
export function backOff(failures: number): number {
  return Math.min(500 * 2 ** (failures - 1), 30_000);
}

/** Keeps one engine running: starts it again when it ends by itself, and gives up where that leads nowhere. */
export function superviseEngine<Port>(parts: SupervisorParts<Port>): Supervisor<Port> {
  let state: EngineState = { phase: 'stopped' };
  let child: EngineProcess<Port> | undefined;
  let cancel = (): void => {};
  let failures = 0;
  let gone = Promise.withResolvers<void>();

  const enter = (next: EngineState): void => {
    state = next;
    parts.onState(next);
  };

  const begin = (): void => {
    const own = parts.fork();
    child = own;
    gone = Promise.withResolvers();
    const { resolve } = gone;
    const startedAt = parts.now();
    let said: Extract<FromEngine, { type: 'failed' }> | undefined;
    cancel = parts.after(START_MS, () => own.kill());
    own.onMessage((message) => {
      switch (message.type) {
        case 'ready':
          // Where it is told to stop meanwhile, the timer is the one of stopping.
          if (state.phase !== 'starting') break;
          cancel();
          enter({ phase: 'running' });
          break;
        case 'failed':
          said = message;
          break;
        case 'stop-requested':
          parts.onStopRequested();
          break;
        case 'login-item':
          own.post({ type: 'login-item', id: message.id, item: parts.loginItem(message.enabled) });
          break;
      }
    });
    own.onExit((code) => {
      cancel();
      child = undefined;
      resolve();
      if (state.phase === 'stopped') return;
      failures = parts.now() - startedAt > WELL_MS ? 1 : failures + 1;
      if (said?.code === 'already_running') return enter({ phase: 'failed', message: ALREADY });
      if (failures >= ATTEMPTS) {
        return enter({
          phase: 'failed',
          message: said?.message ?? `Its process ended ${failures} times in a row, last with exit code ${code}.`,
        });
      }
      const ms = backOff(failures);
      enter({ phase: 'waiting', ms });
      cancel = parts.after(ms, begin);
    });
    enter({ phase: 'starting' });
    own.post(parts.start);
  };

  return {
    start: begin,
    connect(port) {
      if (state.phase !== 'running') return false;
      child?.post({ type: 'connect' }, [port]);
      return true;
    },
    retry() {
      if (child !== undefined) return;
      cancel();
      failures = 0;
      begin();
    },
    async stop() {
      const own = child;
      if (state.phase !== 'stopped') {
        cancel();
        enter({ phase: 'stopped' });
        own?.post({ type: 'stop' });
        if (own !== undefined) cancel = parts.after(STOP_MS, () => own.kill());
      }
      if (own !== undefined) await gone.promise;
    },
  };
}

const ALREADY =
  'Another Drawbridge runs for this user already, without the desktop app. Stop it with "drawbridge stop" (or Ctrl+C where it was started), then try again.';
