import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { holdSignIn } from '../../bridges/accounts/hold-sign-in.ts';
import { createAccountHolder, type AccountHolder } from '../../bridges/accounts/holder.ts';
import { createTokenKeeper, type Renewal, type TokenKeeper } from '../../bridges/accounts/keeper.ts';
import { openRegistry } from '../../bridges/accounts/registry.ts';
import { CODEX_ROUTES } from '../../bridges/codex/routes.ts';
import { silentLogger } from '../../bridges/engine/log.ts';
import { memorySecrets, type SecretStore } from '../../bridges/engine/secrets.ts';
import { testClock, tokens } from './keeper.support.ts';

const clock = testClock();
const account = { id: 'one', route: 'chatgpt', label: 'one', plan: null } as const;
const fresh = tokens({ access: 'new', refresh: 'new', expiresAt: clock.now() + 3_600_000 });

let home: string;
let secrets: SecretStore;
let renewal: PromiseWithResolvers<Renewal>;
let renewing: PromiseWithResolvers<void>;
let holder: AccountHolder<{ keeper: TokenKeeper; stop(): Promise<void> }>;
beforeEach(() => {
  home = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-hold-'));
  secrets = memorySecrets();
  renewal = Promise.withResolvers();
  renewing = Promise.withResolvers();
  holder = createAccountHolder({
    bridge: 'codex',
    routes: CODEX_ROUTES,
    registry: openRegistry(home),
    clock,
    log: silentLogger,
    onChange: () => {},
    sessionOf(_account, tell) {
      const adapter = { renew: () => (renewing.resolve(), renewal.promise) };
      const keeper = createTokenKeeper({ secret: 'tokens', secrets, lockFile: lockFile(), clock, adapter, tell, every: () => () => {} });
      return { keeper, stop: () => keeper.stop() };
    },
  });
});
afterEach(async () => {
  await holder.stop();
  rmSync(home, { recursive: true, force: true });
});

const lockFile = (): string => path.join(home, 'lock');
const hold = (signal = new AbortController().signal): Promise<boolean> =>
  holdSignIn({ account, value: fresh }, { signal, holder, secrets, secret: 'tokens', lockFile: lockFile() });

describe('a sign-in that is held', () => {
  it.each<[string, Renewal]>([
    ['ends the old one', { kind: 'terminal', reason: 'The sign-in was revoked.' }],
    ['renews the old one', { kind: 'renewed', tokens: tokens({ access: 'late', refresh: 'late' }) }],
  ])('outlives a renewal that was under way and %s', async (_what, outcome) => {
    await secrets.set('tokens', JSON.stringify(tokens({ expiresAt: clock.now() })));
    holder.add(account);
    const asking = holder.session()?.keeper.get();
    await renewing.promise;
    const held = hold();
    renewal.resolve(outcome);
    await asking;
    expect(await held).toBe(true);
    expect(JSON.parse((await secrets.get('tokens')) ?? '')).toEqual(fresh);
    expect(await holder.session()?.keeper.get()).toEqual({ tokens: fresh });
    expect(holder.view().state).toBe('ready');
  });
  it('leaves nothing where it was dropped before', async () => {
    expect(await hold(AbortSignal.abort())).toBe(false);
    expect(await secrets.get('tokens')).toBeUndefined();
    expect(holder.active()).toBeUndefined();
  });
  it('leaves nothing where it is dropped while the keychain takes it', async () => {
    const dropped = new AbortController();
    const keychain = secrets;
    secrets = {
      ...keychain,
      set: async (name, value) => {
        dropped.abort();
        await keychain.set(name, value);
      },
    };
    expect(await hold(dropped.signal)).toBe(false);
    expect(await secrets.get('tokens')).toBeUndefined();
    expect(holder.active()).toBeUndefined();
  });
  it.each([fresh, 'a key'])('takes nothing from the one that came after it when it was dropped: %#', async (value) => {
    const dropped = new AbortController();
    const prompt = Promise.withResolvers<void>();
    const keychain = secrets;
    let first = true;
    secrets = {
      ...keychain,
      set: async (name, text) => {
        if (first) {
          first = false;
          await prompt.promise;
        }
        await keychain.set(name, text);
      },
      delete: async (name) => {
        await new Promise(setImmediate);
        await keychain.delete(name);
      },
    };
    const options = { holder, secrets, secret: 'tokens', lockFile: lockFile() };
    const one = holdSignIn({ account, value }, { ...options, signal: dropped.signal });
    dropped.abort();
    const two = holdSignIn({ account, value }, { ...options, signal: new AbortController().signal });
    prompt.resolve();
    expect(await Promise.all([one, two])).toEqual([false, true]);
    expect(await secrets.get('tokens')).toBe(typeof value === 'string' ? value : JSON.stringify(value));
  });
  it('keeps nothing of one that was dropped while it waited for a renewal', async () => {
    await secrets.set('tokens', JSON.stringify(tokens({ expiresAt: clock.now() })));
    holder.add(account);
    const before = holder.session()?.keeper.get();
    await renewing.promise;
    const dropped = new AbortController();
    const held = hold(dropped.signal);
    dropped.abort();
    const renewed = tokens({ access: 'late', refresh: 'late' });
    renewal.resolve({ kind: 'renewed', tokens: renewed });
    await before;
    expect(await held).toBe(false);
    expect(JSON.parse((await secrets.get('tokens')) ?? '')).toEqual(renewed);
  });
});
