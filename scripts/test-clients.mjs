// npm run test:clients: the real CLIs, from the registry at pinned versions, against the built engine. Installs them
// on the first run. Arguments go to vitest: "npm run test:clients -- codex" runs one client.
import path from 'node:path';
import { ensureBuilt, ensureInstalled, node24, root, run, say, tool } from './lib/setup.mjs';

if (process.platform === 'win32') {
  say('the tests of the real clients run on Linux and macOS');
  process.exit(1);
}
await ensureInstalled();
await ensureBuilt();
const code = await run(node24, [path.join(root, 'test', 'clients', 'install.ts')]);
if (code !== 0) {
  say('a client could not be installed; the lines above say why. Check the network and the registry.');
  process.exit(code ?? 1);
}
const config = path.join('test', 'clients', 'vitest.config.ts');
process.exit((await tool('node_modules/vitest/vitest.mjs', ['run', '--config', config, ...process.argv.slice(2)])) ?? 1);
