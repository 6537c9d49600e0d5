import { z } from 'zod';
import type { Clock } from '../engine/clock.ts';
import { KEYCHAIN_REST_MS } from '../engine/held-secret.ts';
import { withLock } from '../engine/lock.ts';
import { SecretError, type SecretStore } from '../engine/secrets.ts';
import type { AccountEvent } from './state.ts';

/** What a provider gave at sign-in. Times are Unix milliseconds of this machine's clock. */
export const Tokens = z.object({
  access: z.string(),
  refresh: z.string().nullable(),
  expiresAt: z.number().nullable(),
  /** The provider refuses, or punishes, an earlier renewal. */
  refreshFrom: z.number().nullable(),
  /** What else the provider's adapter needs to renew: a client id. */
  extra: z.record(z.string(), z.string()),
});
export type Tokens = z.infer<typeof Tokens>;

export type Renewal =
  | { kind: 'renewed'; tokens: Tokens }
  /** The refresh token is of no use any more. */
  | { kind: 'terminal'; reason: string }
  /** Network, overload, a fault of the provider: what is held is kept. */
  | { kind: 'passing'; reason: string; retryAfterMs: number | null };

/** How one provider renews. Never throws. */
export type TokenAdapter = { renew(tokens: Tokens): Promise<Renewal> };

export type TokenAnswer =
  | { tokens: Tokens }
  /** Nothing to be had: `sign_in` needs a person, `passing` does not, `keychain` needs it unlocked. */
  | { problem: 'sign_in' | 'passing' | 'keychain'; reason: string; retryAfterMs: number | null };

export type TokenKeeper = {
  /** Tokens that are good as far as can be known, renewed first where that is due. */
  get(): Promise<TokenAnswer>;
  /**
   * The provider answered 401 to this access token: renews it, unless that was done already. `asksMore`: it is not for its
   * age, but because the next one has to prove more.
   */
  refused(access: string, asksMore?: boolean): Promise<TokenAnswer>;
  /**
   * Keeps the tokens of a new sign-in in place of those of before; not where it was dropped before its turn came. May
   * throw SecretError.
   */
  put(tokens: Tokens, signal?: AbortSignal): Promise<void>;
  /** Forgets everything; returns what was held, so that it can be revoked. */
  forget(): Promise<Tokens | undefined>;
  /** Looks again at a keychain that gave trouble. */
  retry(): Promise<TokenAnswer>;
  /** Ends the ticks, and waits for a renewal under way: its tokens would be lost otherwise. */
  stop(): Promise<void>;
};

export type KeeperOptions = {
  /** Name of the secret the tokens are kept under. */
  secret: string;
  secrets: SecretStore;
  lockFile: string;
  clock: Clock;
  adapter: TokenAdapter;
  tell: (event: AccountEvent) => void;
  /** Calls back again and again; a parameter for the tests' sake. */
  every?: Ticker;
};

export type Ticker = (milliseconds: number, work: () => void) => () => void;

/** Wall-clock time is asked at every tick: a timer set for an hour does not run while a laptop sleeps. */
export const everyReal: Ticker = (milliseconds, work) => {
  const timer = setInterval(work, milliseconds);
  timer.unref();
  return () => clearInterval(timer);
};

const TICK_MS = 30_000;
/** Where the provider names no time, tokens are renewed this long before they end. */
const AHEAD_MS = 5 * 60_000;
const FIRST_DELAY_MS = 5_000;
const LONGEST_DELAY_MS = 5 * 60_000;
const LOCK = { patienceMs: 60_000, busy: 'Another Drawbridge is renewing this sign-in and does not end.' };
/** A token refused this soon after it was made is not refused for its age. */
const FRESH_MS = 60_000;

/**
 * Keeps what a sign-in gave while no renewal of any process is under way: one that ends later would take it away again.
 * Of a sign-in that was dropped before its turn came nothing is kept; nor, where `isNew`, of one that is dropped
 * meanwhile. Returns whether it is kept. May throw SecretError.
 */
export function keepSecret(
  { secret, secrets, lockFile }: Pick<KeeperOptions, 'secret' | 'secrets' | 'lockFile'>,
  text: string,
  signal?: AbortSignal,
  isNew: () => boolean = () => false,
): Promise<boolean> {
  const isDropped = (): boolean => signal?.aborted === true;
  return withLock(lockFile, LOCK, async () => {
    if (isDropped()) return false;
    await secrets.set(secret, text);
    unkeptIn(secrets).delete(secret);
    if (!isDropped() || !isNew()) return true;
    // Under the lock still: the next sign-in to the same account keeps its own under the same name.
    await secrets.delete(secret);
    return false;
  });
}

/**
 * Tokens that were given but could not be kept yet, by the keychain that did not take them and the secret's name: losing
 * them would lose the account, whichever keeper it has by then.
 */
const UNKEPT = new WeakMap<SecretStore, Map<string, Tokens>>();
function unkeptIn(secrets: SecretStore): Map<string, Tokens> {
  const known = UNKEPT.get(secrets) ?? new Map<string, Tokens>();
  UNKEPT.set(secrets, known);
  return known;
}

/** The one owner of one account's tokens: renewed once at a time, whoever asks, and kept before they are used. */
export function createTokenKeeper(options: KeeperOptions): TokenKeeper {
  const { clock, secrets, tell } = options;
  let held: Tokens | undefined;
  const unkept = unkeptIn(secrets);
  let loaded = false;
  let renewedAt = -Infinity;
  /** When it was last renewed to prove more. */
  let provedAt = -Infinity;
  let trouble: { answer: TokenAnswer; since: number; restMs: number; failures: number } | undefined;
  let flight: Promise<TokenAnswer> | undefined;

  const answerFor = (tokens: Tokens | undefined): TokenAnswer => (tokens === undefined ? SIGN_IN : { tokens });
  const isDue = (tokens: Tokens): boolean => {
    const due = tokens.refreshFrom ?? (tokens.expiresAt === null ? null : tokens.expiresAt - AHEAD_MS);
    return due !== null && clock.now() >= due;
  };
  /** A clock that is put back ends every wait: it could last for years otherwise. */
  const isWithin = (milliseconds: number, since: number): boolean => {
    const passed = clock.now() - since;
    return passed >= 0 && passed < milliseconds;
  };
  const isOver = (tokens: Tokens): boolean => tokens.expiresAt !== null && clock.now() >= tokens.expiresAt;

  const read = async (): Promise<Tokens | undefined> => {
    const text = await secrets.get(options.secret);
    return text === undefined ? undefined : readTokens(text);
  };

  const keep = async (tokens: Tokens): Promise<void> => {
    unkept.set(options.secret, tokens);
    await secrets.set(options.secret, JSON.stringify(tokens));
    takeUp(tokens);
  };
  const takeUp = (tokens: Tokens): void => {
    unkept.delete(options.secret);
    held = tokens;
    loaded = true;
    trouble = undefined;
  };

  /** Nothing that goes wrong here may reach a timer or a call as an exception. */
  const troubleOf = (error: unknown): TokenAnswer => {
    if (!(error instanceof SecretError)) {
      const reason = error instanceof Error ? error.message : String(error);
      const answer: TokenAnswer = { problem: 'passing', reason, retryAfterMs: FIRST_DELAY_MS };
      trouble = { answer, since: clock.now(), restMs: FIRST_DELAY_MS, failures: 0 };
      tell({ type: 'renewal_delayed', reason });
      return answer;
    }
    const answer: TokenAnswer = { problem: 'keychain', reason: error.message, retryAfterMs: null };
    trouble = { answer, since: clock.now(), restMs: KEYCHAIN_REST_MS, failures: 0 };
    tell({ type: 'keychain', problem: error.kind });
    return answer;
  };

  const load = async (): Promise<Tokens | undefined> => {
    if (!loaded) {
      held = await read();
      loaded = true;
      trouble = undefined;
      tell(held === undefined ? { type: 'rejected', reason: SIGN_IN.reason } : { type: 'usable' });
    }
    return held;
  };

  /** Under the lock: what another process renewed meanwhile is taken over instead of being renewed twice. */
  const renewLocked = async (refused: string | undefined): Promise<TokenAnswer> => {
    const before = held;
    // What was given before could not be kept: what is stored is spent, and sending it again would end the sign-in.
    const spare = unkept.get(options.secret);
    if (spare !== undefined) await keep(spare);
    const stored = await read();
    held = stored;
    if (stored === undefined) {
      tell({ type: 'rejected', reason: SIGN_IN.reason });
      return SIGN_IN;
    }
    if (stored.access !== (refused ?? before?.access) && !isDue(stored)) {
      trouble = undefined;
      tell({ type: 'usable' });
      return { tokens: stored };
    }
    const renewal = await options.adapter.renew(stored);
    switch (renewal.kind) {
      case 'renewed':
        await keep(renewal.tokens);
        renewedAt = clock.now();
        tell({ type: 'usable' });
        return { tokens: renewal.tokens };
      case 'terminal':
        held = undefined;
        tell({ type: 'rejected', reason: renewal.reason });
        await secrets.delete(options.secret);
        return { problem: 'sign_in', reason: renewal.reason, retryAfterMs: null };
      case 'passing': {
        const failures = (trouble?.failures ?? 0) + 1;
        const delay = renewal.retryAfterMs ?? Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (failures - 1));
        const answer: TokenAnswer = { problem: 'passing', reason: renewal.reason, retryAfterMs: delay };
        trouble = { answer, since: clock.now(), restMs: delay, failures };
        tell({ type: 'renewal_delayed', reason: renewal.reason });
        return refused === undefined && !isOver(stored) ? { tokens: stored } : answer;
      }
    }
  };

  const renew = (refused?: string): Promise<TokenAnswer> => {
    flight ??= withLock(options.lockFile, LOCK, () => renewLocked(refused))
      .catch((error: unknown) => {
        const answer = troubleOf(error);
        return refused === undefined ? (resting() ?? answer) : answer;
      })
      .finally(() => {
        flight = undefined;
      });
    return flight;
  };

  /** While trouble lasts, what is still good is given out, and nothing is tried. */
  const resting = (): TokenAnswer | undefined => {
    if (trouble === undefined || !isWithin(trouble.restMs, trouble.since)) return undefined;
    const isKeychain = 'problem' in trouble.answer && trouble.answer.problem === 'keychain';
    return !isKeychain && held !== undefined && !isOver(held) ? { tokens: held } : trouble.answer;
  };

  const get = async (): Promise<TokenAnswer> => {
    const rest = resting();
    if (rest !== undefined) return rest;
    try {
      if (unkept.has(options.secret)) return await renew();
      const tokens = await load();
      return tokens !== undefined && isDue(tokens) ? await renew() : answerFor(tokens);
    } catch (error) {
      return troubleOf(error);
    }
  };

  const stopTicks = (options.every ?? everyReal)(TICK_MS, () => {
    if (held !== undefined && isDue(held)) void get();
  });

  return {
    get,
    async refused(access, asksMore = false) {
      if (held !== undefined && held.access !== access) return get();
      // One that was made just now to prove more, and is asked for more again, will never prove enough.
      if (isWithin(FRESH_MS, asksMore ? provedAt : renewedAt)) {
        const reason = 'The provider refuses a token it has just given. Sign in again.';
        tell({ type: 'rejected', reason });
        return { problem: 'sign_in', reason, retryAfterMs: null };
      }
      const waiting = trouble !== undefined && isWithin(trouble.restMs, trouble.since) ? trouble.answer : undefined;
      if (waiting !== undefined) return waiting;
      const answer = await renew(access);
      if (asksMore && 'tokens' in answer) provedAt = clock.now();
      return answer;
    },
    async put(tokens, signal) {
      if (!(await keepSecret(options, JSON.stringify(tokens), signal))) return;
      takeUp(tokens);
      renewedAt = clock.now();
      tell({ type: 'usable' });
    },
    // Under the lock: a renewal that ends later would bring back what was forgotten.
    forget: () =>
      withLock(options.lockFile, LOCK, async () => {
        const last = unkept.get(options.secret) ?? (await load().catch(() => held));
        // First: where the keychain does not give them up, the account has them still.
        await secrets.delete(options.secret);
        held = undefined;
        unkept.delete(options.secret);
        trouble = undefined;
        return last;
      }),
    retry() {
      trouble = undefined;
      return get();
    },
    async stop() {
      stopTicks();
      await flight;
    },
  };
}

/** Undefined where the text is no tokens; what a parser would say of it holds parts of it. */
function readTokens(text: string): Tokens | undefined {
  try {
    return Tokens.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

const SIGN_IN = { problem: 'sign_in', reason: 'The sign-in is gone. Sign in again.', retryAfterMs: null } as const;
