// npm test: sets up what is missing, then runs every test but those of the real clients (npm run test:clients).
import { ensureBuilt, ensureChromium, ensureInstalled, ensureKeyringParts, ensureTunnelParts, tool } from './lib/setup.mjs';

await ensureInstalled();
await ensureBuilt();
const chromium = await ensureChromium();
await ensureKeyringParts();
await ensureTunnelParts();
const env = { ...process.env, CHROMIUM_PATH: chromium, NODE_ENV: 'test' };
process.exit((await tool('node_modules/vitest/vitest.mjs', ['run', ...process.argv.slice(2)], { env })) ?? 1);
