import path from 'node:path';
import { keychainSecrets } from '../../bridges/accounts/keychain.ts';
import { withLargeValues } from '../../bridges/accounts/sealed.ts';
import { SecretError } from '../../bridges/engine/secrets.ts';
import { CONTRACT } from './secrets.contract.ts';

// Runs inside a session bus of its own (secrets.test.ts) and prints one line of JSON.
const store = withLargeValues(keychainSecrets('test'), path.join(process.env['HOME'] ?? '', 'secrets'));
if (process.argv[2] === 'contract') {
  const failed: string[] = [];
  for (const [rule, check] of Object.entries(CONTRACT)) {
    await check(store).catch((error: unknown) => failed.push(`${rule}: ${String(error)}`));
  }
  console.log(`RESULT ${JSON.stringify({ failed, lasting: store.lasting })}`);
} else {
  const kind = await store.get('b').then(
    () => 'read',
    (error: unknown) => (error instanceof SecretError ? error.kind : String(error)),
  );
  console.log(`RESULT ${JSON.stringify({ kind })}`);
}
process.exit();
