import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { problemOf } from '../../bridges/accounts/keychain.ts';
import { openSecrets } from '../../bridges/accounts/open-secrets.ts';
import { withLargeValues } from '../../bridges/accounts/sealed.ts';
import { silentLogger } from '../../bridges/engine/log.ts';
import { deferSecrets, memorySecrets, SecretError, type SecretProblem, type SecretStore } from '../../bridges/engine/secrets.ts';
import { hasKeyring, inKeyringSession, type KeyringKind } from './keyring.support.ts';
import { CONTRACT } from './secrets.contract.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-secrets-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each([
  ['in memory', () => memorySecrets()],
  ['in memory, large values in files', () => withLargeValues(memorySecrets(), path.join(folder, randomBytes(4).toString('hex')))],
])('secrets %s', (_name, make) => {
  it.each(Object.entries(CONTRACT))('%s', async (_rule, check) => check(make()));
});

describe('large values', () => {
  it('stand in no file in the clear, and only whoever has the keychain reads them', async () => {
    const keychain = memorySecrets();
    const place = path.join(folder, 'clear');
    const value = `CANARY${'x'.repeat(5000)}`;
    await withLargeValues(keychain, place).set('tokens', value);
    const [file = ''] = readdirSync(place);
    expect(readFileSync(path.join(place, file), 'latin1')).not.toContain('CANARY');
    expect(await withLargeValues(keychain, place).get('tokens')).toBe(value);
    expect(await withLargeValues(memorySecrets({ tokens: 'sealed:1' }), place).get('tokens')).toBeUndefined();
  });
  it('that are the first ones, and kept at once, can both be read again', async () => {
    const keychain = memorySecrets();
    // As a keychain does: it answers in its own time.
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    const slow: SecretStore = {
      ...keychain,
      get: (name) => turn().then(() => keychain.get(name)),
      set: (name, value) => turn().then(() => keychain.set(name, value)),
    };
    const store = withLargeValues(slow, path.join(folder, 'at once'));
    const values = ['x', 'y'].map((letter) => letter.repeat(5000));
    await Promise.all(values.map((value, n) => store.set(`tokens-${n}`, value)));
    expect(await Promise.all(values.map((_value, n) => store.get(`tokens-${n}`)))).toEqual(values);
  });
  it.each([1_000, 1_281, 1_999, 2_001])(
    'fit into a keychain like that of Windows, which takes 2,560 bytes of UTF-16: %i letters',
    async (letters) => {
      const keychain = memorySecrets();
      const small: SecretStore = {
        ...keychain,
        set: async (name, value) => {
          if (Buffer.byteLength(value, 'utf16le') > 2_560) throw new SecretError('unavailable', 'too long');
          await keychain.set(name, value);
        },
      };
      const store = withLargeValues(small, path.join(folder, 'windows'));
      for (const letter of ['x', 'ß', '😀']) {
        const value = letter.repeat(letters);
        await store.set('tokens', value);
        expect(await store.get('tokens')).toBe(value);
      }
    },
  );
  it('are there still where the keychain does not give them up', async () => {
    const keychain = memorySecrets();
    const locked: SecretStore = { ...keychain, delete: () => Promise.reject(new SecretError('locked', 'locked')) };
    const store = withLargeValues(locked, path.join(folder, 'locked'));
    await store.set('tokens', 'z'.repeat(5000));
    await expect(store.delete('tokens')).rejects.toMatchObject({ kind: 'locked' });
    expect(await store.get('tokens')).toBe('z'.repeat(5000));
  });
  it('are gone, not wrong, where the file was changed', async () => {
    const keychain = memorySecrets();
    const place = path.join(folder, 'changed');
    const store = withLargeValues(keychain, place);
    await store.set('tokens', 'y'.repeat(5000));
    const [file = ''] = readdirSync(place);
    const text = readFileSync(path.join(place, file), 'utf8');
    writeFileSync(path.join(place, file), text.replace(/"data":"...../, '"data":"AAAAA'));
    expect(await store.get('tokens')).toBeUndefined();
  });
});

describe('choosing where secrets live', () => {
  const broken = (kind: SecretProblem): SecretStore => {
    const fail = () => Promise.reject(new SecretError(kind, kind));
    return { lasting: true, get: fail, set: fail, delete: fail };
  };
  it('takes the keychain that works', async () => {
    expect((await openSecrets(folder, silentLogger, { ...memorySecrets(), lasting: true })).lasting).toBe(true);
  });
  it.each(['unavailable', 'denied'] as const)('keeps to this session where it is %s', async (kind) => {
    const store = await openSecrets(folder, silentLogger, broken(kind));
    expect(store.lasting).toBe(false);
    await store.set('a', 'b');
    expect(await store.get('a')).toBe('b');
  });
  it('keeps a locked keychain: it can be unlocked', async () => {
    const store = await openSecrets(folder, silentLogger, broken('locked'));
    expect(store.lasting).toBe(true);
    await expect(store.get('a')).rejects.toMatchObject({ kind: 'locked' });
  });
});

describe('a store that is still being opened', () => {
  it('is asked once it is open, and tells then whether it lasts', async () => {
    const opening = Promise.withResolvers<SecretStore>();
    const store = deferSecrets(opening.promise);
    const set = store.set('a', 'b');
    opening.resolve(memorySecrets());
    await set;
    expect([store.lasting, await store.get('a')]).toEqual([false, 'b']);
    await store.delete('a');
    expect(await store.get('a')).toBeUndefined();
  });
  it('that can not be opened says so to whoever asks', async () => {
    const store = deferSecrets(Promise.reject(new SecretError('denied', 'No.')));
    await expect(store.get('a')).rejects.toMatchObject({ kind: 'denied' });
  });
});

describe('what the platforms say', () => {
  it.each([
    ["Couldn't access platform storage: Secret Service: unlock prompt was dismissed", 'locked'],
    ['User interaction is not allowed.', 'locked'],
    ['The operation was aborted', 'locked'],
    ['User canceled the operation.', 'denied'],
    ['The user name or passphrase you entered is not correct.', 'denied'],
    ['Platform failure: DBus error: Using X11 for dbus-daemon autolaunch was disabled', 'unavailable'],
    ["Couldn't access platform storage: Secret Service: no result found", 'unavailable'],
  ])('%s: %s', (message, kind) => expect(problemOf(message)).toBe(kind));
});

if (!hasKeyring)
  console.warn('skipped: the real keychain needs dbus-run-session and gnome-keyring-daemon (npm test installs them as root)');

describe.skipIf(!hasKeyring)('the real keychain', () => {
  const inSession = (kind: KeyringKind): Promise<unknown> => inKeyringSession('keychain.probe.ts', kind);
  it('keeps the whole contract', async () => expect(await inSession('unlocked')).toEqual({ failed: [], lasting: true }));
  it('is told to be locked', async () => expect(await inSession('locked')).toEqual({ kind: 'locked' }));
  it('is told to be missing', async () => expect(await inSession('none')).toEqual({ kind: 'unavailable' }));
});
