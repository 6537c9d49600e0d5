import { createHash } from 'node:crypto';
import { decodeJwt } from 'jose';
import { z } from 'zod';
import type { AccountEvent } from '../accounts/state.ts';
import type { Clock } from '../engine/clock.ts';
import { DrawbridgeError } from '../contract/errors.ts';
import { systemFault } from '../engine/files.ts';
import { SecretError } from '../engine/secrets.ts';
import { signInNeeded, type Grant, type GrantAnswer, type Session } from './lane.ts';

/** `auth.json` of the Codex CLI, as far as it is read (SPEC 3.2). */
const AuthFile = z.object({
  auth_mode: z.string().optional(),
  OPENAI_API_KEY: z.string().nullish(),
  tokens: z
    .object({
      access_token: z.string(),
      account_id: z.string().nullish(),
      oauth_provenance: z.object({ client_id: z.string().nullish() }).nullish(),
    })
    .nullish(),
});

const Claims = z.object({
  exp: z.number().optional(),
  'https://api.openai.com/auth': z
    .object({ chatgpt_account_id: z.string().optional(), chatgpt_plan_type: z.string().optional() })
    .optional(),
});

/** What was read: a grant, or why there is none. `mark` tells one account from another without naming it. */
export type CliLogin = { grant: Grant; expiresAt: number | null; plan: string | null; mark: string } | { problem: string };

/** Reads what the text of an `auth.json` allows, and by which of OpenAI's doors. Pure; nothing is ever written. */
export function readLogin(text: string | undefined, now: number): CliLogin {
  if (text === undefined) return { problem: 'The Codex CLI is not signed in on this machine. Run: codex login' };
  const parsed = AuthFile.safeParse(parseJson(text));
  if (!parsed.success) return { problem: 'The Codex CLI’s login file can’t be understood. Run: codex login' };
  const { tokens, OPENAI_API_KEY: key } = parsed.data;
  const wantsKey = parsed.data.auth_mode === 'apikey' || tokens === null || tokens === undefined;
  if (wantsKey) {
    if (key === null || key === undefined || key === '') return { problem: 'The Codex CLI is not signed in. Run: codex login' };
    return { grant: { lane: 'platform', token: key, accountId: null }, expiresAt: null, plan: null, mark: markOf(key) };
  }
  const claims = claimsOf(tokens.access_token);
  const expiresAt = claims?.exp === undefined ? null : claims.exp * 1000;
  if (expiresAt !== null && expiresAt <= now) {
    return { problem: 'The Codex CLI’s login has run out, and only Codex itself may renew it. Use Codex once, then try again.' };
  }
  const auth = claims?.['https://api.openai.com/auth'];
  const accountId = tokens.account_id ?? auth?.chatgpt_account_id ?? null;
  // A sign-in of an app of its own (SIWC) opens the plan's door; Codex' own client opens the backend's.
  const lane = tokens.oauth_provenance?.client_id?.startsWith('oaiapp_') === true ? 'plan' : 'backend';
  return {
    grant: { lane, token: tokens.access_token, accountId },
    expiresAt,
    plan: auth?.chatgpt_plan_type ?? null,
    mark: markOf(accountId ?? tokens.access_token),
  };
}

export type CliSessionOptions = {
  /** The text of the CLI's login, wherever it keeps it. */
  readText: () => Promise<string | undefined>;
  /** Where the backend wants this account's calls to be led. */
  routingOf: (grant: Grant) => Promise<string | null>;
  clock: Clock;
  tell: (event: AccountEvent) => void;
};

/**
 * The Codex CLI's own login, read and never renewed: a renewal by us would rotate the token and sign the CLI out. It
 * is read anew for every call, so that what the CLI renewed is used at once.
 */
export function cliSession({ readText, routingOf, clock, tell }: CliSessionOptions): Session & { read(): Promise<CliLogin> } {
  const read = async (): Promise<CliLogin> => {
    try {
      return readLogin(await readText(), clock.now());
    } catch (error) {
      if (error instanceof SecretError) throw error;
      const why = systemFault(error instanceof DrawbridgeError ? error.cause : error) ?? 'nothing tells why';
      return { problem: `The Codex CLI’s login can’t be read: ${why}.` };
    }
  };
  const grant = async (): Promise<GrantAnswer> => {
    let login: CliLogin;
    try {
      login = await read();
    } catch (error) {
      if (!(error instanceof SecretError)) throw error;
      tell({ type: 'keychain', problem: error.kind });
      return signInNeeded(error.message);
    }
    if ('problem' in login) {
      tell({ type: 'rejected', reason: login.problem });
      return signInNeeded(login.problem);
    }
    tell({ type: 'usable' });
    return login.grant.lane === 'backend' ? { ...login.grant, routing: await routingOf(login.grant) } : login.grant;
  };
  return {
    read,
    grant,
    async refused(token) {
      const again = await grant();
      if ('error' in again || again.token !== token) return again;
      const reason = 'OpenAI refuses the Codex CLI’s login, and only Codex itself may renew it. Use Codex once, then try again.';
      tell({ type: 'rejected', reason });
      return signInNeeded(reason);
    },
    retry: async () => void (await grant()),
    stop: async () => {},
  };
}

function claimsOf(token: string): z.infer<typeof Claims> | undefined {
  try {
    return Claims.parse(decodeJwt(token));
  } catch {
    // Not every token is a JWT; what can't be read is tried as it is.
    return undefined;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function markOf(value: string): string {
  return createHash('sha256').update(value).digest('hex').slice(0, 12);
}
