import { existsSync } from 'node:fs';
import { readdir, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { isForeign, neededNatives, type Target } from './contents.ts';

/** Takes from a copied app what was made for other machines, and the folders the packager emptied. */
export async function pruneApp(app: string, target: Target): Promise<void> {
  const modules = path.join(app, 'node_modules');
  for (const file of await readdir(modules, { recursive: true }))
    if (isForeign(file, target)) await rm(path.join(modules, file), { recursive: true, force: true });
  // Headers for a compiler; the packager keeps whatever a dependency names.
  await rm(path.join(modules, 'node-addon-api'), { recursive: true, force: true });
  for (const scope of await readdir(modules))
    if (scope.startsWith('@') && (await readdir(path.join(modules, scope))).length === 0) await rmdir(path.join(modules, scope));
  const missing = neededNatives(target).filter((file) => !existsSync(path.join(app, file)));
  if (missing.length > 0)
    throw new Error(`A package for ${target.platform} on ${target.arch} wants ${missing.join(' and ')}. Make it on such a machine.`);
}
