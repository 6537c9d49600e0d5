import { createHash } from 'node:crypto';
import { mkdirSync, realpathSync, symlinkSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { AsyncEntry } from '@napi-rs/keyring';
import { readCodexLogin } from '../../bridges/codex/codex-login.ts';
import { SecretError } from '../../bridges/engine/secrets.ts';

// Runs inside a session bus of its own (codex-keyring.test.ts) and prints one line of JSON.
const [, , kind, where = ''] = process.argv;
// As those have it who keep their settings elsewhere.
const place = path.join(os.homedir(), 'settings of codex');
const home = path.join(os.homedir(), '.codex');
mkdirSync(where === 'linked' ? place : home, { recursive: true });
if (where === 'linked') symlinkSync(place, home);
if (kind === 'contract') {
  // As the Codex CLI keeps it (SPEC 3.2): under the folder's real path.
  const account = `cli|${createHash('sha256').update(realpathSync(home)).digest('hex').slice(0, 16)}`;
  await new AsyncEntry('Codex Auth', account, { linux: { store: 'secret-service' } }).setPassword('{"auth_mode":"apikey"}');
}
const found = await readCodexLogin(home).then(
  (text) => ({ text: text ?? null }),
  (error: unknown) => ({ problem: error instanceof SecretError ? error.kind : String(error) }),
);
console.log(`RESULT ${JSON.stringify(found)}`);
process.exit();
