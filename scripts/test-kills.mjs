// npm run test:kills: the store's writer, and whole engines, killed two hundred times among their calls.
import { ensureBuilt, ensureInstalled, tool } from './lib/setup.mjs';

await ensureInstalled();
await ensureBuilt();
process.env.DRAWBRIDGE_KILLS ??= '200';
process.exit((await tool('node_modules/vitest/vitest.mjs', ['run', 'test/capture/killed', ...process.argv.slice(2)])) ?? 1);
