import type { TunnelDefinition } from '../contract/index.ts';
import type { SecretStore } from '../engine/secrets.ts';
import type { ServiceToken } from './edge.ts';

/** The edge's service tokens, one per tunnel, in the keychain and nowhere else. Each is for the host it was given for. */
export type Tokens = {
  get(tunnel: Bearer): Promise<ServiceToken | undefined>;
  set(tunnel: Bearer, token: ServiceToken): Promise<void>;
  remove(tunnel: string): Promise<void>;
};

type Bearer = Pick<TunnelDefinition, 'name' | 'host'>;

export function createTokens(keychain: SecretStore): Tokens {
  const nameOf = (tunnel: string): string => `tunnel-token-${tunnel}`;
  return {
    async get({ name, host }) {
      const [id, secret, givenFor = host] = (await keychain.get(nameOf(name)))?.split('\n') ?? [];
      return id === undefined || secret === undefined || givenFor !== host ? undefined : { id, secret };
    },
    set: ({ name, host }, { id, secret }) => keychain.set(nameOf(name), `${id}\n${secret}\n${host}`),
    async remove(tunnel) {
      await keychain.delete(nameOf(tunnel));
    },
  };
}
