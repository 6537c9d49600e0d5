import { readFileSync } from 'node:fs';
import type { Clock } from '../../bridges/engine/clock.ts';
import { writeFileAtomic } from '../../bridges/engine/files.ts';
import type { Renewal, TokenAdapter, Tokens } from '../../bridges/accounts/keeper.ts';
import type { SecretStore } from '../../bridges/engine/secrets.ts';

export type TestClock = Clock & { at: number };

/** A clock that stands still until it is moved. */
export function testClock(at = Date.UTC(2026, 10, 20)): TestClock {
  const clock: TestClock = { at, now: () => clock.at, monotonic: () => clock.at };
  return clock;
}

/** Secrets that two processes share, for tests alone. */
export function fileSecrets(file: string): SecretStore {
  const all = (): Record<string, string> => JSON.parse(readFileSync(file, 'utf8'));
  return {
    lasting: true,
    get: async (name) => all()[name],
    set: async (name, value) => writeFileAtomic(file, JSON.stringify({ ...all(), [name]: value })),
    delete: async (name) => {
      const { [name]: _gone, ...rest } = all();
      writeFileAtomic(file, JSON.stringify(rest));
    },
  };
}

export function tokens(change: Partial<Tokens> = {}): Tokens {
  return { access: 'access-1', refresh: 'refresh-1', expiresAt: null, refreshFrom: null, extra: {}, ...change };
}

/** Renews over HTTP at a stand-in that refuses a refresh token it has seen before. */
export function httpAdapter(url: string, clock: Clock): TokenAdapter {
  return {
    async renew(held): Promise<Renewal> {
      const reply = await fetch(url, { method: 'POST', body: held.refresh });
      const text = await reply.text();
      if (!reply.ok) return { kind: 'terminal', reason: text };
      const n = Number(text);
      return {
        kind: 'renewed',
        tokens: { ...held, access: `access-${n}`, refresh: `refresh-${n}`, expiresAt: clock.now() + 3_600_000 },
      };
    },
  };
}
