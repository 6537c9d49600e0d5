import { describe, expect, it } from 'vitest';
import { afterSignIn, nextAccount, SIGNED_OUT, type AccountEvent, type AccountView } from '../../bridges/accounts/state.ts';

const signingIn = nextAccount(SIGNED_OUT, { type: 'sign_in_started', waitingFor: 'Sign in in the browser.' });
const ready = nextAccount(SIGNED_OUT, { type: 'usable' });
const again: AccountView = { state: 'auth_required', reason: 'over', mend: { label: 'Sign in again', action: { kind: 'sign_in' } } };

const TABLE: [from: AccountView, event: AccountEvent, state: string, reason: string | null, todo: string | null][] = [
  [SIGNED_OUT, { type: 'sign_in_started', waitingFor: 'Go to the browser.' }, 'signing_in', 'Go to the browser.', 'cancel'],
  [SIGNED_OUT, { type: 'usable' }, 'ready', null, null],
  [signingIn, { type: 'sign_in_cancelled' }, 'signed_out', 'The sign-in was cancelled.', 'sign_in'],
  [signingIn, { type: 'declined' }, 'denied', 'The sign-in was declined at the provider.', 'sign_in'],
  [signingIn, { type: 'sign_in_failed', reason: 'The network is gone.' }, 'signed_out', 'The network is gone.', 'sign_in'],
  [
    signingIn,
    { type: 'not_kept', problem: 'locked' },
    'signed_out',
    'The keychain is locked, so the sign-in could not be kept.',
    'sign_in',
  ],
  [signingIn, { type: 'not_entitled', reason: 'No plan.', href: 'https://example.com/' }, 'denied', 'No plan.', 'link'],
  [ready, { type: 'renewal_delayed', reason: 'offline' }, 'ready', 'offline', null],
  [ready, { type: 'rejected', reason: 'The sign-in was revoked.' }, 'auth_required', 'The sign-in was revoked.', 'sign_in'],
  [ready, { type: 'not_entitled', reason: 'No scope.', href: null }, 'denied', 'No scope.', 'sign_in'],
  [ready, { type: 'signed_out', unconfirmed: null }, 'signed_out', null, 'sign_in'],
  [ready, { type: 'signed_out', unconfirmed: 'Not confirmed.' }, 'signed_out', 'Not confirmed.', 'sign_in'],
  [again, { type: 'sign_in_started', waitingFor: 'x' }, 'signing_in', 'x', 'cancel'],
  [again, { type: 'usable' }, 'ready', null, null],
  // What is late changes nothing.
  [ready, { type: 'sign_in_cancelled' }, 'ready', null, null],
  [ready, { type: 'declined' }, 'ready', null, null],
  [ready, { type: 'sign_in_failed', reason: 'late' }, 'ready', null, null],
  [ready, { type: 'not_kept', problem: 'locked' }, 'ready', null, null],
  // What a held account does is no end to another one's sign-in.
  [signingIn, { type: 'usable' }, 'signing_in', 'Sign in in the browser.', 'cancel'],
  [SIGNED_OUT, { type: 'rejected', reason: 'late' }, 'signed_out', null, 'sign_in'],
  [SIGNED_OUT, { type: 'renewal_delayed', reason: 'late' }, 'signed_out', null, 'sign_in'],
  [again, { type: 'renewal_delayed', reason: 'late' }, 'auth_required', 'over', 'sign_in'],
];

describe('the state of an account', () => {
  it.each(TABLE)('%j after %j', (from, event, state, reason, todo) => {
    const view = nextAccount(from, event);
    expect(view).toMatchObject({ state, reason });
    expect(view.mend?.action?.kind ?? null).toBe(todo);
  });
  it.each(['locked', 'denied', 'unavailable'] as const)('says what to do about a keychain that is %s', (problem) => {
    const view = nextAccount(ready, { type: 'keychain', problem });
    expect(view).toMatchObject({ state: 'auth_required', mend: { action: { kind: 'retry' } } });
    expect(view.reason).toMatch(/keychain/);
    expect(nextAccount(view, { type: 'usable' })).toEqual({ state: 'ready', reason: null, mend: null });
  });
  it('always gives a reason or something to do, unless it is ready', () => {
    for (const [from, event] of TABLE) {
      const view = nextAccount(from, event);
      if (view.state !== 'ready') expect(view.mend).not.toBeNull();
    }
  });
});

describe('a sign-in that came to nothing', () => {
  const failed: AccountEvent = { type: 'sign_in_failed', reason: 'The network is gone.' };
  const unlicensed: AccountEvent = { type: 'not_entitled', reason: 'No plan.', href: 'https://example.com/' };
  const offline: AccountView = { ...ready, reason: 'offline' };
  const cases: [event: AccountEvent, held: AccountView | undefined, after: AccountView][] = [
    [failed, undefined, { ...SIGNED_OUT, reason: 'The network is gone.' }],
    [failed, ready, { ...ready, reason: 'The network is gone.' }],
    [failed, again, { ...again, reason: 'The network is gone.' }],
    [{ type: 'sign_in_cancelled' }, undefined, { ...SIGNED_OUT, reason: 'The sign-in was cancelled.' }],
    [{ type: 'sign_in_cancelled' }, offline, { ...ready, reason: 'The sign-in was cancelled.' }],
    [{ type: 'sign_in_cancelled' }, again, again],
    [unlicensed, ready, { ...ready, reason: 'No plan.' }],
    [unlicensed, again, nextAccount(SIGNED_OUT, unlicensed)],
  ];
  it.each(cases)('by %j, with %j held', (event, held, after) => expect(afterSignIn(signingIn, event, held)).toEqual(after));
});
