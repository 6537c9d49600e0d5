// npm run check: types, lint with the layering rules, format, dead exports. All are run, also after one has failed.
import { writeElectronNamespace } from './lib/electron-types.mjs';
import { ensureInstalled, say, tool } from './lib/setup.mjs';

await ensureInstalled();
writeElectronNamespace();
/** @type {[name: string, script: string, args: string[]][]} */
const checks = [
  ['types', 'node_modules/typescript/bin/tsc', ['-p', '.']],
  ['types of the window', 'node_modules/typescript/bin/tsc', ['-p', 'renderer']],
  ['types of the preload', 'node_modules/typescript/bin/tsc', ['-p', 'electron/preload']],
  // The first pass (types) holds each part of the fake to Electron's types; this one holds the shell to the fake.
  ['types of the shell on the fake', 'node_modules/typescript/bin/tsc', ['-p', 'test/fakes/electron']],
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
