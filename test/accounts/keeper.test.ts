import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { createTokenKeeper, type Renewal, type TokenKeeper, type Tokens } from '../../bridges/accounts/keeper.ts';
import { nextAccount, SIGNED_OUT, type AccountView } from '../../bridges/accounts/state.ts';
import { memorySecrets, SecretError, type SecretProblem, type SecretStore } from '../../bridges/engine/secrets.ts';
import { startFakeUpstream } from '../fakes/upstream.ts';
import { testClock, tokens, type TestClock } from './keeper.support.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-keeper-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const HOUR = 3_600_000;
let clock: TestClock;
let view: AccountView;
let asked: Tokens[];
let tick: () => void;

beforeEach(() => {
  clock = testClock();
  view = nextAccount(SIGNED_OUT, { type: 'usable' });
  asked = [];
});

/** A keychain that can be broken and mended. */
function fragile(inner: SecretStore): SecretStore & { problem: SecretProblem | null } {
  const store: SecretStore & { problem: SecretProblem | null } = {
    lasting: true,
    problem: null,
    get: (name) => guarded(() => inner.get(name)),
    set: (name, value) => guarded(() => inner.set(name, value)),
    delete: (name) => guarded(() => inner.delete(name)),
  };
  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    if (store.problem !== null) throw new SecretError(store.problem, `The keychain is ${store.problem}.`);
    return work();
  };
  return store;
}

function keeperOf(
  held: Tokens | undefined,
  answers: Renewal[] | ((asked: Tokens) => Promise<Renewal>),
  secrets?: SecretStore,
): TokenKeeper {
  const queue = Array.isArray(answers) ? [...answers] : [];
  return createTokenKeeper({
    secret: 'tokens',
    secrets: secrets ?? memorySecrets(held === undefined ? {} : { tokens: JSON.stringify(held) }),
    lockFile: path.join(folder, 'lock'),
    clock,
    adapter: {
      async renew(given) {
        asked.push(given);
        if (!Array.isArray(answers)) return answers(given);
        const next = queue.shift();
        if (next === undefined) throw new Error('asked once too often');
        return next;
      },
    },
    tell: (event) => {
      view = nextAccount(view, event);
    },
    every: (_milliseconds, work) => {
      tick = work;
      return () => {};
    },
  });
}

const renewed = (n: number): Renewal => ({
  kind: 'renewed',
  tokens: tokens({ access: `access-${n}`, refresh: `refresh-${n}`, expiresAt: clock.now() + HOUR }),
});
const offline: Renewal = { kind: 'passing', reason: 'The network is gone.', retryAfterMs: null };
const hourly = () => tokens({ expiresAt: clock.now() + HOUR });

describe('when tokens are renewed', () => {
  it('gives out what is good without asking anybody', async () => {
    const keeper = keeperOf(hourly(), []);
    expect(await keeper.get()).toMatchObject({ tokens: { access: 'access-1' } });
    clock.at += HOUR - 5 * 60_000 - 1;
    expect(await keeper.get()).toMatchObject({ tokens: { access: 'access-1' } });
  });
  it('renews five minutes before the end, and not before the time the provider named', async () => {
    const keeper = keeperOf(tokens({ expiresAt: clock.at + HOUR, refreshFrom: clock.at + HOUR - 60_000 }), () =>
      Promise.resolve(renewed(2)),
    );
    clock.at += HOUR - 60_001;
    expect(await keeper.get()).toMatchObject({ tokens: { access: 'access-1' } });
    clock.at += 1;
    expect(await keeper.get()).toMatchObject({ tokens: { access: 'access-2' } });
  });
  it('renews once, however many ask', async () => {
    const keeper = keeperOf(tokens({ expiresAt: clock.at }), [renewed(2)]);
    const answers = await Promise.all(Array.from({ length: 20 }, () => keeper.get()));
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(asked).toHaveLength(1);
  });
  it('renews at the first tick after three days of sleep, and ends ready', async () => {
    const keeper = keeperOf(hourly(), () => Promise.resolve(renewed(2)));
    await keeper.get();
    clock.at += 3 * 24 * HOUR;
    tick();
    expect(await keeper.get()).toMatchObject({ tokens: { access: 'access-2' } });
    expect(asked).toHaveLength(1);
    expect(view).toEqual({ state: 'ready', reason: null, mend: null });
  });
  it('keeps new tokens before they are used', async () => {
    const secrets = memorySecrets({ tokens: JSON.stringify(tokens({ expiresAt: clock.at })) });
    const keeper = keeperOf(undefined, [renewed(2)], secrets);
    await keeper.get();
    expect(JSON.parse((await secrets.get('tokens')) ?? '')).toMatchObject({ refresh: 'refresh-2' });
  });
  it('takes a 401 for a reason to renew once, and for a sign-in that is over when the new one is refused too', async () => {
    const keeper = keeperOf(hourly(), [renewed(2)]);
    await keeper.get();
    expect(await keeper.refused('access-1')).toMatchObject({ tokens: { access: 'access-2' } });
    expect(await keeper.refused('access-1')).toMatchObject({ tokens: { access: 'access-2' } });
    expect(await keeper.refused('access-2')).toMatchObject({ problem: 'sign_in' });
    expect(view).toMatchObject({ state: 'auth_required', mend: { action: { kind: 'sign_in' } } });
  });
});

describe('when renewing fails', () => {
  it('ends in auth_required where it was revoked or is over, and forgets what is of no use', async () => {
    const secrets = memorySecrets({ tokens: JSON.stringify(tokens({ expiresAt: clock.at })) });
    const keeper = keeperOf(undefined, [{ kind: 'terminal', reason: 'The sign-in was revoked.' }], secrets);
    expect(await keeper.get()).toMatchObject({ problem: 'sign_in', reason: 'The sign-in was revoked.' });
    expect(view).toMatchObject({ state: 'auth_required', reason: 'The sign-in was revoked.' });
    expect(await secrets.get('tokens')).toBeUndefined();
    expect(await keeper.get()).toMatchObject({ problem: 'sign_in' });
  });
  it('goes on with a token that is still good while the network is gone, and waits longer each time', async () => {
    const keeper = keeperOf(tokens({ expiresAt: clock.at + 60_000 }), [offline, offline, renewed(2)]);
    expect(await keeper.get()).toMatchObject({ tokens: { access: 'access-1' } });
    expect(view).toMatchObject({ state: 'ready', reason: 'The network is gone.' });
    await keeper.get();
    expect(asked).toHaveLength(1);
    clock.at += 5_000;
    await keeper.get();
    clock.at += 9_999;
    await keeper.get();
    expect(asked).toHaveLength(2);
    clock.at += 1;
    expect(await keeper.get()).toMatchObject({ tokens: { access: 'access-2' } });
    expect(view).toEqual({ state: 'ready', reason: null, mend: null });
  });
  it('for a reason of this machine’s own costs no call while the token is still good', async () => {
    const held = tokens({ expiresAt: clock.now() + 60_000 });
    const keeper = keeperOf(held, () => Promise.reject(new Error('The settings name no app.')));
    expect(await keeper.get()).toEqual({ tokens: held });
    expect(view).toMatchObject({ state: 'ready', reason: 'The settings name no app.' });
    expect(await keeper.refused('access-1')).toMatchObject({ problem: 'passing' });
    clock.at += 60_000;
    expect(await keeper.get()).toMatchObject({ problem: 'passing', reason: 'The settings name no app.' });
  });
  it('says so, and keeps the sign-in, where the token ended meanwhile', async () => {
    const keeper = keeperOf(tokens({ expiresAt: clock.at }), [offline]);
    expect(await keeper.get()).toMatchObject({ problem: 'passing', reason: 'The network is gone.' });
    expect(view.state).toBe('ready');
  });
  it('honours Retry-After', async () => {
    const keeper = keeperOf(tokens({ expiresAt: clock.at }), [{ kind: 'passing', reason: 'busy', retryAfterMs: 90_000 }, renewed(2)]);
    expect(await keeper.get()).toMatchObject({ problem: 'passing', retryAfterMs: 90_000 });
    clock.at += 89_999;
    expect(await keeper.get()).toMatchObject({ problem: 'passing' });
    clock.at += 1;
    expect(await keeper.get()).toMatchObject({ tokens: { access: 'access-2' } });
  });
});

describe('with a clock that was a year ahead and is put right', () => {
  const YEAR = 365 * 24 * HOUR;
  it('a rest ends at once', async () => {
    const right = clock.at;
    clock.at += YEAR;
    const keeper = keeperOf(tokens({ expiresAt: right + HOUR }), () => Promise.resolve(offline));
    await keeper.get();
    clock.at = right + 2 * HOUR;
    await keeper.get();
    expect(asked).toHaveLength(2);
  });
  it('a token that was made before does not count as fresh', async () => {
    const right = clock.at;
    clock.at += YEAR;
    const keeper = keeperOf(tokens({ expiresAt: right + HOUR }), () => Promise.resolve(renewed(asked.length + 1)));
    await keeper.get();
    clock.at = right + 5 * HOUR;
    expect(await keeper.refused('access-2')).toMatchObject({ tokens: { access: 'access-3' } });
    expect(view.state).toBe('ready');
  });
});

describe('without tokens', () => {
  it.each([{}, { tokens: 'CANARY, which are none' }])('says that the sign-in is gone: %j', async (held) => {
    const keeper = keeperOf(undefined, [], memorySecrets(held));
    expect(await keeper.get()).toEqual({ problem: 'sign_in', reason: 'The sign-in is gone. Sign in again.', retryAfterMs: null });
    expect(view).toMatchObject({ state: 'auth_required', mend: { action: { kind: 'sign_in' } } });
  });
});

describe('a token that has to prove more', () => {
  it('is renewed, however fresh it is', async () => {
    const keeper = keeperOf(tokens({ expiresAt: clock.at }), [renewed(2), renewed(3)]);
    await keeper.get();
    expect(await keeper.refused('access-2', true)).toMatchObject({ tokens: { access: 'access-3' } });
  });
  it('is not renewed again and again where it never proves enough', async () => {
    const keeper = keeperOf(tokens({ expiresAt: clock.at }), [renewed(2), renewed(3), renewed(4)]);
    await keeper.get();
    await keeper.refused('access-2', true);
    expect(await keeper.refused('access-3', true)).toMatchObject({ problem: 'sign_in' });
    expect(view).toMatchObject({ state: 'auth_required' });
    clock.at += 60_000;
    expect(await keeper.refused('access-3', true)).toMatchObject({ tokens: { access: 'access-4' } });
  });
});

describe('when the engine stops', () => {
  it('waits for a renewal under way, whose tokens would be lost otherwise', async () => {
    const secrets = memorySecrets({ tokens: JSON.stringify(tokens({ expiresAt: clock.at })) });
    const provider = Promise.withResolvers<Renewal>();
    const begun = Promise.withResolvers<void>();
    const keeper = keeperOf(
      undefined,
      () => {
        begun.resolve();
        return provider.promise;
      },
      secrets,
    );
    const asking = keeper.get();
    await begun.promise;
    const stopped = keeper.stop();
    provider.resolve(renewed(2));
    await stopped;
    expect(JSON.parse((await secrets.get('tokens')) ?? '')).toMatchObject({ refresh: 'refresh-2' });
    await asking;
  });
  it('forgets only after a renewal under way, and so forgets the newest', async () => {
    const secrets = memorySecrets({ tokens: JSON.stringify(tokens({ expiresAt: clock.at })) });
    const provider = Promise.withResolvers<Renewal>();
    const begun = Promise.withResolvers<void>();
    const busy = keeperOf(
      undefined,
      () => {
        begun.resolve();
        return provider.promise;
      },
      secrets,
    );
    const asking = busy.get();
    await begun.promise;
    const forgetting = keeperOf(undefined, [], secrets).forget();
    provider.resolve(renewed(2));
    expect(await forgetting).toMatchObject({ refresh: 'refresh-2' });
    expect(await secrets.get('tokens')).toBeUndefined();
    await asking;
  });
});

describe('with a keychain that gives trouble', () => {
  it.each(['locked', 'denied', 'unavailable'] as const)(
    'that is %s: says so, does not ask at every call, and comes back',
    async (problem) => {
      const secrets = fragile(memorySecrets({ tokens: JSON.stringify(hourly()) }));
      secrets.problem = problem;
      const keeper = keeperOf(undefined, [], secrets);
      expect(await keeper.get()).toMatchObject({ problem: 'keychain' });
      expect(view).toMatchObject({ state: 'auth_required', mend: { action: { kind: 'retry' } } });
      secrets.problem = null;
      expect(await keeper.get()).toMatchObject({ problem: 'keychain' });
      expect(await keeper.retry()).toMatchObject({ tokens: { access: 'access-1' } });
      expect(view.state).toBe('ready');
    },
  );
  it('that is lost while new tokens arrive: they are not used until they are kept, and not lost', async () => {
    const secrets = fragile(memorySecrets({ tokens: JSON.stringify(tokens({ expiresAt: clock.at })) }));
    const keeper = keeperOf(
      undefined,
      () => {
        secrets.problem = 'locked';
        return Promise.resolve(renewed(2));
      },
      secrets,
    );
    expect(await keeper.get()).toMatchObject({ problem: 'keychain' });
    expect(view.state).toBe('auth_required');
    secrets.problem = null;
    expect(await keeper.retry()).toMatchObject({ tokens: { access: 'access-2' } });
    expect(asked).toHaveLength(1);
    expect(JSON.parse((await secrets.get('tokens')) ?? '')).toMatchObject({ refresh: 'refresh-2' });
  });
});

describe('tokens that could not be kept', () => {
  const lockedAtFirst = () => {
    const secrets = fragile(memorySecrets({ tokens: JSON.stringify(hourly()) }));
    const keeper = keeperOf(
      undefined,
      ({ refresh }) => {
        if (refresh !== `refresh-${asked.length}`) return Promise.resolve({ kind: 'terminal', reason: 'refresh_token_reused' });
        secrets.problem = asked.length === 1 ? 'locked' : null;
        return Promise.resolve(renewed(asked.length + 1));
      },
      secrets,
    );
    return { secrets, keeper };
  };
  it('are what a late refusal of the old ones finds: the spent token is not sent again', async () => {
    const { secrets, keeper } = lockedAtFirst();
    await keeper.get();
    clock.at += HOUR - 60_000;
    expect(await keeper.get()).toMatchObject({ problem: 'keychain' });
    secrets.problem = null;
    clock.at += 60_000;
    expect(await keeper.refused('access-1')).toMatchObject({ tokens: { access: 'access-2' } });
    expect(asked).toHaveLength(1);
    expect(view.state).toBe('ready');
  });
  it('are what a sign-out gives back to be revoked, and nothing is kept after it', async () => {
    const { secrets, keeper } = lockedAtFirst();
    await keeper.get();
    clock.at += HOUR;
    await keeper.get();
    secrets.problem = null;
    expect(await keeper.forget()).toMatchObject({ refresh: 'refresh-2' });
    clock.at += 60_000;
    tick();
    expect(await keeper.get()).toMatchObject({ problem: 'sign_in' });
    expect(await secrets.get('tokens')).toBeUndefined();
  });
  it('are found by the next keeper of the account, as after a switch to another one and back', async () => {
    const { secrets, keeper } = lockedAtFirst();
    await keeper.get();
    clock.at += HOUR;
    expect(await keeper.get()).toMatchObject({ problem: 'keychain' });
    await keeper.stop();
    secrets.problem = null;
    const next = keeperOf(undefined, () => Promise.resolve({ kind: 'terminal', reason: 'refresh_token_reused' }), secrets);
    expect(await next.get()).toMatchObject({ tokens: { access: 'access-2' } });
    expect(await secrets.get('tokens')).toContain('"refresh-2"');
  });
  it('give way to those of a new sign-in', async () => {
    const { secrets, keeper } = lockedAtFirst();
    await keeper.get();
    clock.at += HOUR;
    await keeper.get();
    secrets.problem = null;
    await keeper.put(tokens({ access: 'new', refresh: 'new', expiresAt: clock.at + HOUR }));
    expect(await keeper.get()).toMatchObject({ tokens: { access: 'new' } });
    expect(await secrets.get('tokens')).toContain('"new"');
  });
});

describe('a sign-out', () => {
  it('that fails at a locked keychain leaves the account as it was', async () => {
    const secrets = fragile(memorySecrets({ tokens: JSON.stringify(hourly()) }));
    const keeper = keeperOf(undefined, [], secrets);
    await keeper.get();
    secrets.problem = 'locked';
    await expect(keeper.forget()).rejects.toThrow(SecretError);
    secrets.problem = null;
    expect(await keeper.get()).toMatchObject({ tokens: { access: 'access-1' } });
  });
});

describe('two processes', () => {
  it('that renew at once spend the refresh token once, and both go on', async () => {
    const spent = new Set<string>();
    let given = 1;
    const server = await startFakeUpstream((req, res) => {
      const token = req.body.toString();
      if (spent.has(token)) return void res.writeHead(400).end('refresh_token_reused');
      spent.add(token);
      given += 1;
      // Slow enough for the other one to come by.
      setTimeout(() => res.end(String(given)), 100);
    });
    const file = path.join(folder, 'shared.json');
    writeFileSync(file, JSON.stringify({ tokens: JSON.stringify(tokens({ expiresAt: 1 })) }));
    const children = [1, 2].map(() => startProbe([file, path.join(folder, 'shared.lock'), server.baseUrl]));
    await Promise.all(children.map((child) => said(child, /READY/)));
    for (const child of children) child.stdin?.write('go\n');
    const results = await Promise.all(children.map((child) => said(child, /RESULT (.*)/)));
    expect(results).toEqual(['"access-2"', '"access-2"']);
    expect(server.seen).toHaveLength(1);
    expect(readFileSync(file, 'utf8')).toContain('refresh-2');
    await server.stop();
  });
});

function startProbe(args: string[]): ChildProcess {
  return spawn(process.execPath, [path.join(import.meta.dirname, 'keeper.probe.ts'), ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
}

function said(child: ChildProcess, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const onData = (chunk: Buffer): void => {
      text += chunk.toString();
      const match = pattern.exec(text);
      if (match === null) return;
      child.stdout?.off('data', onData);
      resolve(match[1] ?? '');
    };
    child.stdout?.on('data', onData);
    child.once('exit', () => reject(new Error(`ended: ${text}`)));
  });
}
