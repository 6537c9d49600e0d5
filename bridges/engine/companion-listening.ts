import { DrawbridgeError } from '../contract/errors.ts';
import type { Listener as ListenerStatus, Mend } from '../contract/index.ts';
import type { Listener } from '../http/listener.ts';
import { inTurn } from './in-turn.ts';
import type { Logger } from './log.ts';

export type CompanionListeningOptions = {
  /** Binds the companion. Rejects with the bind error. */
  bind: (port: number) => Promise<Listener>;
  /** Says who holds the port and which is free, as far as that can be known. */
  explain: (error: unknown, port: number) => Promise<DrawbridgeError>;
  port: number;
  /** How long calls under way on a port that is left get to end. Milliseconds. */
  graceMs: number;
  log: Logger;
  onChange: () => void;
};

/**
 * Where the companion listens. It moves by opening the new port before the old one is left: a port that is taken costs no
 * call. Starts, moves and retries happen one after the other.
 */
export type CompanionListening = {
  status(): ListenerStatus;
  /** What keeps it from listening; null where it listens. */
  problem(): DrawbridgeError | null;
  /** The port asked for last, whether it could be had or not. */
  wanted(): number;
  start(): Promise<ListenerStatus>;
  /**
   * Resolves with what came of it: `failed` where the port can't be had, while `status` tells of the port that is kept.
   * `save` writes the new port down; where it throws, so does this, and the companion stays where it was.
   */
  move(port: number, save?: () => void): Promise<ListenerStatus>;
  /** Tries the port asked for last again, where that is not the one in use. */
  retry(): Promise<ListenerStatus>;
  stop(graceMs: number): Promise<void>;
};

export function listenForCompanion(options: CompanionListeningOptions): CompanionListening {
  const { log, graceMs } = options;
  const turn = inTurn();
  let wanted = options.port;
  let bound: Listener | undefined;
  let problem: DrawbridgeError | null = null;
  let status: ListenerStatus = { name: 'companion', state: 'starting', address: null, reason: null, mend: null };
  let stopped = false;

  const tell = (next: ListenerStatus): ListenerStatus => {
    status = next;
    options.onChange();
    return next;
  };

  const bind = async (port: number, save?: () => void): Promise<ListenerStatus> => {
    if (stopped) return status;
    const before = wanted;
    const old = bound;
    wanted = port;
    let next: Listener;
    try {
      next = old !== undefined && old.port === port ? old : await options.bind(port);
    } catch (error) {
      return failed(await options.explain(error, port));
    }
    try {
      save?.();
    } catch (error) {
      wanted = before;
      if (next !== old) await next.stop(0);
      throw error;
    }
    bound = next;
    problem = null;
    log.info('companion.listening', { address: next.address });
    const now = tell({ name: 'companion', state: 'listening', address: next.address, reason: null, mend: null });
    if (next !== old) await old?.stop(graceMs);
    return now;
  };

  const failed = (why: DrawbridgeError): ListenerStatus => {
    log.error('companion.not_listening', { error: why });
    const mend = mendOf(why);
    const attempt: ListenerStatus = { name: 'companion', state: 'failed', address: null, reason: why.message, mend };
    if (bound === undefined) {
      problem = why;
      return tell(attempt);
    }
    const reason = `${why.message} The companion stays on ${bound.port} until then.`;
    tell({ ...attempt, state: 'listening', address: bound.address, reason });
    return attempt;
  };

  return {
    status: () => status,
    problem: () => problem,
    wanted: () => wanted,
    start: () => turn(() => bind(wanted)),
    move: (port, save) => turn(() => bind(port, save)),
    retry: () => turn(async () => (problem === null && status.reason === null ? status : bind(wanted))),
    stop(grace) {
      stopped = true;
      // Begun at once: the calls on a port that is just being left get their time beside these, not before them.
      const last = bound;
      const ended = last?.stop(grace);
      return turn(async () => {
        await ended;
        if (bound !== last) await bound?.stop(grace);
        tell({ ...status, state: 'stopped', address: null });
      });
    },
  };
}

function mendOf({ details }: DrawbridgeError): Mend {
  const { next } = details;
  return typeof next === 'number'
    ? { label: `Use port ${next}`, action: { kind: 'companion.usePort', port: next } }
    : { label: 'Try again', action: { kind: 'companion.retry' } };
}
