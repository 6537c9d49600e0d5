import { createHash, randomBytes } from 'node:crypto';
import { createLocalJWKSet, errors as joseErrors, jwtVerify } from 'jose';
import { z } from 'zod';
import type { Renewal, Tokens } from '../accounts/keeper.ts';
import type { Net, NetReply } from '../accounts/net.ts';
import { whyUnanswered } from '../accounts/unanswered.ts';

/** Sign in with ChatGPT, the lane for open-source and local apps (SPEC 3.1). Each function is one exchange. */

const FIRST_CLIENT = 'dynamic_agent_client';
const APP_NAME = 'Drawbridge';
const RESOURCE = 'https://api.openai.com/v1';
const SCOPES = 'openid profile email offline_access resource.invoke chatgpt.tokens.use.direct';
/** Only with this scope may the plan be used. */
const PLAN_SCOPE = 'chatgpt.tokens.use.direct';
export const CALLBACK_PATH = '/auth/callback';

/** What one sign-in must remember until its callback. */
export type Attempt = { state: string; nonce: string; verifier: string; redirectUri: string; clientId: string | null };

export function newAttempt(port: number, clientId: string | null): Attempt {
  const random = (): string => randomBytes(32).toString('base64url');
  return { state: random(), nonce: random(), verifier: random(), redirectUri: `http://127.0.0.1:${port}${CALLBACK_PATH}`, clientId };
}

/** Where the person signs in (SPEC 3.1.3). The optional id_token_hint is left out: a token does not belong in a URL. */
export function authorizeUrl(issuer: string, attempt: Attempt, hostId: string, reconsent: boolean): string {
  const url = new URL(`${issuer}/api/accounts/authorize`);
  url.search = new URLSearchParams({
    client_id: attempt.clientId ?? FIRST_CLIENT,
    ...(attempt.clientId === null ? { agent_name_hint: APP_NAME } : {}),
    ext_agent_host_id: hostId,
    response_type: 'code',
    redirect_uri: attempt.redirectUri,
    scope: SCOPES,
    resource: RESOURCE,
    state: attempt.state,
    nonce: attempt.nonce,
    code_challenge: createHash('sha256').update(attempt.verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...(reconsent ? { prompt: 'consent' } : {}),
  }).toString();
  return url.href;
}

export type Callback =
  | { kind: 'code'; code: string; clientId: string }
  | { kind: 'declined' }
  | { kind: 'failed'; reason: string }
  /** The registration is not known (any more): register anew next time. */
  | { kind: 'unknown_client' }
  /** Not an answer to this sign-in: somebody else's, or nobody's. */
  | { kind: 'foreign' };

/** Reads the callback's query. The state is looked at before anything else is believed (SPEC 3.1.3). */
export function readCallback(query: URLSearchParams, attempt: Attempt): Callback {
  if (query.getAll('state').length !== 1 || query.get('state') !== attempt.state) return { kind: 'foreign' };
  const error = query.get('error');
  if (error === 'access_denied') return { kind: 'declined' };
  if (error === 'invalid_client' || error === 'unauthorized_client') return { kind: 'unknown_client' };
  if (error !== null) return { kind: 'failed', reason: `OpenAI answered the sign-in with "${error.slice(0, 80)}". Try again.` };
  const code = query.get('code');
  const given = query.get('client_id');
  if (code === null || code === '') return { kind: 'failed', reason: 'OpenAI sent no code back. Try again.' };
  if (attempt.clientId === null) {
    if (given === null || given === '' || given === FIRST_CLIENT)
      return { kind: 'failed', reason: 'OpenAI registered no client for this app. Try again later.' };
    return { kind: 'code', code, clientId: given };
  }
  if (given !== null && given !== attempt.clientId)
    return { kind: 'failed', reason: 'The answer was for another app than the one that asked. Try again.' };
  return { kind: 'code', code, clientId: attempt.clientId };
}

const TokenReply = z.object({
  access_token: z.string().min(1),
  refresh_token: z.string().min(1).optional(),
  id_token: z.string().optional(),
  expires_in: z.number().positive().nullish(),
  scope: z.string().nullish(),
  earliest_refresh_at: z.union([z.number(), z.string()]).nullish(),
});

export type Exchange =
  | { kind: 'signed_in'; tokens: Tokens; subject: string; email: string | null }
  /** Signed in, but the plan was not shared. */
  | { kind: 'identity_only'; email: string | null }
  /** The registration is not known (any more): register anew next time. */
  | { kind: 'unknown_client' }
  | { kind: 'failed'; reason: string };

/** Changes the code for tokens and checks who they are for. Never throws. */
export async function exchange(net: Net, issuer: string, attempt: Attempt, code: string, clientId: string, now: number): Promise<Exchange> {
  try {
    const reply = await net({
      method: 'POST',
      url: `${issuer}/api/accounts/oauth/token`,
      form: {
        grant_type: 'authorization_code',
        client_id: clientId,
        code,
        code_verifier: attempt.verifier,
        redirect_uri: attempt.redirectUri,
        resource: RESOURCE,
      },
    });
    if (errorCode(reply) === 'invalid_client') return { kind: 'unknown_client' };
    const given = TokenReply.safeParse(reply.body);
    if (reply.status !== 200 || !given.success || given.data.id_token === undefined)
      return {
        kind: 'failed',
        reason: `OpenAI did not complete the sign-in (${errorCode(reply) ?? `status ${reply.status}`}). Try again.`,
      };
    const who = await identify(net, issuer, given.data.id_token, clientId, attempt.nonce, serverTime(reply, now));
    const scopes = (given.data.scope ?? '').split(' ');
    if (!scopes.includes(PLAN_SCOPE)) return { kind: 'identity_only', email: who.email };
    return { kind: 'signed_in', tokens: tokensOf(given.data, clientId, reply, now, null), ...who };
  } catch (error) {
    if (error instanceof joseErrors.JOSEError || error instanceof IdentityError)
      return { kind: 'failed', reason: `OpenAI’s answer did not prove who signed in (${error.message}). Try again.` };
    const reason = 'OpenAI could not be reached to complete the sign-in. Check the network, then try again.';
    return { kind: 'failed', reason: whyUnanswered(error, 'OpenAI') ?? reason };
  }
}

class IdentityError extends Error {}

const Identity = z.object({ sub: z.string().min(1), nonce: z.string(), email: z.string().optional() });

/** Verifies the ID token: signature, issuer, audience, expiry, nonce. Time is the issuer's own, so a wrong clock here does no harm. */
async function identify(
  net: Net,
  issuer: string,
  idToken: string,
  clientId: string,
  nonce: string,
  currentDate: Date,
): Promise<{ subject: string; email: string | null }> {
  const keys = await net({ method: 'GET', url: `${issuer}/.well-known/jwks.json` });
  const set = z.object({ keys: z.array(z.record(z.string(), z.unknown())) }).parse(keys.body);
  const { payload } = await jwtVerify(idToken, createLocalJWKSet(set), {
    issuer,
    audience: clientId,
    algorithms: ['RS256'],
    clockTolerance: 5,
    currentDate,
    requiredClaims: ['sub', 'exp', 'nonce'],
  });
  const identity = Identity.parse(payload);
  if (identity.nonce !== nonce) throw new IdentityError('the answer is for another sign-in');
  return {
    subject: createHash('sha256').update(`${issuer}\n${clientId}\n${identity.sub}`).digest('hex').slice(0, 12),
    email: identity.email ?? null,
  };
}

/** SPEC 3.1.4: what no waiting mends. */
const TERMINAL: Readonly<Record<string, string>> = {
  invalid_grant: 'OpenAI has ended this sign-in.',
  invalid_refresh_token: 'OpenAI has ended this sign-in.',
  token_expired: 'The sign-in has run out: it was not used for a month.',
  refresh_token_expired: 'The sign-in has run out: it was not used for a month.',
  refresh_token_invalidated: 'The sign-in was revoked.',
  refresh_token_reused: 'OpenAI ended the sign-in because its token was used twice.',
};
const CONFIGURATION_RETRY_MS = 3_600_000;

/** Renews tokens (SPEC 3.1.4). `onUnknown`: OpenAI does not know the client they were given to. Never throws. */
export async function renew(
  net: Net,
  issuer: string,
  held: Tokens,
  now: number,
  onUnknown: (clientId: string) => void = () => {},
): Promise<Renewal> {
  const clientId = held.extra['clientId'] ?? '';
  if (held.refresh === null) return { kind: 'terminal', reason: 'The sign-in has run out, and OpenAI gave nothing to renew it with.' };
  let reply: NetReply;
  try {
    reply = await net({
      method: 'POST',
      url: `${issuer}/api/accounts/oauth/token`,
      form: { grant_type: 'refresh_token', client_id: clientId, refresh_token: held.refresh, resource: RESOURCE },
    });
  } catch (error) {
    const reason = whyUnanswered(error, 'OpenAI') ?? 'OpenAI could not be reached to renew the sign-in. It is tried again by itself.';
    return { kind: 'passing', reason, retryAfterMs: null };
  }
  const given = TokenReply.safeParse(reply.body);
  if (reply.status === 200 && given.success) return { kind: 'renewed', tokens: tokensOf(given.data, clientId, reply, now, held.refresh) };
  const code = errorCode(reply);
  const terminal = code === undefined ? undefined : TERMINAL[code];
  if (terminal !== undefined) return { kind: 'terminal', reason: terminal };
  if (code === 'invalid_client') {
    onUnknown(clientId);
    const reason = 'OpenAI does not know this app’s registration. Sign in again if this stays so.';
    return { kind: 'passing', reason, retryAfterMs: CONFIGURATION_RETRY_MS };
  }
  const reason = `OpenAI did not renew the sign-in this time (${code ?? `status ${reply.status}`}). It is tried again by itself.`;
  return { kind: 'passing', reason, retryAfterMs: retryAfter(reply, now) };
}

/** Ends a sign-in at the provider. True where that was confirmed. */
export async function revoke(net: Net, issuer: string, held: Tokens): Promise<boolean> {
  if (held.refresh === null) return false;
  try {
    const reply = await net({
      method: 'POST',
      url: await revokeUrl(net, issuer),
      form: { token: held.refresh, token_type_hint: 'refresh_token', client_id: held.extra['clientId'] ?? '' },
    });
    return reply.status === 200;
  } catch {
    return false;
  }
}

/** From discovery, and only at the issuer's own address: a token goes nowhere else. */
async function revokeUrl(net: Net, issuer: string): Promise<string> {
  const usual = `${issuer}/api/accounts/oauth/revoke`;
  const reply = await net({ method: 'GET', url: `${issuer}/.well-known/openid-configuration` });
  const found = z.object({ revocation_endpoint: z.url() }).safeParse(reply.body);
  const named = found.success ? found.data.revocation_endpoint : usual;
  return new URL(named).origin === new URL(issuer).origin ? named : usual;
}

function tokensOf(given: z.infer<typeof TokenReply>, clientId: string, reply: NetReply, now: number, oldRefresh: string | null): Tokens {
  const earliest = timeOf(given.earliest_refresh_at);
  return {
    access: given.access_token,
    refresh: given.refresh_token ?? oldRefresh,
    expiresAt: typeof given.expires_in === 'number' ? now + given.expires_in * 1000 : null,
    // Told in the provider's time; ours may differ.
    refreshFrom: earliest === null ? null : earliest - (serverTime(reply, now).getTime() - now),
    extra: { clientId },
  };
}

function timeOf(value: number | string | null | undefined): number | null {
  if (value === null || value === undefined) return null;
  const time = typeof value === 'number' ? value * 1000 : Date.parse(value);
  return Number.isNaN(time) ? null : time;
}

function serverTime(reply: NetReply, now: number): Date {
  const told = Date.parse(reply.headers['date'] ?? '');
  return new Date(Number.isNaN(told) ? now : told);
}

function retryAfter(reply: NetReply, now: number): number | null {
  const text = reply.headers['retry-after'];
  if (text === undefined) return null;
  const seconds = Number(text);
  const wait = Number.isNaN(seconds) ? Date.parse(text) - serverTime(reply, now).getTime() : seconds * 1000;
  return Number.isNaN(wait) ? null : Math.max(0, wait);
}

const ErrorReply = z.object({ error: z.union([z.string(), z.object({ code: z.string() })]) });

function errorCode(reply: NetReply): string | undefined {
  const parsed = ErrorReply.safeParse(reply.body);
  if (!parsed.success) return undefined;
  const code = typeof parsed.data.error === 'string' ? parsed.data.error : parsed.data.error.code;
  return code.replace(/[^\w.-]/g, '').slice(0, 60);
}
