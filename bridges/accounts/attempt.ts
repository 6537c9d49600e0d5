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
  drop: () => void;
};

export function createAttempts<R>(options: {
  bridge: BridgeName;
  holder: Pick<AccountHolder<unknown>, 'begin' | 'fallBack'>;
  log: Logger;
  /** Ends a sign-in: with an account held, or with the state and sentence that say why not. May throw SecretError. */
  finish: (result: R) => Promise<void>;
}): Attempts<R> {
  const { holder, log } = options;
  let waiting: AbortController | undefined;

  const drop = (): void => {
    const dropped = waiting;
    waiting = undefined;
    dropped?.abort();
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
        if (signal.aborted) return;
        waiting = undefined;
        await options.finish(result);
      } catch (error) {
        if (signal.aborted) return;
        if (waiting?.signal === signal) waiting = undefined;
        if (error instanceof SecretError) return holder.fallBack({ type: 'not_kept', problem: error.kind });
        log.error(`${options.bridge}.sign_in_failed`, { error });
        holder.fallBack({ type: 'sign_in_failed', reason: 'The sign-in could not be kept. The log says why; try again.' });
      }
    },
    drop,
  };
}
