import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

/** Real programs the tunnels' tests run against; undefined where this machine has none. */

const PLACES = ['/usr/sbin', '/usr/bin', '/sbin', '/bin', '/usr/local/sbin', '/usr/local/bin', '/opt/homebrew/sbin', '/opt/homebrew/bin'];
const find = (name: string): string | undefined => PLACES.map((folder) => path.join(folder, name)).find((file) => existsSync(file));

export const sshd = find('sshd');
export const hasSsh = find('ssh') !== undefined && find('ssh-keygen') !== undefined && sshd !== undefined;
export const hasOpenssl = find('openssl') !== undefined;
export const hasCheckTools = find('curl') !== undefined && find('ss') !== undefined;

/** What the genuine cloudflared 2026.7.2 for linux-amd64 must be, byte for byte. */
const CLOUDFLARED_SHA256 = 'ec905ea7b7e327ff8abdde8cb64697a2152de74dbcdbf6aec9db8364eb3886cd';

/** The genuine cloudflared; never one whose bytes are not known. */
export const cloudflared = ((): string | undefined => {
  if (process.platform !== 'linux' || process.arch !== 'x64') return undefined;
  try {
    const manifest = createRequire(import.meta.url).resolve('agent-remoteops-cloudflared-linux-x64/package.json');
    const file = path.join(path.dirname(manifest), 'bin', 'cloudflared');
    const sum = createHash('sha256').update(readFileSync(file)).digest('hex');
    return sum === CLOUDFLARED_SHA256 ? file : undefined;
  } catch {
    return undefined;
  }
})();

/** True where this process may make network namespaces. */
export const hasNamespaces = ((): boolean => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0 || find('ip') === undefined) return false;
  try {
    execFileSync('ip', ['netns', 'list'], { stdio: 'ignore' });
    execFileSync('unshare', ['-n', 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();
