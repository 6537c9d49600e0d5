import { expect, test } from 'vitest';
import { createAttempts } from '../../bridges/accounts/attempt.ts';
import { silentLogger } from '../../bridges/engine/log.ts';
import { SecretError } from '../../bridges/engine/secrets.ts';

function attemptsThat(finish: (result: string, signal: AbortSignal) => Promise<void> = async () => {}) {
  const told: string[] = [];
  const attempts = createAttempts<string>({
    bridge: 'codex',
    holder: { begin: (waitingFor) => told.push(`begin: ${waitingFor}`), fallBack: ({ type }) => told.push(type) },
    log: silentLogger,
    finish: async (result, signal) => {
      told.push(`finish: ${result}`);
      await finish(result, signal);
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

test('one that is dropped while it is being finished is told so, and its failure then says nothing', async () => {
  const { attempts, told } = attemptsThat(async (_result, signal) => {
    expect(signal.aborted).toBe(false);
    attempts.drop();
    expect(signal.aborted).toBe(true);
    throw new Error('too late');
  });
  await attempts.follow(attempts.begin('one'), Promise.resolve('signed in'));
  expect(told).toEqual(['begin: one', 'finish: signed in']);
});

test('what goes wrong before anybody is waited for ends it too', async () => {
  const { attempts, told } = attemptsThat();
  const signal = attempts.begin('one');
  await expect(attempts.prepare(signal, () => Promise.reject(new Error('no port')))).rejects.toThrow('no port');
  expect(told).toEqual(['begin: one', 'sign_in_failed']);
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
