import { AsyncEntry } from '@napi-rs/keyring';
import { SECRET_PROBLEMS, SecretError, type SecretProblem, type SecretStore } from '../engine/secrets.ts';

const SERVICE = 'Drawbridge';
/** A keychain that asks its owner may take this long; then the call fails instead of hanging. Milliseconds. */
const PATIENCE_MS = 60_000;

/**
 * The OS keychain: Keychain on macOS, Credential Manager on Windows, Secret Service on Linux. Pinned there: the kernel
 * keyring, which would be taken otherwise, forgets everything at reboot. `folder` keeps state folders apart.
 */
export function keychainSecrets(folder: string): SecretStore {
  const entry = (name: string): AsyncEntry => new AsyncEntry(SERVICE, `${name}@${folder}`, { linux: { store: 'secret-service' } });
  return {
    lasting: true,
    get: (name) => told(async (signal) => (await entry(name).getPassword(signal)) ?? undefined),
    set: (name, value) => told((signal) => entry(name).setPassword(value, signal)),
    delete: (name) => told(async (signal) => void (await entry(name).deleteCredential(signal))),
  };
}

async function told<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  try {
    return await work(AbortSignal.timeout(PATIENCE_MS));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const kind = problemOf(message);
    throw new SecretError(kind, SECRET_PROBLEMS[kind], { cause: error });
  }
}

/** What each platform's wording means. */
export function problemOf(message: string): SecretProblem {
  if (/unlock prompt was dismissed|is locked|locked collection|interaction is not allowed|abort|timed? ?out/i.test(message))
    return 'locked';
  if (/cancell?ed|denied|not permitted|authori[sz]ation|passphrase|auth.*failed/i.test(message)) return 'denied';
  return 'unavailable';
}
