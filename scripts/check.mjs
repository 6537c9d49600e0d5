// npm run check: types, lint with the layering rules, format, dead exports. All are run, also after one has failed.
import { ensureInstalled, say, tool } from './lib/setup.mjs';

await ensureInstalled();
/** @type {[name: string, script: string, args: string[]][]} */
const checks = [
  ['types', 'node_modules/typescript/bin/tsc', ['-p', '.']],
  ['types of the window', 'node_modules/typescript/bin/tsc', ['-p', 'renderer']],
  ['lint', 'node_modules/oxlint/bin/oxlint', ['--type-aware']],
  ['format', 'node_modules/oxfmt/bin/oxfmt', ['--check']],
  ['dead exports', 'node_modules/knip/bin/knip.js', []],
];
const failed = [];
for (const [name, script, args] of checks) {
  say(`checking ${name}`);
  if ((await tool(script, args)) !== 0) failed.push(name);
}
if (failed.length > 0) say(`failed: ${failed.join(', ')}`);
process.exit(failed.length === 0 ? 0 : 1);
