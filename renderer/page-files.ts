import type { Plugin } from 'vite';

/**
 * Notes in the window's HTML which files each page is made of, by the first part of its path. `public/start.js` reads it,
 * so that a page's own code is on its way while the frame's is read.
 */
export function notePageFiles(pages: Readonly<Record<string, string>>): Plugin {
  return {
    name: 'drawbridge:note-page-files',
    apply: 'build',
    transformIndexHtml: {
      order: 'post',
      handler(html, { bundle = {} }) {
        const chunks = Object.values(bundle).filter((file) => file.type === 'chunk');
        const entry = chunks.find(({ isEntry }) => isEntry);
        const withImports = (name: string, found = new Set<string>()): Set<string> => {
          const chunk = chunks.find(({ fileName }) => fileName === name);
          if (chunk === undefined || found.has(name)) return found;
          found.add(name);
          for (const next of chunk.imports) withImports(next, found);
          return found;
        };
        const frame = withImports(entry?.fileName ?? '');
        const files = Object.entries(pages).map(([page, source]) => {
          const module = `/src/features/${source}/${source}-page.tsx`;
          const chunk = chunks.find(({ moduleIds }) => moduleIds.some((id) => id.endsWith(module)));
          if (chunk === undefined) throw new Error(`the build has no file for features/${source}`);
          return [page, [...withImports(chunk.fileName)].filter((name) => !frame.has(name)).map((name) => `/${name}`)];
        });
        const content = JSON.stringify(Object.fromEntries(files)).replaceAll('"', '&quot;');
        return html.replace('<script ', `<meta name="page-files" content="${content}" />\n    <script `);
      },
    },
  };
}
