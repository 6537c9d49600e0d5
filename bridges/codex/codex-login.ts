import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import path from 'node:path';
import { AsyncEntry } from '@napi-rs/keyring';
import { problemOf } from '../accounts/keychain.ts';
import { readIfThere } from '../engine/files.ts';
import { SecretError } from '../engine/secrets.ts';

/** Where the Codex CLI keeps its things on this machine. */
export function codexHome(env: Readonly<Record<string, string | undefined>>, homedir: string): string {
  return env['CODEX_HOME'] || path.join(homedir, '.codex');
}

/** A keychain may ask its owner whether we may look; an answer that does not come is a no. Milliseconds. */
const PATIENCE_MS = 30_000;

/**
 * The Codex CLI's login as it keeps it: in a file, or in the keychain (SPEC 3.2). Only ever read. Throws SecretError where
 * the keychain is locked, or refuses us.
 */
export async function readCodexLogin(home: string): Promise<string | undefined> {
  const text = readIfThere(path.join(home, 'auth.json'));
  if (text !== undefined) return text;
  const account = `cli|${createHash('sha256').update(realPath(home)).digest('hex').slice(0, 16)}`;
  try {
    const entry = new AsyncEntry('Codex Auth', account, { linux: { store: 'secret-service' } });
    return (await entry.getPassword(AbortSignal.timeout(PATIENCE_MS))) ?? undefined;
  } catch (error) {
    const kind = problemOf(error instanceof Error ? error.message : String(error));
    // Without a keychain there is no login in one.
    if (kind === 'unavailable') return undefined;
    throw new SecretError(
      kind,
      `The keychain that may hold the Codex CLI’s login is ${kind === 'locked' ? 'locked' : 'not open to Drawbridge'}.`,
      {
        cause: error,
      },
    );
  }
}

/** Codex names its entry by where its folder really is, and by what it was told where that can't be found out. */
function realPath(home: string): string {
  try {
    return realpathSync(home);
  } catch {
    return home;
  }
}
