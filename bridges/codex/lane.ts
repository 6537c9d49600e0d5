import { signInNeeded as needed, type GrantAnswer as AnswerOf, type Session as SessionOf } from '../accounts/call.ts';
import type { TokenKeeper } from '../accounts/keeper.ts';

/**
 * Which of OpenAI's doors a credential opens: `platform` is the API as everybody knows it, `plan` the same address
 * with a ChatGPT plan's rules (SPEC 3.1.5), `backend` what the Codex CLI itself speaks to (SPEC 3.3).
 */
export type Lane = 'platform' | 'plan' | 'backend';

/** What a call goes out with. */
export type Grant = {
  lane: Lane;
  token: string;
  accountId: string | null;
  /** Where the backend wants the account's calls to be led (SPEC 3.3). */
  routing?: string | null;
};
export type GrantAnswer = AnswerOf<Grant>;
/** `keeper`: of those whose tokens are ours to renew. */
export type Session = SessionOf<Grant> & { keeper?: TokenKeeper };

export const signInNeeded = (reason: string) => needed('codex', reason);
