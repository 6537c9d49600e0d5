import { createHash } from 'node:crypto';
import { AsyncEntry } from '@napi-rs/keyring';
import { readCodexLogin } from '../../bridges/codex/codex-login.ts';
import { SecretError } from '../../bridges/engine/secrets.ts';

// Runs inside a session bus of its own (codex-keyring.test.ts) and prints one line of JSON.
const home = '/home/user/.codex-of-the-test';
if (process.argv[2] === 'contract') {
  // As the Codex CLI keeps it (SPEC 3.2).
  const account = `cli|${createHash('sha256').update(home).digest('hex').slice(0, 16)}`;
  await new AsyncEntry('Codex Auth', account, { linux: { store: 'secret-service' } }).setPassword('{"auth_mode":"apikey"}');
}
const found = await readCodexLogin(home).then(
  (text) => ({ text: text ?? null }),
  (error: unknown) => ({ problem: error instanceof SecretError ? error.kind : String(error) }),
);
console.log(`RESULT ${JSON.stringify(found)}`);
process.exit();
