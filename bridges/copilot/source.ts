import type { Grant as AnyGrant } from '../accounts/call.ts';
import { answeredByAnother, whyUnanswered } from '../accounts/unanswered.ts';
import type { WireFormat } from '../contract/index.ts';
import type { Quota } from './quota.ts';

/** What a call goes out with: the credential, the origin it goes to, and the headers that origin wants. */
export type Grant = AnyGrant & { api: string; headers: Readonly<Record<string, string>> };

/** A model, with the wire formats it takes natively; what it takes best comes first. */
export type CopilotModel = { id: string; title: string; owner: string; wires: readonly WireFormat[] };

export type CopilotUser = { login: string; plan: string | null; quota: Quota };

/** Why GitHub gave no answer: `rejected` is about the sign-in, `not_entitled` about the account, `passing` about neither. */
export type SourceProblem = { problem: 'rejected' | 'not_entitled' | 'passing'; reason: string };

/** How an account's Copilot is asked about: by GitHub's SDK, or directly. No method rejects. */
export type CopilotSource = {
  user(token: string): Promise<{ user: CopilotUser } | SourceProblem>;
  models(token: string): Promise<readonly CopilotModel[] | SourceProblem>;
  /** Where calls of this model go; kept until it runs out or `forget`. */
  endpoint(token: string, model: string | undefined): Promise<{ endpoint: Omit<Grant, 'token'> & { token: string } } | SourceProblem>;
  /** What is known is asked for anew. */
  forget(): Promise<void>;
  stop(): Promise<void>;
};

export const UNREACHED: SourceProblem = { problem: 'passing', reason: 'GitHub could not be reached. It is tried again by itself.' };
/** The same, with the reason where that is known. */
export function unreached(error: unknown): SourceProblem {
  const reason = whyUnanswered(error, 'GitHub');
  return reason === undefined ? UNREACHED : { problem: 'passing', reason };
}
export const UNREADABLE: SourceProblem = { problem: 'passing', reason: answeredByAnother('GitHub') };
export const REJECTED: SourceProblem = { problem: 'rejected', reason: 'GitHub does not accept this sign-in any more.' };
export const NO_COPILOT: SourceProblem = {
  problem: 'not_entitled',
  reason: 'This GitHub account has no Copilot that may be used this way.',
};
export const FOREIGN_ADDRESS: SourceProblem = {
  problem: 'not_entitled',
  reason: 'GitHub named an address for Copilot that is not one of its own.',
};

/** Where Copilot is for an enterprise whose GitHub is at a name of its own below ghe.com ("Network details for GHE.com"). */
function besideApi(origin: string): string | undefined {
  return /^https:\/\/api\.[\w-]+\.ghe\.com$/.test(origin) ? origin.replace('//api.', '//copilot-api.') : undefined;
}

/** The address as calls go to it, or undefined where a token may not be sent there. */
export function allowedApi(address: string, own: string): string | undefined {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined) return undefined;
  const { origin } = new URL(own);
  const isGitHubs = /^https:\/\/(?:[\w-]+\.)*githubcopilot\.com$/.test(url.origin);
  return isGitHubs || url.origin === origin || url.origin === besideApi(origin) ? url.href.replace(/\/+$/, '') : undefined;
}
