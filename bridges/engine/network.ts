import { z } from 'zod';
import type { NetworkStatus, Settings } from '../contract/index.ts';
import { namedProxy, type ProxySources } from '../upstreams/proxy.ts';
import { holdSecret } from './held-secret.ts';
import type { Logger } from './log.ts';
import { SECRET_PROBLEMS, type SecretStore } from './secrets.ts';

/** What names the proxy on the way out, its login in the keychain. */
export type Network = {
  /** For whoever opens connections. */
  proxies: () => ProxySources;
  /** The proxy in force for TLS, or that what names one can't be used. */
  proxy(): ReturnType<typeof namedProxy>;
  status(): NetworkStatus;
  /** May throw DrawbridgeError settings_invalid, SecretError. */
  set(wanted: NetworkWanted): Promise<NetworkStatus>;
  /** Reads the login anew, where there is a proxy that could want one. Never rejects. */
  read(): Promise<void>;
  /** True where there is such a proxy, and the keychain could not be read the last time. */
  failed(): boolean;
};

export type NetworkWanted = {
  proxy: string | null;
  noProxy?: string[] | null | undefined;
  login?: { user: string; password: string } | null | undefined;
};

export type NetworkOptions = {
  settings: { current(): Settings; update(patch: Record<string, unknown>): Settings };
  keychain: SecretStore;
  /** The variables that may name a proxy. */
  env: ProxySources['env'];
  log: Logger;
};

/** As it is kept. `origin`: of the proxy it is for; it must never go to another. */
const Login = z.object({ origin: z.string(), user: z.string(), password: z.string() });

/** See docs/decisions/0033. */
export function createNetwork({ settings, keychain, env, log }: NetworkOptions): Network {
  const own = (): Settings['network'] => settings.current().network;
  const held = holdSecret(keychain, () => own().loginSecret, log);
  const login = (): z.infer<typeof Login> | undefined => {
    const { proxy } = own();
    const kept = readLogin(held.value());
    return proxy !== null && kept?.origin === new URL(proxy).origin ? kept : undefined;
  };

  const proxies = (): ProxySources => {
    const { proxy: setting, noProxy: except } = own();
    const kept = login();
    return {
      setting,
      login: kept && `${kept.user}:${kept.password}`,
      except,
      env,
      pending: setting !== null && held.waiting() ? held.settled() : undefined,
    };
  };
  const proxy = (): ReturnType<typeof namedProxy> => namedProxy('https:', proxies());

  const status = (): NetworkStatus => {
    const found = proxy();
    const problem = own().proxy === null ? null : held.problem();
    const usable = found === undefined || 'unusable' in found ? null : { name: found.name, from: found.from };
    return {
      proxy: own().proxy,
      noProxy: own().noProxy,
      user: login()?.user ?? null,
      inForce: usable,
      unusable: found !== undefined && usable === null ? found.from : null,
      problem: problem && SECRET_PROBLEMS[problem],
      lasting: keychain.lasting,
    };
  };

  return {
    proxies,
    proxy,
    status,
    async set({ proxy: wanted, noProxy, login: given }) {
      const change = (): void => void settings.update({ network: { proxy: wanted, ...(noProxy === undefined ? {} : { noProxy }) } });
      // What is no address is refused there.
      if (wanted !== null && (given === undefined || !URL.canParse(wanted))) change();
      else if (wanted === null || given == null) await held.replace(undefined, change);
      else await held.replace(JSON.stringify({ origin: new URL(wanted).origin, ...given }), change);
      return status();
    },
    read: async () => (own().proxy === null ? undefined : held.read()),
    failed: () => own().proxy !== null && held.problem() !== null,
  };
}

function readLogin(secret: string | undefined): z.infer<typeof Login> | undefined {
  if (secret === undefined) return undefined;
  try {
    return Login.parse(JSON.parse(secret));
  } catch {
    return undefined;
  }
}
