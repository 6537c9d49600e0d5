import type { AccountMend, AccountState } from '../contract/index.ts';
import type { SecretProblem } from '../engine/secrets.ts';

/** Where an account stands: its state, why, and the one thing a person can do about it. */
export type AccountView = { state: AccountState; reason: string | null; mend: AccountMend | null };

export type AccountEvent =
  /** A sign-in began; `waitingFor` says what a person has to do. */
  | { type: 'sign_in_started'; waitingFor: string }
  | { type: 'sign_in_cancelled' }
  /** The person, or the provider for them, said no. */
  | { type: 'declined' }
  | { type: 'sign_in_failed'; reason: string }
  /** Signed in just now, renewed, or found kept from an earlier run. */
  | { type: 'usable' }
  /** Renewal did not work this time; what is held stays. */
  | { type: 'renewal_delayed'; reason: string }
  /** The provider will not renew any more: only a new sign-in helps. */
  | { type: 'rejected'; reason: string }
  /** Signed in, but this account may not be used this way. */
  | { type: 'not_entitled'; reason: string; href: string | null; label?: string }
  /** What is held can't be read. */
  | { type: 'keychain'; problem: SecretProblem }
  /** A sign-in was given, and the keychain did not take it. */
  | { type: 'not_kept'; problem: SecretProblem }
  /** `unconfirmed`: the provider did not confirm that it forgot the sign-in. */
  | { type: 'signed_out'; unconfirmed: string | null };

export const SIGNED_OUT: AccountView = { state: 'signed_out', reason: null, mend: { label: 'Sign in', action: { kind: 'sign_in' } } };

const AGAIN: AccountMend = { label: 'Sign in again', action: { kind: 'sign_in' } };
const KEYCHAIN: Record<SecretProblem, { is: string; first: string }> = {
  locked: { is: 'The keychain is locked', first: 'Unlock the keychain' },
  denied: { is: 'The keychain refused Drawbridge', first: 'Allow Drawbridge in the keychain' },
  unavailable: { is: 'The keychain is gone', first: 'Start the keychain' },
};

/**
 * The one state machine of every account (pure). A state is never left by guessing: what does not concern it leaves it
 * as it is.
 */
export function nextAccount(view: AccountView, event: AccountEvent): AccountView {
  switch (event.type) {
    case 'sign_in_started':
      return { state: 'signing_in', reason: event.waitingFor, mend: { label: 'Cancel', action: { kind: 'cancel' } } };
    case 'sign_in_cancelled':
      return view.state === 'signing_in' ? { ...SIGNED_OUT, reason: 'The sign-in was cancelled.' } : view;
    case 'declined':
      return view.state === 'signing_in' ? { state: 'denied', reason: 'The sign-in was declined at the provider.', mend: AGAIN } : view;
    case 'sign_in_failed':
      return view.state === 'signing_in' ? { ...SIGNED_OUT, reason: event.reason } : view;
    case 'usable':
      // That a held account works is no end to another one's sign-in.
      return view.state === 'signing_in' ? view : { state: 'ready', reason: null, mend: null };
    case 'renewal_delayed':
      // Nobody can do anything about a network that is gone: it is tried again by itself.
      return view.state === 'ready' ? { state: 'ready', reason: event.reason, mend: null } : view;
    case 'rejected':
      return view.state === 'signed_out' ? view : { state: 'auth_required', reason: event.reason, mend: AGAIN };
    case 'not_entitled':
      return {
        state: 'denied',
        reason: event.reason,
        mend: event.href === null ? AGAIN : { label: event.label ?? 'Look at your plan', action: { kind: 'link', href: event.href } },
      };
    case 'keychain': {
      const { is, first } = KEYCHAIN[event.problem];
      const mend: AccountMend = { label: `${first}, then try again`, action: { kind: 'retry' } };
      return { state: 'auth_required', reason: `${is}, so the sign-in it holds can’t be read.`, mend };
    }
    case 'not_kept': {
      if (view.state !== 'signing_in') return view;
      const { is, first } = KEYCHAIN[event.problem];
      const mend: AccountMend = { label: `${first}, then sign in`, action: { kind: 'sign_in' } };
      return { state: 'signed_out', reason: `${is}, so the sign-in could not be kept.`, mend };
    }
    case 'signed_out':
      return { ...SIGNED_OUT, reason: event.unconfirmed };
  }
}

/**
 * Where a sign-in that came to nothing leaves a bridge (pure). `held` is where its account stood meanwhile, undefined
 * where there is none: what works goes on working, and what did not is still there to be signed in to again.
 */
export function afterSignIn(view: AccountView, event: AccountEvent, held: AccountView | undefined): AccountView {
  const next = nextAccount(view, event);
  if (held === undefined) return next;
  if (held.state === 'ready') return { ...held, reason: next.reason };
  if (event.type === 'sign_in_cancelled') return held;
  return next.state === 'signed_out' ? { ...held, reason: next.reason } : next;
}
