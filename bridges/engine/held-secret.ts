import { inTurn } from './in-turn.ts';
import type { Logger } from './log.ts';
import { SecretError, type SecretProblem, type SecretStore } from './secrets.ts';

/** A keychain that gave trouble is not asked again at every call: it may put up a prompt each time. Milliseconds. */
export const KEYCHAIN_REST_MS = 60_000;

/** A secret of the keychain that is kept in memory while the engine runs, for the place the settings name. */
export type HeldSecret = {
  /** Undefined where none is kept, or it is not known. */
  value(): string | undefined;
  /** True while it is not known, and the keychain has not answered yet: it may be asking its owner. */
  waiting(): boolean;
  /** Resolves once it is known, or known to be out of reach. */
  settled(): Promise<void>;
  /** Why the keychain could not be read the last time; null where it could. */
  problem(): SecretProblem | null;
  /** Reads it anew, and never rejects: where the keychain can't be read, what is known stays. */
  read(): Promise<void>;
  /**
   * Puts another value (or none) in force together with the settings that go with it: both or neither. May throw
   * SecretError, and whatever `change` throws.
   */
  replace(value: string | undefined, change: () => void): Promise<void>;
};

/** `name` is the secret's name in the keychain, from the settings in force. */
export function holdSecret(keychain: SecretStore, name: () => string, log: Logger): HeldSecret {
  // Where a slow answer of the keychain overtook a newer one, an old key would go to a new place.
  const turn = inTurn();
  let held: { name: string; value: string | undefined } | undefined;
  let problem: SecretProblem | null = null;
  let reading = 0;

  const put = (at: string, value: string | undefined): Promise<void> =>
    value === undefined ? keychain.delete(at) : keychain.set(at, value);

  return {
    value: () => (held?.name === name() ? held.value : undefined),
    waiting: () => held?.name !== name() && (problem === null || reading > 0),
    settled: () => turn(async () => {}),
    problem: () => problem,
    read() {
      reading += 1;
      return turn(async () => {
        const at = name();
        try {
          held = { name: at, value: await keychain.get(at) };
          problem = null;
        } catch (error) {
          problem = error instanceof SecretError ? error.kind : 'unavailable';
          log.warn('keychain.problem', { kind: problem, error });
        } finally {
          reading -= 1;
        }
      });
    },
    replace: (value, change) =>
      turn(async () => {
        const at = name();
        const before = await keychain.get(at);
        await put(at, value);
        // Nothing comes between the two: no call goes to the one place with the key of the other.
        held = { name: at, value };
        problem = null;
        try {
          change();
        } catch (error) {
          held = { name: at, value: before };
          await put(at, before);
          throw error;
        }
      }),
  };
}

/**
 * Gives what somebody calls who needs secrets that the keychain would not give: it may have been unlocked since. Each of
 * `failed` reads one of them anew; that is done no sooner than a rest after the last time. `now`: milliseconds.
 */
export function readsAgain(failed: () => readonly (() => Promise<void>)[], now: () => number): () => void {
  let readAt = now();
  return () => {
    if (now() - readAt < KEYCHAIN_REST_MS) return;
    const reads = failed();
    if (reads.length > 0) readAt = now();
    for (const read of reads) void read();
  };
}
