import type { SecretStore } from '../engine/secrets.ts';
import type { ServiceToken } from './edge.ts';

/** The edge's service tokens, one per tunnel, in the keychain and nowhere else. */
export type Tokens = {
  get(tunnel: string): Promise<ServiceToken | undefined>;
  set(tunnel: string, token: ServiceToken): Promise<void>;
  remove(tunnel: string): Promise<void>;
};

export function createTokens(keychain: SecretStore): Tokens {
  const nameOf = (tunnel: string): string => `tunnel-token-${tunnel}`;
  return {
    async get(tunnel) {
      const [id, secret] = (await keychain.get(nameOf(tunnel)))?.split('\n') ?? [];
      return id === undefined || secret === undefined ? undefined : { id, secret };
    },
    set: (tunnel, { id, secret }) => keychain.set(nameOf(tunnel), `${id}\n${secret}`),
    async remove(tunnel) {
      await keychain.delete(nameOf(tunnel));
    },
  };
}
