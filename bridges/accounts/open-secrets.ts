import { createHash, randomBytes } from 'node:crypto';
import path from 'node:path';
import { memorySecrets, SecretError, type SecretStore } from '../engine/secrets.ts';
import type { Logger } from '../engine/log.ts';
import { keychainSecrets } from './keychain.ts';
import { withLargeValues } from './sealed.ts';

const PROBE = 'probe';

/**
 * The keychain of this machine for one state folder, or, where there is none, this process' memory: never a plain
 * file. A locked keychain is kept: its owner can unlock it, and what is in it would be lost to sight otherwise.
 */
export async function openSecrets(
  home: string,
  log: Logger,
  keychain: SecretStore = keychainSecrets(createHash('sha256').update(home).digest('hex').slice(0, 8)),
): Promise<SecretStore> {
  try {
    // Only writing tells: a Secret Service without a collection reads well and keeps nothing.
    await keychain.set(PROBE, randomBytes(8).toString('hex'));
    await keychain.delete(PROBE);
  } catch (error) {
    if (!(error instanceof SecretError)) throw error;
    log.warn('keychain.problem', { kind: error.kind, error: error.cause });
    if (error.kind !== 'locked') return memorySecrets();
  }
  return withLargeValues(keychain, path.join(home, 'secrets'));
}
