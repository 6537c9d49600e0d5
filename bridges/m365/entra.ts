import type { AuthenticationResult, INetworkModule, NetworkRequestOptions, PublicClientApplication } from '@azure/msal-node';
import { z } from 'zod';
import type { Net } from '../accounts/net.ts';
import { whyUnanswered } from '../accounts/unanswered.ts';
import { faultOf, renewalFaultOf, SERVICE, unanswered, unreachable, type AppRegistration, type Fault, type Said } from './faults.ts';

/** What a sign-in or a renewal gave. `cache` is all that the library needs to renew: a secret. */
export type Granted = {
  access: string;
  expiresInMs: number;
  scopes: readonly string[];
  cache: string;
  /** Object and home directory of the account, `<object>.<directory>`. */
  homeId: string;
  /** The directory that gave the token. */
  tenantId: string;
  username: string;
};
export type Outcome = { granted: Granted } | { fault: Fault };

export type EntraOptions = {
  net: Net;
  app: AppRegistration;
  scopes: readonly string[];
  cache?: string | undefined;
  pause?: Pause | undefined;
};
/** Resolves after a time, or when the signal aborts. */
export type Pause = (milliseconds: number, signal: AbortSignal | undefined) => Promise<void>;

export type Asking = {
  url: string;
  /** Spends the code that came back. */
  redeem(answer: { code: string; clientInfo: string }): Promise<Outcome>;
};

/** Entra for one app registration, through Microsoft's own library (SPEC 7.3). Nothing here throws for what Entra says. */
export type Entra = {
  ask(options: { redirectUri: string; state: string; claims: string | null }): Promise<Asking | { fault: Fault }>;
  byCode(options: { claims: string | null; onCode: (start: CodeStart) => void; signal: AbortSignal }): Promise<Outcome>;
  renew(options: { homeId: string; claims: string | null }): Promise<Outcome>;
};
export type CodeStart = { url: string; code: string };

/** Continuous access evaluation: we can be told to prove more, and to do so (SPEC 7.3). */
const CAPABILITIES = ['CP1'];
const SLOW_DOWN_MS = 5_000;

export async function openEntra(options: EntraOptions): Promise<Entra> {
  const { app, scopes } = options;
  // Loaded when somebody signs in, and no sooner: few people use every bridge.
  const { PublicClientApplication, CryptoProvider, InteractionRequiredAuthError, PromptValue, ResponseMode, LogLevel } =
    await import('@azure/msal-node');
  // The library speaks to https alone. A stand-in on loopback has none, and is reached as its settings say.
  const secure = app.login.replace(/^http:/, 'https:');
  let cache = options.cache;
  const line = new Line(options.net, app.login, secure, options.pause ?? aWhile);
  const msal: PublicClientApplication = new PublicClientApplication({
    auth: {
      clientId: app.clientId,
      authority: `${secure}/${app.tenant}`,
      knownAuthorities: [new URL(secure).host],
      clientCapabilities: CAPABILITIES,
    },
    cache: {
      cachePlugin: {
        async beforeCacheAccess({ tokenCache }) {
          if (cache !== undefined) tokenCache.deserialize(cache);
        },
        async afterCacheAccess({ tokenCache, cacheHasChanged }) {
          if (cacheHasChanged) cache = tokenCache.serialize();
        },
      },
    },
    system: {
      networkClient: line,
      disableInternalRetries: true,
      // What it would log names accounts and holds parts of answers.
      loggerOptions: { loggerCallback: () => {}, piiLoggingEnabled: false, logLevel: LogLevel.Error },
    },
  });

  const claimsOf = (claims: string | null): { claims?: string } => (claims === null ? {} : { claims });
  const outcome = async (work: () => Promise<AuthenticationResult | null>, judge = faultOf): Promise<Outcome> => {
    const result = await attempt(work, judge);
    if ('fault' in result) return result;
    const { value } = result;
    if (value?.account == null || cache === undefined) return { fault: faultOf(NOTHING, app, scopes) };
    return {
      granted: {
        access: value.accessToken,
        // The library reckons by this machine's clock, whichever the engine goes by.
        expiresInMs: Math.max(0, (value.expiresOn?.getTime() ?? 0) - Date.now()),
        scopes: value.scopes,
        cache,
        homeId: value.account.homeAccountId,
        tenantId: value.tenantId,
        username: value.account.username,
      },
    };
  };
  const attempt = async <T>(work: () => Promise<T>, judge = faultOf): Promise<{ value: T } | { fault: Fault }> => {
    line.begin();
    try {
      return { value: await work() };
    } catch (error) {
      // The library's own words drop what Entra said; the answers themselves were read as they passed.
      if (line.lost !== undefined) return { fault: line.lost };
      const unsaid = error instanceof InteractionRequiredAuthError ? NOTHING : UNREADABLE;
      return { fault: judge(line.said ?? unsaid, app, scopes) };
    }
  };

  return {
    async ask({ redirectUri, state, claims }) {
      const crypto = new CryptoProvider();
      const { verifier, challenge } = await crypto.generatePkceCodes();
      const nonce = crypto.createNewGuid();
      const request = { scopes: [...scopes], redirectUri, ...claimsOf(claims) };
      const made = await attempt(() =>
        msal.getAuthCodeUrl({
          ...request,
          state,
          nonce,
          prompt: PromptValue.SELECT_ACCOUNT,
          responseMode: ResponseMode.FORM_POST,
          codeChallenge: challenge,
          codeChallengeMethod: 'S256',
        }),
      );
      if ('fault' in made) return made;
      return {
        url: made.value.replace(secure, app.login),
        redeem: ({ code, clientInfo }) =>
          outcome(() => msal.acquireTokenByCode({ ...request, code, clientInfo, nonce, codeVerifier: verifier })),
      };
    },
    byCode({ claims, onCode, signal }) {
      line.signal = signal;
      return outcome(() =>
        msal.acquireTokenByDeviceCode({
          scopes: [...scopes],
          ...claimsOf(claims),
          deviceCodeCallback: ({ verificationUri, userCode }) => onCode({ url: verificationUri, code: userCode }),
        }),
      );
    },
    renew: ({ homeId, claims }) =>
      outcome(async () => {
        const account = (await msal.getTokenCache().getAllAccounts()).find(({ homeAccountId }) => homeAccountId === homeId);
        if (account === undefined) return null;
        return msal.acquireTokenSilent({ account, scopes: [...scopes], forceRefresh: true, ...claimsOf(claims) });
      }, renewalFaultOf),
  };
}

/** The app registration alone, without anybody signing in: a code is asked for and thrown away. */
export async function probeApp({ net, app, scopes }: EntraOptions): Promise<Fault | undefined> {
  const form = { client_id: app.clientId, scope: [...scopes, 'openid', 'profile', 'offline_access'].join(' ') };
  const reply = await net({ method: 'POST', url: `${app.login}/${app.tenant}/oauth2/v2.0/devicecode`, form }).catch(noAnswer);
  if ('why' in reply) return unreachable(reply.why);
  if (reply.status === 200) return undefined;
  const said = saidIn(reply.body);
  return said === undefined ? unanswered(reply.status, null) : faultOf(said, app, scopes);
}

/** The cache holds nothing to renew with. */
const NOTHING: Said = { error: 'interaction_required', description: '', claims: null };
/** Entra gave something, and the library can do nothing with it. */
const UNREADABLE: Said = { error: 'unreadable_answer', description: '', claims: null };
/** One of these is in whatever Entra gives: tokens, a code to type in, or its own addresses. */
const GIVEN = ['access_token', 'device_code', 'authorization_endpoint', 'tenant_discovery_endpoint'] as const;

const OAuthError = z.object({
  error: z.string(),
  error_description: z.string().optional(),
  claims: z.string().optional(),
  suberror: z.string().optional(),
});

function saidIn(body: unknown): Said | undefined {
  const read = OAuthError.safeParse(body);
  return read.success
    ? {
        error: read.data.error,
        description: read.data.error_description ?? '',
        claims: read.data.claims ?? null,
        suberror: read.data.suberror,
      }
    : undefined;
}

/** Whether there is anything of Entra's in an answer: a proxy, or a hotel's page, answers in its place. */
function isGiven(body: unknown): boolean {
  return typeof body === 'object' && body !== null && GIVEN.some((field) => field in body);
}

/** The library's way to Entra, over our own network: it sees each answer, and rides out what a waiting code should not end at. */
class Line implements INetworkModule {
  said: Said | undefined;
  lost: Fault | undefined;
  signal: AbortSignal | undefined;
  readonly #net: Net;
  readonly #login: string;
  readonly #secure: string;
  readonly #pause: Pause;
  /** How much longer than the library's interval each poll waits. Milliseconds. */
  #slower = 0;

  constructor(net: Net, login: string, secure: string, pause: Pause) {
    this.#net = net;
    this.#login = login;
    this.#secure = secure;
    this.#pause = pause;
  }

  begin(): void {
    this.said = undefined;
    this.lost = undefined;
  }

  sendGetRequestAsync<T>(url: string, options?: NetworkRequestOptions): Promise<Reply<T>> {
    return this.#send('GET', url, options);
  }

  sendPostRequestAsync<T>(url: string, options?: NetworkRequestOptions): Promise<Reply<T>> {
    return this.#send('POST', url, options);
  }

  async #send<T>(method: 'GET' | 'POST', url: string, options: NetworkRequestOptions = {}): Promise<Reply<T>> {
    const form = options.body === undefined ? undefined : Object.fromEntries(new URLSearchParams(options.body));
    const headers = Object.fromEntries(Object.entries(options.headers ?? {}).filter(([name]) => name.toLowerCase() !== 'content-type'));
    const waits = form?.['grant_type'] === 'device_code';
    if (waits && this.#slower > 0) await this.#pause(this.#slower, this.signal);
    if (waits && this.signal?.aborted === true) throw new Error('cancelled');
    const reply = await this.#net({
      method,
      url: url.replace(this.#secure, this.#login),
      headers,
      ...(form === undefined ? {} : { form }),
    }).catch(noAnswer);
    if ('why' in reply) {
      if (waits) return pending();
      this.lost = unreachable(reply.why);
      throw new Error('Entra could not be reached.');
    }
    const said = saidIn(reply.body);
    if (waits && said?.error === 'slow_down') {
      // For this and all later requests (RFC 8628, section 3.5).
      this.#slower += SLOW_DOWN_MS;
      return pending();
    }
    if (reply.status >= 500 || reply.status === 429 || (said === undefined && !isGiven(reply.body))) {
      if (waits) return pending();
      this.lost = unanswered(reply.status, retryAfter(reply.headers['retry-after']));
      throw new Error('Entra could not be reached.');
    }
    this.said = said ?? this.said;
    // The library would take a refusal for a code.
    if (said !== undefined && /\/devicecode(?:\?|$)/.test(url)) throw new Error('Entra gives no code.');
    const body: T = JSON.parse(JSON.stringify(reply.body ?? {}));
    return { status: reply.status, headers: { ...reply.headers }, body };
  }
}

type Reply<T> = { status: number; headers: Record<string, string>; body: T };

const noAnswer = (error: unknown): { why: string | undefined } => ({ why: whyUnanswered(error, SERVICE) });

/** As Entra says it while nobody has typed the code in. */
function pending<T>(): Reply<T> {
  const body: T = JSON.parse('{"error":"authorization_pending"}');
  return { status: 400, headers: {}, body };
}

function retryAfter(value: string | undefined): number | null {
  const seconds = Number(value);
  return value !== undefined && Number.isFinite(seconds) ? seconds * 1000 : null;
}

const aWhile: Pause = (milliseconds, signal) => {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    timer.unref();
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
};
