import { expect, test } from 'vitest';
import { createAttempts } from '../../bridges/accounts/attempt.ts';
import { silentLogger } from '../../bridges/engine/log.ts';
import { SecretError } from '../../bridges/engine/secrets.ts';

function attemptsThat(finish: (result: string) => Promise<void> = async () => {}) {
  const told: string[] = [];
  const attempts = createAttempts<string>({
    bridge: 'codex',
    holder: { begin: (waitingFor) => told.push(`begin: ${waitingFor}`), fallBack: ({ type }) => told.push(type) },
    log: silentLogger,
    finish: async (result) => {
      told.push(`finish: ${result}`);
      await finish(result);
    },
  });
  return { attempts, told };
}

test('a sign-in that is waited for ends with what it came to', async () => {
  const { attempts, told } = attemptsThat();
  await attempts.follow(attempts.begin('one'), Promise.resolve('signed in'));
  expect(told).toEqual(['begin: one', 'finish: signed in']);
});

test('one that was dropped while it was still being prepared comes to nothing', async () => {
  const { attempts, told } = attemptsThat();
  const signal = attempts.begin('one');
  attempts.drop();
  expect(signal.aborted).toBe(true);
  await attempts.follow(signal, Promise.resolve('signed in'));
  expect(told).toEqual(['begin: one']);
});

test('a newer one takes its place, and its failure says nothing of the newer', async () => {
  const { attempts, told } = attemptsThat();
  const older = attempts.begin('one');
  const newer = attempts.begin('two');
  expect([older.aborted, newer.aborted]).toEqual([true, false]);
  await attempts.follow(older, Promise.reject(new Error('too late')));
  await attempts.follow(newer, Promise.resolve('signed in'));
  expect(told).toEqual(['begin: one', 'begin: two', 'finish: signed in']);
});

test('a keychain that does not take it, and what nobody foresaw, each end it with their own words', async () => {
  for (const [error, type] of [
    [new SecretError('locked', 'The keychain is locked.'), 'not_kept'],
    [new Error('broken'), 'sign_in_failed'],
  ] as const) {
    const { attempts, told } = attemptsThat(() => Promise.reject(error));
    await attempts.follow(attempts.begin('one'), Promise.resolve('signed in'));
    expect(told.at(-1)).toBe(type);
  }
});
