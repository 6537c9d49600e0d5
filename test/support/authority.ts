import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export type Certificate = { key: string; cert: string };

/** A certificate authority of a test's own, and a certificate of it for these names. Nothing stays on disk. */
export function makeAuthority(...names: string[]): Certificate & { ca: string } {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'db-ca-'));
  const file = (name: string): string => path.join(folder, name);
  const make = (name: string, ...more: string[]): Certificate => {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', file(`${name}.key`)];
    execFileSync('openssl', ['req', '-x509', ...key, '-out', file(name), '-subj', `/CN=${name}`, ...more], { stdio: 'ignore' });
    return { key: readFileSync(file(`${name}.key`), 'utf8'), cert: readFileSync(file(name), 'utf8') };
  };
  try {
    const { cert } = make('authority', '-addext', 'keyUsage=keyCertSign');
    const by = ['-CA', file('authority'), '-CAkey', file('authority.key'), '-addext', 'basicConstraints=CA:FALSE'];
    return { ca: cert, ...make('server', ...by, '-addext', `subjectAltName=${names.map((name) => `DNS:${name}`).join(',')}`) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
