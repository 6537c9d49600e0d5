import { signInNeeded, type Grant as AnyGrant, type GrantAnswer, type Session } from '../accounts/call.ts';
import {
  createTokenKeeper,
  type KeeperOptions,
  type Renewal,
  type TokenAnswer,
  type TokenKeeper,
  type Tokens,
} from '../accounts/keeper.ts';
import type { Net } from '../accounts/net.ts';
import type { Clock } from '../engine/clock.ts';
import type { BackEnd } from './back-end.ts';
import { openEntra, type Granted } from './entra.ts';
import type { AppRegistration, Fault } from './faults.ts';

/** What a call goes out with. */
export type Grant = AnyGrant & { backEnd: BackEnd; baseUrl: string; account: string };

/** What is known of who is signed in. */
export type Who = { homeId: string; tenantId: string; scopes: readonly string[] };

export type M365Session = Session<Grant> & {
  backEnd: BackEnd;
  /** Undefined where the keychain gives nothing. */
  who(): Promise<Who | undefined>;
  keeper: TokenKeeper;
};

/** Name of the secret of an account. */
export const secretOf = (id: string): string => `m365/${id}`;

/** The library's whole cache is what renews: it is kept as one secret with the token, by the one owner of tokens. */
export function tokensOf(granted: Granted, now: number): Tokens {
  return {
    access: granted.access,
    refresh: null,
    expiresAt: now + granted.expiresInMs,
    refreshFrom: null,
    extra: { cache: granted.cache, homeId: granted.homeId, tenantId: granted.tenantId, scopes: granted.scopes.join(' ') },
  };
}

export type SessionOptions = Omit<KeeperOptions, 'adapter' | 'secret'> & {
  id: string;
  backEnd: BackEnd;
  baseUrl: () => string;
  net: Net;
  /** Throws where the settings name none any more. */
  app: () => AppRegistration;
  clock: Clock;
  onFault: (fault: Fault | undefined) => void;
};

/** A signed-in Microsoft account: its tokens renew themselves, and prove more where they are asked to. */
export function m365Session(options: SessionOptions): M365Session {
  const { id, backEnd } = options;
  /** What the service wants proved next (CAE), until a renewal has proved it. */
  let claims: string | null = null;

  const renew = async (tokens: Tokens): Promise<Renewal> => {
    const entra = await openEntra({ net: options.net, app: options.app(), scopes: backEnd.scopes, cache: tokens.extra['cache'] });
    const outcome = await entra.renew({ homeId: tokens.extra['homeId'] ?? '', claims });
    if ('granted' in outcome) {
      claims = null;
      options.onFault(undefined);
      return { kind: 'renewed', tokens: tokensOf(outcome.granted, options.clock.now()) };
    }
    const { fault } = outcome;
    if (fault.kind === 'passing') return { kind: 'passing', reason: fault.reason, retryAfterMs: fault.retryAfterMs };
    options.onFault({ ...fault, claims: fault.claims ?? claims });
    return { kind: 'terminal', reason: `${fault.reason} ${fault.mend}` };
  };
  const keeper: TokenKeeper = createTokenKeeper({ ...options, secret: secretOf(id), adapter: { renew } });

  const grantOf = (answer: TokenAnswer): GrantAnswer<Grant> => {
    if ('tokens' in answer) return { token: answer.tokens.access, backEnd, baseUrl: options.baseUrl(), account: id };
    if (answer.problem !== 'passing') return signInNeeded('m365', answer.reason);
    const retryAfter = answer.retryAfterMs === null ? {} : { retryAfter: Math.ceil(answer.retryAfterMs / 1000) };
    return { error: { kind: 'overloaded', message: answer.reason, ...retryAfter } };
  };

  return {
    backEnd,
    keeper,
    grant: async () => grantOf(await keeper.get()),
    async refused(token, headers) {
      const asked = claimsIn(headers['www-authenticate']);
      claims = asked ?? claims;
      return grantOf(await keeper.refused(token, asked !== undefined));
    },
    async retry() {
      await keeper.retry();
    },
    async who() {
      const answer = await keeper.get();
      if (!('tokens' in answer)) return undefined;
      const { homeId = '', tenantId = '', scopes = '' } = answer.tokens.extra;
      return { homeId, tenantId, scopes: scopes.split(' ').filter((scope) => scope !== '') };
    },
    stop: () => keeper.stop(),
  };
}

/** What a 401 asks to be proved (OpenID CAEP, as Entra sends it): `error="insufficient_claims", claims="<base64>"`. Pure. */
export function claimsIn(header: string | string[] | undefined): string | undefined {
  const text = [header ?? ''].flat().join(', ');
  if (!/error="insufficient_claims"/i.test(text)) return undefined;
  const encoded = /claims="([A-Za-z0-9+/=_-]{1,8192})"/.exec(text)?.[1];
  if (encoded === undefined) return undefined;
  const claims = Buffer.from(encoded, 'base64').toString('utf8');
  try {
    JSON.parse(claims);
    return claims;
  } catch {
    return undefined;
  }
}
