import { tokensMissing } from '../accounts/call.ts';
import type { KeeperOptions, TokenAnswer } from '../accounts/keeper.ts';
import { createTokenKeeper } from '../accounts/keeper.ts';
import type { Net } from '../accounts/net.ts';
import type { Clock } from '../engine/clock.ts';
import { startCallback } from './callback.ts';
import type { GrantAnswer, Session } from './lane.ts';
import { authorizeUrl, exchange, newAttempt, readCallback, renew, type Exchange } from './siwc.ts';

export type SignInResult = Exchange | { kind: 'declined' } | { kind: 'cancelled' };
/** `expiresAt` is when it is given up; milliseconds. */
export type SignIn = { done: Promise<SignInResult>; cancel: () => void; url: string; expiresAt: number };

export type SignInOptions = {
  issuer: string;
  net: Net;
  clock: Clock;
  /** Identifies this installation, not its user. */
  hostId: string;
  /** Issued at the first sign-in; null before it. */
  clientId: string | null;
  /** Ask for consent again: the plan was not shared the last time. */
  reconsent: boolean;
  /** Told the issued client before the code is spent, so that a failed exchange does not register twice. */
  onClient: (clientId: string) => void;
};

const PATIENCE_MS = 10 * 60_000;

/** Begins a sign-in with ChatGPT (SPEC 3.1.3): a page to open, and what becomes of it. */
export async function beginSignIn(options: SignInOptions): Promise<SignIn> {
  const finished = Promise.withResolvers<SignInResult>();
  const answered = Promise.withResolvers<{ code: string; clientId: string }>();
  let spent = false;
  const callback = await startCallback((query) => {
    const answer = readCallback(query, attempt);
    if (answer.kind === 'foreign' || spent) return undefined;
    spent = true;
    if (answer.kind === 'code') {
      answered.resolve(answer);
      return 'ChatGPT has answered. You can close this page and go back to Drawbridge.';
    }
    finished.resolve(answer);
    return 'The sign-in was not completed. Drawbridge says why; you can close this page.';
  });
  const attempt = newAttempt(callback.port, options.clientId);
  const timer = setTimeout(
    () => finished.resolve({ kind: 'failed', reason: 'Nobody completed the sign-in in the browser within ten minutes. Try again.' }),
    PATIENCE_MS,
  );
  timer.unref();
  const complete = async (): Promise<void> => {
    const { code, clientId } = await answered.promise;
    if (clientId !== options.clientId) options.onClient(clientId);
    finished.resolve(await exchange(options.net, options.issuer, attempt, code, clientId, options.clock.now()));
  };
  complete().catch(finished.reject);
  const done = finished.promise.finally(() => {
    clearTimeout(timer);
    void callback.stop();
  });
  return {
    url: authorizeUrl(options.issuer, attempt, options.hostId, options.reconsent),
    expiresAt: options.clock.now() + PATIENCE_MS,
    done,
    cancel: () => finished.resolve({ kind: 'cancelled' }),
  };
}

/** An account signed in with ChatGPT: its tokens renew themselves. */
export function chatgptSession(
  options: Omit<KeeperOptions, 'adapter'> & { net: Net; issuer: () => string; onUnknown: (clientId: string) => void },
): Session {
  const keeper = createTokenKeeper({
    ...options,
    adapter: { renew: (tokens) => renew(options.net, options.issuer(), tokens, options.clock.now(), options.onUnknown) },
  });
  return {
    keeper,
    grant: async () => grantOf(await keeper.get()),
    refused: async (token) => grantOf(await keeper.refused(token)),
    retry: async () => void (await keeper.retry()),
    stop: () => keeper.stop(),
  };
}

function grantOf(answer: TokenAnswer): GrantAnswer {
  return 'tokens' in answer ? { lane: 'plan', token: answer.tokens.access, accountId: null } : tokensMissing('codex', answer);
}
