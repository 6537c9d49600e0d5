import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAccountHolder, type AccountHolder } from '../../bridges/accounts/holder.ts';
import { openRegistry } from '../../bridges/accounts/registry.ts';
import { silentLogger } from '../../bridges/engine/log.ts';
import type { AccountEvent } from '../../bridges/accounts/state.ts';
import { CODEX_ROUTES } from '../../bridges/codex/routes.ts';

import { testClock } from './keeper.support.ts';

let home: string;
/** What each account's session tells with. */
const tells = new Map<string, (event: AccountEvent) => void>();
type Session = { stop(): Promise<void> };
let holder: AccountHolder<Session>;
beforeEach(() => {
  home = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-holder-'));
  holder = createAccountHolder({
    bridge: 'codex',
    routes: CODEX_ROUTES,
    registry: openRegistry(home),
    clock: testClock(),
    log: silentLogger,
    onChange: () => {},
    sessionOf: ({ id }, tell) => {
      tells.set(id, tell);
      return { stop: async () => {} };
    },
  });
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

describe('while another account signs in', () => {
  beforeEach(() => {
    holder.add({ id: 'one', route: 'api-key', label: 'one', plan: null });
    holder.begin('Go to the browser.');
  });
  it.each<AccountEvent>([
    { type: 'usable' },
    { type: 'renewal_delayed', reason: 'offline' },
    { type: 'rejected', reason: 'revoked' },
    { type: 'not_entitled', reason: 'No plan.', href: null },
    { type: 'keychain', problem: 'locked' },
  ])('what the held one finds does not end that: %j', (event) => {
    holder.tell(event);
    expect(holder.view()).toMatchObject({ state: 'signing_in', reason: 'Go to the browser.' });
  });
  it('what the held one finds is told once the sign-in has come to nothing', () => {
    holder.tell({ type: 'rejected', reason: 'The sign-in was revoked.' });
    holder.fallBack({ type: 'sign_in_cancelled' });
    expect(holder.view()).toMatchObject({ state: 'auth_required', reason: 'The sign-in was revoked.' });
  });
});

it('a sign-in that began before the held account was gone goes on', () => {
  holder.add({ id: 'one', route: 'api-key', label: 'one', plan: null });
  holder.begin('Go to the browser.');
  holder.remove('one');
  holder.tell({ type: 'signed_out', unconfirmed: null });
  expect(holder.view()).toMatchObject({ state: 'signing_in' });
  holder.fallBack({ type: 'sign_in_failed', reason: 'Nobody came.' });
  expect(holder.view()).toMatchObject({ state: 'signed_out', reason: 'Nobody came.' });
});

it('a sign-in that is cancelled when it is over already changes nothing', () => {
  holder.begin('Go to the browser.');
  holder.add({ id: 'one', route: 'api-key', label: 'one', plan: null });
  holder.tell({ type: 'rejected', reason: 'The sign-in was revoked.' });
  holder.fallBack({ type: 'sign_in_cancelled' });
  expect(holder.view()).toMatchObject({ state: 'auth_required', reason: 'The sign-in was revoked.' });
});

describe('a call', () => {
  const notEntitled: AccountEvent = { type: 'not_entitled', reason: 'No plan.', href: null };
  const witness = () => holder.witness(holder.session() ?? expect.fail('nobody is signed in'));
  beforeEach(() => holder.add({ id: 'one', route: 'api-key', label: 'one', plan: null }));
  it.each<AccountEvent>([notEntitled, { type: 'rejected', reason: 'The key is not accepted.' }])(
    'that is answered ends what was held against its account before: %j',
    (event) => {
      holder.tell(event);
      expect(holder.view().state).not.toBe('ready');
      witness().answered();
      expect(holder.view()).toEqual({ state: 'ready', reason: null, mend: null });
    },
  );
  it.each<{ before: AccountEvent[] }>([{ before: [] }, { before: [notEntitled] }])(
    'that is answered late does not end what was found out since it went out, whatever was held against the account before: %j',
    ({ before }) => {
      for (const event of before) holder.tell(event);
      const { answered } = witness();
      holder.tell({ type: 'rejected', reason: 'The sign-in was revoked.' });
      answered();
      expect(holder.view()).toMatchObject({ state: 'auth_required', reason: 'The sign-in was revoked.' });
    },
  );
  it('that is answered ends what was held against its account, also where a sign-in came to nothing meanwhile', () => {
    holder.tell(notEntitled);
    const { answered } = witness();
    holder.begin('Go to the browser.');
    holder.fallBack({ type: 'sign_in_failed', reason: 'Nobody came.' });
    answered();
    expect(holder.view()).toMatchObject({ state: 'ready' });
  });
  it('that is refused late says nothing of nobody, nor of another account', () => {
    const { tell } = witness();
    holder.remove('one');
    tell(notEntitled);
    expect(holder.view()).toMatchObject({ state: 'signed_out', reason: null });
    holder.add({ id: 'two', route: 'api-key', label: 'two', plan: null });
    tell(notEntitled);
    expect(holder.view()).toMatchObject({ state: 'ready', reason: null });
  });
});

it('what comes late from an account that is not used any more says nothing of the one that is', () => {
  holder.add({ id: 'one', route: 'api-key', label: 'one', plan: null });
  holder.add({ id: 'two', route: 'api-key', label: 'two', plan: null });
  tells.get('one')?.({ type: 'rejected', reason: 'The sign-in was revoked.' });
  expect(holder.view()).toMatchObject({ state: 'ready', reason: null });
  tells.get('two')?.({ type: 'rejected', reason: 'The sign-in was revoked.' });
  expect(holder.view()).toMatchObject({ state: 'auth_required' });
});
