// Writes dist/THIRD_PARTY_LICENSES: the licence of every package whose code is in the build (electron/packaging/bundled.ts
// noted them) or beside it (package.json > dependencies, with what those need at run time). Part of every build.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root, say } from './lib/setup.mjs';

/** Licences that let us ship the code with no more than their text. Anything else is looked at by a person first. */
const ALLOWED = new Set([
  'MIT',
  'ISC',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  '0BSD',
  'BlueOak-1.0.0',
  'OFL-1.1',
  'MIT AND OFL-1.1',
]);
/** Needed for compiling alone; no code of theirs is shipped. */
const NOT_SHIPPED = new Set(['node-addon-api']);

const read = (file) => JSON.parse(readFileSync(path.join(root, file), 'utf8'));

/** Packages beside the bundle, from node_modules, with their own. */
function beside(names, found = new Set()) {
  for (const name of names) {
    const folder = `node_modules/${name}`;
    if (found.has(folder) || NOT_SHIPPED.has(name) || !existsSync(path.join(root, folder))) continue;
    found.add(folder);
    const { dependencies = {}, optionalDependencies = {} } = read(`${folder}/package.json`);
    beside([...Object.keys(dependencies), ...Object.keys(optionalDependencies)], found);
  }
  return found;
}

/** The texts a package comes with. Where it has none, its named licence and author must do. */
function textsOf(folder) {
  const files = readdirSync(path.join(root, folder), { withFileTypes: true });
  return files
    .filter((file) => file.isFile() && /^(?:licen[cs]e|notice|copying)/i.test(file.name))
    .map((file) => readFileSync(path.join(root, folder, file.name), 'utf8').trim())
    .sort();
}

const lists = readdirSync(path.join(root, 'dist', '.bundled'));
const bundled = lists.flatMap((file) => read(`dist/.bundled/${file}`));
const folders = new Set([...bundled, ...beside(Object.keys(read('package.json').dependencies))]);
/** @type {Map<string, string>} */
const entries = new Map();
const refused = [];
for (const folder of folders) {
  const { name, version, license, author, homepage } = read(`${folder}/package.json`);
  if (!ALLOWED.has(license)) refused.push(`${name} ${version} (${license ?? 'no licence named'})`);
  const by = typeof author === 'string' ? author : author?.name;
  const texts = textsOf(folder);
  const head = [`${name} ${version}`, `Licence: ${license}`, ...(by ? [`By: ${by}`] : []), ...(homepage ? [homepage] : [])];
  entries.set(`${name} ${version}`, [head.join('\n'), ...texts].join('\n\n'));
}
if (refused.length > 0) {
  say(`the build holds code under a licence nobody has looked at: ${refused.join(', ')} (scripts/licenses.mjs)`);
  process.exit(1);
}
const names = [...entries.keys()].sort();
const line = `\n\n${'-'.repeat(80)}\n\n`;
const intro = `Drawbridge holds code of these ${names.length} packages. Electron's own licences are in LICENSE and LICENSES.chromium.html.`;
writeFileSync(path.join(root, 'dist', 'THIRD_PARTY_LICENSES'), `${[intro, ...names.map((name) => entries.get(name))].join(line)}\n`);
