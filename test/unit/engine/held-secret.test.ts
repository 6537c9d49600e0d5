import { beforeEach, describe, expect, it } from 'vitest';
import { holdSecret, type HeldSecret } from '../../../bridges/engine/held-secret.ts';
import { silentLogger } from '../../../bridges/engine/log.ts';
import { memorySecrets, SecretError, type SecretStore } from '../../../bridges/engine/secrets.ts';

let keychain: SecretStore;
let name: string;
let secret: HeldSecret;
const locked = () => Promise.reject(new SecretError('locked', 'The keychain is locked.'));
const open = (changed: Partial<SecretStore> = {}): void => {
  secret = holdSecret({ ...keychain, ...changed }, () => name, silentLogger);
};
beforeEach(() => {
  keychain = memorySecrets({ 'gateway-key': 'old', other: 'of another name' });
  name = 'gateway-key';
  open();
});

it('is waited for until the keychain has answered', async () => {
  const answer = Promise.withResolvers<string>();
  open({ get: () => answer.promise });
  const read = secret.read();
  expect(secret).toSatisfy((one: HeldSecret) => one.waiting() && one.value() === undefined);
  answer.resolve('old');
  await secret.settled();
  expect([secret.waiting(), secret.value()]).toEqual([false, 'old']);
  await read;
});

it.each([
  [new SecretError('denied', 'No.'), 'denied'],
  [new Error('a file of it is damaged'), 'unavailable'],
])('is not waited for where the keychain fails with %s', async (failure, problem) => {
  open({ get: () => Promise.reject(failure) });
  await secret.read();
  expect([secret.waiting(), secret.value(), secret.problem()]).toEqual([false, undefined, problem]);
});

it('is waited for where it is read anew after the keychain had failed, and known from then on', async () => {
  const answer = Promise.withResolvers<string>();
  const answers = [locked(), answer.promise];
  open({ get: () => answers.shift() ?? locked() });
  await secret.read();
  expect(secret.waiting()).toBe(false);
  const again = secret.read();
  expect(secret.waiting()).toBe(true);
  answer.resolve('new');
  await again;
  expect([secret.waiting(), secret.value(), secret.problem()]).toEqual([false, 'new', null]);
  await secret.read();
  expect([secret.waiting(), secret.value(), secret.problem()]).toEqual([false, 'new', 'locked']);
});

it('is none of another name', async () => {
  await secret.read();
  name = 'other';
  expect([secret.waiting(), secret.value()]).toEqual([true, undefined]);
  await secret.read();
  expect(secret.value()).toBe('of another name');
});

describe('a change', () => {
  it('finds the new value in force, in the keychain too', async () => {
    const seen: unknown[] = [];
    await secret.read();
    await secret.replace('new', () => seen.push(secret.value()));
    expect([...seen, await keychain.get(name)]).toEqual(['new', 'new']);
  });

  it.each([
    ['can not be kept', 'new', { set: locked }],
    ['can not be taken away', undefined, { delete: locked }],
    ['can not be read', 'new', { get: locked }],
  ] as const)('does not come where the secret %s', async (_name, value, refuses) => {
    let changed = false;
    await secret.read();
    open(refuses);
    await expect(secret.replace(value, () => (changed = true))).rejects.toThrow(SecretError);
    expect([changed, await keychain.get(name)]).toEqual([false, 'old']);
  });

  it.each(['new', undefined])('that fails leaves the old value in force: %s', async (value) => {
    await secret.read();
    const failing = (): void => {
      throw new Error('The disk is full.');
    };
    await expect(secret.replace(value, failing)).rejects.toThrow('The disk is full.');
    expect([secret.value(), await keychain.get(name)]).toEqual(['old', 'old']);
  });

  it('is not undone by a slow answer of the keychain that was asked before', async () => {
    const slow = Promise.withResolvers<string>();
    const answers = [slow.promise];
    open({ get: (of) => answers.shift() ?? keychain.get(of) });
    const read = secret.read();
    const replaced = secret.replace('new', () => {});
    slow.resolve('old');
    await Promise.all([read, replaced]);
    expect(secret.value()).toBe('new');
  });
});
