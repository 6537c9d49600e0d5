import { builtinModules } from 'node:module';
import path from 'node:path';
import manifest from '../../package.json' with { type: 'json' };

export const root = path.resolve(import.meta.dirname, '../..');
export const outDir = path.join(root, 'dist', 'electron');

/** What is there at run time: Electron, Node, and the natives. Everything else is part of the bundle. */
export const external = [
  /^electron(?:\/.+)?$/,
  ...Object.keys(manifest.dependencies),
  ...builtinModules,
  ...builtinModules.map((name) => `node:${name}`),
];
