import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** The real Secret Service, in a session bus of its own that ends with the test. */
export type KeyringKind = 'unlocked' | 'locked' | 'none';

export const hasKeyring = process.platform === 'linux' && ['dbus-run-session', 'gnome-keyring-daemon'].every(isInstalled);

function isInstalled(program: string): boolean {
  try {
    execFileSync('which', [program], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Runs a probe of this folder with such a keychain, and more arguments; resolves with what it prints as its result. */
export function inKeyringSession(probeFile: string, kind: KeyringKind, ...more: string[]): Promise<unknown> {
  const home = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-keyring-'));
  const probe = [process.execPath, path.join(import.meta.dirname, probeFile), kind === 'unlocked' ? 'contract' : 'read', ...more];
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
