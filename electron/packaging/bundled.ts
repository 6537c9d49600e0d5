import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Plugin } from 'vite';

/** Notes which packages' code a build really holds, for scripts/licenses.mjs: a JSON list in dist/.bundled/NAME.json. */
export function noteBundled(name: string): Plugin {
  return {
    name: 'drawbridge:note-bundled',
    apply: 'build',
    generateBundle(_options, bundle) {
      const folders = new Set<string>();
      for (const file of Object.values(bundle)) {
        if (file.type !== 'chunk') continue;
        for (const id of file.moduleIds) {
          const folder = packageFolder(id);
          if (folder !== null) folders.add(folder);
        }
      }
      const folder = path.join(import.meta.dirname, '../../dist/.bundled');
      mkdirSync(folder, { recursive: true });
      writeFileSync(path.join(folder, `${name}.json`), JSON.stringify([...folders].sort()));
    },
  };
}

/** Folder of the package a module belongs to, from `node_modules` on; null for our own. Ids may carry a NUL and a query. */
export function packageFolder(id: string): string | null {
  const found = /[\\/](node_modules[\\/](?:.+[\\/]node_modules[\\/])?(?:@[^\\/]+[\\/])?[^@\\/][^\\/]*)[\\/]/.exec(
    id.replace(/\0|\?.*$/g, ''),
  );
  const folder = found?.[1]?.replaceAll('\\', '/');
  return folder === undefined || folder.includes('/.') ? null : folder;
}
