import type { TurnError } from '../wire/turn.ts';

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
export type GrantAnswer = Grant | { error: TurnError };

/** The signed-in account of one route, as far as a call needs it. */
export type Session = {
  grant(): Promise<GrantAnswer>;
  /** The provider answered 401 to this token. */
  refused(token: string): Promise<GrantAnswer>;
  /** Looks again at the keychain, or at the other program's file. */
  retry(): Promise<void>;
  stop(): void;
};

/** A call that no sign-in stands behind (SPEC 10.6). */
export function signInNeeded(reason: string): { error: TurnError } {
  return {
    error: {
      kind: 'sign_in_needed',
      code: 'auth_required',
      message: `${reason} Sign in to the codex bridge in Drawbridge, or with: drawbridge signin codex`,
    },
  };
}
