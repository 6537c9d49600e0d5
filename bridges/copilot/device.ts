import { z } from 'zod';
import type { Net } from '../accounts/net.ts';

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

const Polled = z.object({ access_token: z.string().optional(), error: z.string().optional(), interval: z.coerce.number().optional() });

export type DeviceResult =
  | { kind: 'signed_in'; token: string }
  | { kind: 'declined' }
  | { kind: 'cancelled' }
  | { kind: 'failed'; reason: string };

/** Asks for a code to type in. Returns a sentence where there is none. */
export async function startDevice(net: Net, github: string, clientId: string): Promise<DeviceStart | { problem: string }> {
  const reply = await net({ method: 'POST', url: `${github}/login/device/code`, form: { client_id: clientId, scope: 'read:user' } }).catch(
    () => undefined,
  );
  if (reply === undefined) return { problem: 'GitHub could not be reached. Check the network, then try again.' };
  const started = Started.safeParse(reply.body);
  if (reply.status !== 200 || !started.success)
    return {
      problem: 'GitHub does not know this OAuth app, or its device flow is switched off. Check bridges.copilot.clientId in the settings.',
    };
  const { device_code: deviceCode, user_code: userCode, verification_uri: url, interval, expires_in: expires } = started.data;
  return { deviceCode, userCode, url, intervalMs: interval * 1000, expiresInMs: expires * 1000 };
}

export type PollOptions = {
  net: Net;
  github: string;
  clientId: string;
  start: DeviceStart;
  signal: AbortSignal;
  /** Resolves after a time, or when the signal aborts. */
  pause: (milliseconds: number, signal: AbortSignal) => Promise<void>;
};

/** Waits until the person has answered. An outage of GitHub's is waited out; never asks faster than it was told to. */
export async function pollDevice({ net, github, clientId, start, signal, pause }: PollOptions): Promise<DeviceResult> {
  let interval = start.intervalMs;
  for (let waited = 0; waited < start.expiresInMs; waited += interval) {
    await pause(interval, signal);
    if (signal.aborted) return { kind: 'cancelled' };
    const reply = await net({
      method: 'POST',
      url: `${github}/login/oauth/access_token`,
      form: { client_id: clientId, device_code: start.deviceCode, grant_type: 'urn:ietf:params:oauth:grant-type:device_code' },
    }).catch(() => undefined);
    const polled = Polled.safeParse(reply?.body);
    if (!polled.success) continue;
    const { access_token: token, error, interval: told } = polled.data;
    if (token !== undefined) return { kind: 'signed_in', token };
    if (error === 'access_denied') return { kind: 'declined' };
    if (error === 'slow_down') interval = Math.max(interval + 5_000, (told ?? 0) * 1000);
    else if (error !== undefined && error !== 'authorization_pending')
      return { kind: 'failed', reason: `GitHub ended the sign-in (${error.replace(/[^\w.-]/g, '').slice(0, 60)}). Try again.` };
  }
  return { kind: 'failed', reason: 'Nobody typed the code in before it ran out. Try again.' };
}
