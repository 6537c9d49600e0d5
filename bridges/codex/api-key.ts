import type { AccountEvent } from '../accounts/state.ts';
import { SecretError, type SecretStore } from '../engine/secrets.ts';
import { signInNeeded, type GrantAnswer, type Session } from './lane.ts';

/** The person's own OpenAI platform key, read from the keychain once. */
export function apiKeySession(secret: string, secrets: SecretStore, tell: (event: AccountEvent) => void): Session {
  let key: string | undefined;
  const grant = async (): Promise<GrantAnswer> => {
    try {
      key ??= await secrets.get(secret);
    } catch (error) {
      if (!(error instanceof SecretError)) throw error;
      tell({ type: 'keychain', problem: error.kind });
      return signInNeeded(error.message);
    }
    if (key === undefined) {
      tell({ type: 'rejected', reason: 'The key is not in the keychain any more.' });
      return signInNeeded('The OpenAI key is not in the keychain any more.');
    }
    return { lane: 'platform', token: key, accountId: null };
  };
  return {
    grant,
    async refused(token) {
      if (key !== undefined && key !== token) return grant();
      tell({ type: 'rejected', reason: 'OpenAI does not accept this key any more.' });
      return signInNeeded('OpenAI does not accept the key any more.');
    },
    async retry() {
      key = undefined;
      if (!('error' in (await grant()))) tell({ type: 'usable' });
    },
    stop: async () => {},
  };
}

/** Whether a 401 of the platform is about what a restricted key may do, and not about the key. Pure. */
export function lacksScope(body: string): boolean {
  return /missing_scope|missing scopes|insufficient permissions/i.test(body);
}
