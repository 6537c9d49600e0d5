import { httpUpstream } from '../upstreams/http.ts';
import type { ProxySources } from '../upstreams/proxy.ts';
import type { Upstream } from '../upstreams/upstream.ts';

/** The connections of one bridge to its provider's services. */
export type Pools = {
  /** Where calls to this address go: an origin and a base path. */
  to(baseUrl: string): Upstream;
  stop(): Promise<void>;
};

/** `timeoutMs`: see HttpUpstreamOptions. Where it changes, the next call goes over new connections; those under way go on. */
export function createPools(id: string, timeoutMs: () => number, proxies: () => ProxySources): Pools {
  const pools = new Map<string, Upstream>();
  return {
    to(baseUrl) {
      const key = `${timeoutMs()} ${baseUrl}`;
      const kept = pools.get(key) ?? httpUpstream({ id, baseUrl, timeoutMs: timeoutMs(), publicOnly: true, proxies });
      pools.set(key, kept);
      return kept;
    },
    async stop() {
      await Promise.all(Array.from(pools.values(), (upstream) => upstream.stop()));
    },
  };
}
