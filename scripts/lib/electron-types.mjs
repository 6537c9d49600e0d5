// The second of the two passes that hold the fake of Electron to the real one: the shell compiled against the fake.
// Electron's own file declares a module `electron`, which would win over the fake; only its namespace is wanted.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './setup.mjs';

/** Writes Electron's namespace without its modules to where test/fakes/electron/tsconfig.json looks for it. */
export function writeElectronNamespace() {
  const text = readFileSync(path.join(root, 'node_modules', 'electron', 'electron.d.ts'), 'utf8');
  const end = text.indexOf("declare module 'electron'");
  if (end < 0) throw new Error('electron.d.ts no longer declares its module where it did; look at scripts/lib/electron-types.mjs');
  const folder = path.join(root, 'node_modules', '.cache', 'drawbridge');
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'electron-namespace.d.ts'), text.slice(0, end));
}
