import { createHash, randomUUID } from 'node:crypto';
import { createAttempts } from '../accounts/attempt.ts';
import { holdSignIn, type Given } from '../accounts/hold-sign-in.ts';
import type { AccountHolder } from '../accounts/holder.ts';
import type { Net, NetReply } from '../accounts/net.ts';
import { answeredByAnother, whyUnanswered } from '../accounts/unanswered.ts';
import { DrawbridgeError } from '../contract/errors.ts';
import type { Clock } from '../engine/clock.ts';
import type { Logger } from '../engine/log.ts';
import { SecretError, type SecretStore } from '../engine/secrets.ts';
import { lacksScope } from './api-key.ts';
import { beginSignIn, type SignInResult } from './chatgpt.ts';
import type { CliLogin } from './codex-cli.ts';
import type { Session } from './lane.ts';

export type SignInsOptions = {
  holder: AccountHolder<Session>;
  secrets: SecretStore;
  /** The lock that renewals hold. */
  lockFile: string;
  net: Net;
  clock: Clock;
  log: Logger;
  issuer: () => string;
  /** Origin of the platform's API. */
  platform: () => string;
  readLogin: () => Promise<CliLogin>;
};

/** The ways to sign in to Codex. Each ends with an account held, or with the state and sentence that say why not. */
export type SignIns = {
  withKey(key: string | undefined): Promise<void>;
  withCli(): Promise<void>;
  /** Returns the page to open; what becomes of it is told to the holder. */
  withBrowser(): Promise<string>;
  /** Drops a sign-in that waits for a browser. */
  drop(): void;
};

/** Name of the secret of an account. */
export const secretOf = (id: string): string => `codex/${id}`;

export function createSignIns(options: SignInsOptions): SignIns {
  const { holder, secrets, net, clock, log } = options;
  const failed = (reason: string): void => holder.fallBack({ type: 'sign_in_failed', reason });

  const hold = (signal: AbortSignal, given: Given): Promise<boolean> =>
    holdSignIn(given, { signal, holder, secrets, secret: secretOf(given.account.id), lockFile: options.lockFile });

  const finish = async (result: SignInResult, signal: AbortSignal): Promise<void> => {
    switch (result.kind) {
      case 'cancelled':
        return holder.fallBack({ type: 'sign_in_cancelled' });
      case 'declined':
        return holder.fallBack({ type: 'declined' });
      case 'failed':
        return failed(result.reason);
      case 'unknown_client':
        holder.setFact('clientId', null);
        return failed('OpenAI did not know this app’s registration. Try again: it registers anew.');
      case 'identity_only': {
        holder.setFact('reconsent', 'yes');
        const reason = 'You signed in, but did not share your ChatGPT plan. Sign in again and allow it.';
        return holder.fallBack({ type: 'not_entitled', reason, href: null });
      }
      case 'signed_in': {
        holder.setFact('reconsent', null);
        const label = result.email ?? 'ChatGPT account';
        const account = { id: `chatgpt-${result.subject}`, route: 'chatgpt', label, plan: null } as const;
        return void (await hold(signal, { account, value: result.tokens }));
      }
    }
  };

  const attempts = createAttempts<SignInResult>({ bridge: 'codex', holder, log, finish });

  return {
    drop: attempts.drop,
    async withKey(key) {
      if (key === undefined)
        throw new DrawbridgeError('bad_input', 'This sign-in needs an OpenAI key. Make one at https://platform.openai.com/api-keys');
      const signal = attempts.begin('The key is being checked.');
      const answer = await answerToKey(net, options.platform(), key);
      if (signal.aborted) return;
      if ('problem' in answer) return failed(answer.problem);
      if (answer.status === 401 && !lacksScope(JSON.stringify(answer.body ?? ''))) return failed('OpenAI does not accept this key.');
      if (answer.status >= 500) return failed(`OpenAI could not check the key (status ${answer.status}). Try again in a while.`);
      if (answer.body === undefined) return failed(answeredByAnother('OpenAI'));
      const id = `api-key-${createHash('sha256').update(key).digest('hex').slice(0, 12)}`;
      const account = { id, route: 'api-key', label: `key ending in ${key.slice(-4)}`, plan: null } as const;
      try {
        await hold(signal, { account, value: key });
      } catch (error) {
        if (!signal.aborted) failed('The keychain did not take the key.');
        throw error;
      }
    },
    async withCli() {
      const signal = attempts.begin('The Codex CLI’s login is being read.');
      const login = await options.readLogin().catch((error: unknown): CliLogin => {
        if (error instanceof SecretError) return { problem: error.message };
        throw error;
      });
      if (signal.aborted) return;
      if ('problem' in login) return failed(login.problem);
      holder.add({ id: `codex-cli-${login.mark}`, route: 'codex-cli', label: 'The Codex CLI’s login', plan: login.plan });
    },
    async withBrowser() {
      const hostId = holder.fact('hostId') ?? `urn:uuid:${randomUUID()}`;
      holder.setFact('hostId', hostId);
      const signal = attempts.begin('Continue with ChatGPT in your browser.');
      const attempt = await attempts.prepare(signal, () =>
        beginSignIn({
          issuer: options.issuer(),
          net,
          clock,
          hostId,
          clientId: holder.fact('clientId'),
          reconsent: holder.fact('reconsent') === 'yes',
          onClient: (clientId) => holder.setFact('clientId', clientId),
        }),
      );
      if (signal.aborted) attempt.cancel();
      else {
        signal.addEventListener('abort', attempt.cancel);
        holder.offer({ route: 'chatgpt', url: attempt.url, code: null, expiresAt: new Date(attempt.expiresAt).toISOString() });
        void attempts.follow(signal, attempt.done);
      }
      return attempt.url;
    },
  };
}

const KEY_UNCHECKED = 'OpenAI could not be reached to check the key. Check the network, then try again.';

/** What a listing of models is answered with, or a sentence where there was no answer. */
async function answerToKey(net: Net, platform: string, key: string): Promise<NetReply | { problem: string }> {
  try {
    return await net({ method: 'GET', url: `${platform}/v1/models`, headers: { authorization: `Bearer ${key}` } });
  } catch (error) {
    return { problem: whyUnanswered(error, 'OpenAI') ?? KEY_UNCHECKED };
  }
}
