import type { BridgeName } from '../contract/index.ts';
import type { Logger } from '../engine/log.ts';
import { SecretError } from '../engine/secrets.ts';
import type { AccountHolder } from './holder.ts';

/** A sign-in that waits for a person. */
export type Attempt<R> = { done: Promise<R>; cancel(): void };

/** At most one sign-in of a bridge waits for a person; a newer one takes its place. */
export type Attempts<R> = {
  /** Begins anew: what was waiting is dropped, without a word. */
  begin(waitingFor: string): void;
  /** Waits for its end beside everything else; a keychain that fails then ends it too. */
  follow(attempt: Attempt<R>): void;
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
  let waiting: Attempt<R> | undefined;

  const drop = (): void => {
    const attempt = waiting;
    waiting = undefined;
    attempt?.cancel();
  };
  const conclude = async (attempt: Attempt<R>): Promise<void> => {
    try {
      const result = await attempt.done;
      if (waiting !== attempt) return;
      waiting = undefined;
      await options.finish(result);
    } catch (error) {
      if (error instanceof SecretError) return holder.fallBack({ type: 'not_kept', problem: error.kind });
      log.error(`${options.bridge}.sign_in_failed`, { error });
      holder.fallBack({ type: 'sign_in_failed', reason: 'The sign-in could not be kept. The log says why; try again.' });
    }
  };

  return {
    begin(waitingFor) {
      drop();
      holder.begin(waitingFor);
    },
    follow(attempt) {
      waiting = attempt;
      void conclude(attempt);
    },
    drop,
  };
}
