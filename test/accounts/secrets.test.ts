import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { problemOf } from '../../bridges/accounts/keychain.ts';
import { openSecrets } from '../../bridges/accounts/open-secrets.ts';
import { withLargeValues } from '../../bridges/accounts/sealed.ts';
import { silentLogger } from '../../bridges/engine/log.ts';
import { memorySecrets, SecretError, type SecretProblem, type SecretStore } from '../../bridges/engine/secrets.ts';
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

/** The real Secret Service, in a session bus of its own that ends with the test. */
const real = process.platform === 'linux' && ['dbus-run-session', 'gnome-keyring-daemon'].every(isInstalled);
if (!real) console.warn('skipped: the real keychain needs dbus-run-session and gnome-keyring-daemon (npm test installs them as root)');

describe.skipIf(!real)('the real keychain', () => {
  it('keeps the whole contract', async () => expect(await inSession('unlocked')).toEqual({ failed: [], lasting: true }));
  it('is told to be locked', async () => expect(await inSession('locked')).toEqual({ kind: 'locked' }));
  it('is told to be missing', async () => expect(await inSession('none')).toEqual({ kind: 'unavailable' }));
});

function isInstalled(program: string): boolean {
  try {
    execFileSync('which', [program], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function inSession(kind: 'unlocked' | 'locked' | 'none'): Promise<unknown> {
  const home = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-keyring-'));
  const probe = [process.execPath, path.join(import.meta.dirname, 'keychain.probe.ts'), kind === 'unlocked' ? 'contract' : 'read'];
  const script = path.join(import.meta.dirname, 'keyring-session.sh');
  const [command = '', ...args] = kind === 'none' ? probe : ['dbus-run-session', '--', 'bash', script, kind, ...probe];
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: home,
    XDG_DATA_HOME: home,
    XDG_RUNTIME_DIR: home,
    ...(kind === 'none' ? { DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nonexistent' } : {}),
  };
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    child.once('close', () => {
      rmSync(home, { recursive: true, force: true });
      const line = /^RESULT (.*)$/m.exec(out)?.[1];
      if (line === undefined) reject(new Error(`no result: ${out} ${err}`));
      else resolve(JSON.parse(line));
    });
  });
}
