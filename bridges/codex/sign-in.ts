import { createHash, randomUUID } from 'node:crypto';
import { createAttempts } from '../accounts/attempt.ts';
import type { AccountHolder } from '../accounts/holder.ts';
import type { Net } from '../accounts/net.ts';
import { DrawbridgeError } from '../contract/errors.ts';
import type { Clock } from '../engine/clock.ts';
import type { Logger } from '../engine/log.ts';
import { SecretError, type SecretStore } from '../engine/secrets.ts';
import { beginSignIn, type SignInResult } from './chatgpt.ts';
import type { CliLogin } from './codex-cli.ts';
import type { Session } from './lane.ts';

export type SignInsOptions = {
  holder: AccountHolder<Session>;
  secrets: SecretStore;
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

  const finish = async (result: SignInResult): Promise<void> => {
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
        const id = `chatgpt-${result.subject}`;
        await secrets.set(secretOf(id), JSON.stringify(result.tokens));
        return holder.add({ id, route: 'chatgpt', label: result.email ?? 'ChatGPT account', plan: null });
      }
    }
  };

  const attempts = createAttempts<SignInResult>({ bridge: 'codex', holder, log, finish });

  return {
    drop: attempts.drop,
    async withKey(key) {
      if (key === undefined)
        throw new DrawbridgeError('bad_input', 'This sign-in needs an OpenAI key. Make one at https://platform.openai.com/api-keys');
      attempts.begin('The key is being checked.');
      const status = await statusOfKey(net, options.platform(), key);
      if (status === 401) return failed('OpenAI does not accept this key.');
      if (status === 0 || status >= 500) return failed('OpenAI could not be reached to check the key. Check the network, then try again.');
      const id = `api-key-${createHash('sha256').update(key).digest('hex').slice(0, 12)}`;
      try {
        await secrets.set(secretOf(id), key);
      } catch (error) {
        failed('The keychain did not take the key.');
        throw error;
      }
      holder.add({ id, route: 'api-key', label: `key ending in ${key.slice(-4)}`, plan: null });
    },
    async withCli() {
      attempts.begin('The Codex CLI’s login is being read.');
      const login = await options.readLogin().catch((error: unknown): CliLogin => {
        if (error instanceof SecretError) return { problem: error.message };
        throw error;
      });
      if ('problem' in login) return failed(login.problem);
      holder.add({ id: `codex-cli-${login.mark}`, route: 'codex-cli', label: 'The Codex CLI’s login', plan: login.plan });
    },
    async withBrowser() {
      const hostId = holder.fact('hostId') ?? `urn:uuid:${randomUUID()}`;
      holder.setFact('hostId', hostId);
      const signal = attempts.begin('Continue with ChatGPT in your browser.');
      const attempt = await beginSignIn({
        issuer: options.issuer(),
        net,
        clock,
        hostId,
        clientId: holder.fact('clientId'),
        reconsent: holder.fact('reconsent') === 'yes',
        onClient: (clientId) => holder.setFact('clientId', clientId),
      });
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

/** The status a listing of models is answered with; 0 where there was no answer. */
async function statusOfKey(net: Net, platform: string, key: string): Promise<number> {
  try {
    return (await net({ method: 'GET', url: `${platform}/v1/models`, headers: { authorization: `Bearer ${key}` } })).status;
  } catch {
    return 0;
  }
}
