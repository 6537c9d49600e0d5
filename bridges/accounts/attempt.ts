import type { BridgeName } from '../contract/index.ts';
import type { Logger } from '../engine/log.ts';
import { SecretError } from '../engine/secrets.ts';
import type { AccountHolder } from './holder.ts';

/** At most one sign-in of a bridge waits for a person; a newer one takes its place. */
export type Attempts<R> = {
  /** Begins anew: what was waiting is dropped, without a word. The signal aborts once this one is dropped too. */
  begin(waitingFor: string): AbortSignal;
  /**
   * Waits for the end of the sign-in with this signal; a keychain that fails then ends it too. Nothing that happens to
   * a dropped one counts any more. Resolves when it is over; never rejects.
   */
  follow(signal: AbortSignal, done: Promise<R>): Promise<void>;
  /** Does what comes before the waiting. What goes wrong in it ends the sign-in, too, and is thrown on. */
  prepare<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T>;
  drop: () => void;
};

export function createAttempts<R>(options: {
  bridge: BridgeName;
  holder: Pick<AccountHolder<unknown>, 'begin' | 'fallBack'>;
  log: Logger;
  /**
   * Ends a sign-in: with an account held, or with the state and sentence that say why not. One whose signal aborts
   * meanwhile changes nothing any more. May throw SecretError.
   */
  finish: (result: R, signal: AbortSignal) => Promise<void>;
}): Attempts<R> {
  const { holder, log } = options;
  let waiting: AbortController | undefined;

  const drop = (): void => {
    const dropped = waiting;
    waiting = undefined;
    dropped?.abort();
  };

  const over = (signal: AbortSignal): void => {
    if (waiting?.signal === signal) waiting = undefined;
  };
  const broken = (signal: AbortSignal, error: unknown, what: 'begun' | 'kept'): void => {
    if (signal.aborted) return;
    if (error instanceof SecretError) return holder.fallBack({ type: 'not_kept', problem: error.kind });
    log.error(`${options.bridge}.sign_in_failed`, { error });
    holder.fallBack({ type: 'sign_in_failed', reason: `The sign-in could not be ${what}. The log says why; try again.` });
  };

  return {
    begin(waitingFor) {
      drop();
      holder.begin(waitingFor);
      waiting = new AbortController();
      return waiting.signal;
    },
    async follow(signal, done) {
      try {
        const result = await done;
        if (!signal.aborted) await options.finish(result, signal);
      } catch (error) {
        broken(signal, error, 'kept');
      } finally {
        over(signal);
      }
    },
    async prepare(signal, work) {
      try {
        return await work();
      } catch (error) {
        broken(signal, error, 'begun');
        over(signal);
        throw error;
      }
    },
    drop,
  };
}
