// npm run bench: sets up what is missing, then measures the built engine against the plainest proxy.
import { ensureBuilt, ensureInstalled, tool } from './lib/setup.mjs';

await ensureInstalled();
await ensureBuilt();
process.exit((await tool('bench/main.ts', process.argv.slice(2))) ?? 1);
