import { z } from 'zod';
import type { Renewal, Tokens } from '../accounts/keeper.ts';
import type { Net, NetReply } from '../accounts/net.ts';
import { answeredByAnother, whyUnanswered } from '../accounts/unanswered.ts';
import type { Pause } from '../engine/clock.ts';

/** GitHub's device flow (SPEC 5.3), with the person's own OAuth app. */

const Started = z.object({
  device_code: z.string(),
  user_code: z.string(),
  verification_uri: z.url(),
  // Some servers tell it as a text.
  interval: z.coerce.number().min(1).max(120).default(5),
  expires_in: z.coerce.number().positive().default(900),
});
export type DeviceStart = { deviceCode: string; userCode: string; url: string; intervalMs: number; expiresInMs: number };

/** A GitHub App's tokens run out and come with one to renew them by; an OAuth app's do not. */
const Given = z.object({
  access_token: z.string().min(1),
  refresh_token: z.string().min(1).optional(),
  expires_in: z.coerce.number().positive().optional(),
});
const Refused = z.object({ error: z.string(), interval: z.coerce.number().optional() });

export type DeviceResult =
  | { kind: 'signed_in'; tokens: Tokens }
  | { kind: 'declined' }
  | { kind: 'cancelled' }
  | { kind: 'failed'; reason: string };

/** Nothing tries a sign-in again by itself. */
export const NOT_REACHED = 'GitHub could not be reached. Check the network, then try again.';

/** Asks for a code to type in. Returns a sentence where there is none. */
export async function startDevice(net: Net, github: string, clientId: string): Promise<DeviceStart | { problem: string }> {
  const form = { client_id: clientId, scope: 'read:user' };
  const reply = await net({ method: 'POST', url: `${github}/login/device/code`, form }).catch((error: unknown) => ({
    problem: whyUnanswered(error, 'GitHub') ?? NOT_REACHED,
  }));
  if ('problem' in reply) return reply;
  const started = Started.safeParse(reply.body);
  if (reply.status !== 200 || !started.success) return { problem: whyNoCode(reply) };
  const { device_code: deviceCode, user_code: userCode, verification_uri: url, interval, expires_in: expires } = started.data;
  return { deviceCode, userCode, url, intervalMs: interval * 1000, expiresInMs: expires * 1000 };
}

function whyNoCode(reply: NetReply): string {
  const { status, body } = reply;
  if (status === 404 || refusedIn(reply) !== undefined)
    return 'GitHub does not know this OAuth app, or its device flow is switched off. Check bridges.copilot.clientId in the settings.';
  if (body === undefined && status < 500) return answeredByAnother('GitHub');
  return `GitHub gave no code this time (status ${status}). Try again in a while.`;
}

type PollOptions = {
  net: Net;
  github: string;
  clientId: string;
  start: DeviceStart;
  signal: AbortSignal;
  now: () => number;
  pause: Pause;
};

/** Waits until the person has answered. An outage of GitHub's is waited out; never asks faster than it was told to. */
export async function pollDevice({ net, github, clientId, start, signal, now, pause }: PollOptions): Promise<DeviceResult> {
  let interval = start.intervalMs;
  for (let waited = 0; waited < start.expiresInMs; waited += interval) {
    await pause(interval, signal);
    if (signal.aborted) return { kind: 'cancelled' };
    const reply = await net({
      method: 'POST',
      url: `${github}/login/oauth/access_token`,
      form: { client_id: clientId, device_code: start.deviceCode, grant_type: 'urn:ietf:params:oauth:grant-type:device_code' },
    }).catch(() => undefined);
    const given = Given.safeParse(reply?.body);
    if (given.success) return { kind: 'signed_in', tokens: tokensOf(given.data, clientId, now()) };
    const refused = refusedIn(reply);
    if (refused === undefined) continue;
    const { error, interval: told } = refused;
    if (error === 'access_denied') return { kind: 'declined' };
    if (error === 'slow_down') interval = Math.max(interval + 5_000, (told ?? 0) * 1000);
    else if (error === 'expired_token') break;
    else if (error !== 'authorization_pending')
      return { kind: 'failed', reason: `GitHub ended the sign-in (${plainCode(error)}). Try again.` };
  }
  return { kind: 'failed', reason: 'Nobody typed the code in before it ran out. Try again.' };
}

/** What no waiting mends, in GitHub's words and in RFC 6749's (section 5.2). */
const ENDED: ReadonlySet<string> = new Set(['bad_refresh_token', 'invalid_grant', 'expired_token', 'access_denied']);

/** Changes a refresh token for new tokens. Only that GitHub ended the sign-in is final; no answer, and any other, is not. */
export async function renewToken(
  net: Net,
  { github, clientId, refresh, now }: { github: string; clientId: string; refresh: string; now: number },
): Promise<Renewal> {
  const reply = await net({
    method: 'POST',
    url: `${github}/login/oauth/access_token`,
    form: { client_id: clientId, grant_type: 'refresh_token', refresh_token: refresh },
  }).catch((error: unknown) => ({ why: whyUnanswered(error, 'GitHub') }));
  if ('why' in reply) return notRenewed(reply.why);
  const given = Given.safeParse(reply.body);
  if (given.success) return { kind: 'renewed', tokens: tokensOf(given.data, clientId, now) };
  const refused = refusedIn(reply);
  if (refused === undefined) return notRenewed();
  const code = plainCode(refused.error);
  if (ENDED.has(refused.error)) return { kind: 'terminal', reason: `GitHub has ended this sign-in (${code}).` };
  return notRenewed(`GitHub did not renew the sign-in this time (${code}). It is tried again by itself.`);
}

function notRenewed(reason = 'GitHub could not be reached to renew the sign-in. It is tried again by itself.'): Renewal {
  return { kind: 'passing', reason, retryAfterMs: null };
}

/** GitHub's no. An outage, or too many requests, is none, in whatever words it is told. */
function refusedIn(reply: NetReply | undefined): z.infer<typeof Refused> | undefined {
  return reply === undefined || reply.status >= 500 || reply.status === 429 ? undefined : Refused.safeParse(reply.body).data;
}

function tokensOf(given: z.infer<typeof Given>, clientId: string, now: number): Tokens {
  return {
    access: given.access_token,
    refresh: given.refresh_token ?? null,
    expiresAt: given.expires_in === undefined ? null : now + given.expires_in * 1000,
    refreshFrom: null,
    extra: { clientId },
  };
}

const plainCode = (code: string): string => code.replace(/[^\w.-]/g, '').slice(0, 60);
