import { z } from 'zod';
import type { NetworkStatus, Settings } from '../contract/index.ts';
import { namedProxy, type Proxy, type ProxySources, type Refusals } from '../upstreams/proxy.ts';
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
  /** Milliseconds of a clock that never jumps. */
  now: () => number;
  /** What `status` tells may be another now. */
  onChange: () => void;
};

/** A login that was refused is sent no sooner than this again. */
const REFUSED_MS = 60_000;
const LOGIN_SECRET = 'proxy-login';

/** As it is kept. `origin`: of the proxy it is for; it must never go to another. */
const Login = z.object({ origin: z.string(), user: z.string(), password: z.string() });

/** See docs/decisions/0033. */
export function createNetwork({ settings, keychain, env, log, now, onChange }: NetworkOptions): Network {
  const own = (): Settings['network'] => settings.current().network;
  const held = holdSecret(keychain, () => own().loginSecret ?? LOGIN_SECRET, log);
  /** Whom nobody gave a login to must not wait for the keychain. */
  const hasLogin = (): boolean => own().proxy !== null && own().loginSecret !== null;
  const login = (): z.infer<typeof Login> | undefined => {
    const { proxy } = own();
    const kept = hasLogin() ? readLogin(held.value()) : undefined;
    return proxy !== null && kept?.origin === new URL(proxy).origin ? kept : undefined;
  };

  let refused: { of: string; why: Error; at: number } | undefined;
  const keyOf = ({ name, authorization }: Proxy): string => `${name} ${authorization ?? ''}`;
  const refusals: Refusals = {
    of: (proxy) => (refused?.of === keyOf(proxy) && now() - refused.at < REFUSED_MS ? refused.why : undefined),
    add(proxy, why) {
      refused = { of: keyOf(proxy), why, at: now() };
      onChange();
    },
    clear(proxy) {
      if (refused?.of !== keyOf(proxy)) return;
      refused = undefined;
      onChange();
    },
  };

  const proxies = (): ProxySources => {
    const { proxy: setting, noProxy: except } = own();
    const kept = login();
    return {
      setting,
      login: kept && `${kept.user}:${kept.password}`,
      except,
      env,
      refusals,
      pending: hasLogin() && held.waiting() ? held.settled() : undefined,
    };
  };
  const proxy = (): ReturnType<typeof namedProxy> => namedProxy('https:', proxies());

  const status = (): NetworkStatus => {
    const found = proxy();
    const known = login();
    const problem = hasLogin() && known === undefined ? held.problem() : null;
    const usable = found === undefined || 'unusable' in found ? undefined : found;
    return {
      proxy: own().proxy,
      noProxy: own().noProxy,
      user: known?.user ?? null,
      inForce: usable === undefined ? null : { name: usable.name, from: usable.from },
      unusable: found !== undefined && usable === undefined ? found.from : null,
      problem: problem && SECRET_PROBLEMS[problem],
      refusal: usable !== undefined && refused?.of === keyOf(usable) ? refused.why.message : null,
      lasting: keychain.lasting,
    };
  };

  return {
    proxies,
    proxy,
    status,
    async set({ proxy: wanted, noProxy, login: given }) {
      const change = (more: { loginSecret?: string | null } = {}): void =>
        void settings.update({ network: { proxy: wanted, ...(noProxy === undefined ? {} : { noProxy }), ...more } });
      // What is no address is refused there.
      if (wanted !== null && (given === undefined || !URL.canParse(wanted))) change();
      else if (wanted !== null && given != null) {
        const loginSecret = own().loginSecret ?? LOGIN_SECRET;
        await held.replace(JSON.stringify({ origin: new URL(wanted).origin, ...given }), () => change({ loginSecret }));
      } else {
        // A proxy that is gone must not stay in force for a keychain that is locked; what is left in there is for it alone.
        change({ loginSecret: null });
        await held.replace(undefined, () => {}).catch((error: unknown) => log.warn('keychain.problem', { error }));
      }
      // Typed again, a login is tried again.
      refused = undefined;
      return status();
    },
    read: async () => (hasLogin() ? held.read() : undefined),
    failed: () => hasLogin() && held.problem() !== null,
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
