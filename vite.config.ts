import { resolve } from 'node:path';
import tailwindcss from '@tailwindcss/vite';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { noteBundled } from './electron/packaging/bundled.ts';
import { notePageFiles } from './renderer/page-files.ts';

/** The folder of each page, by the first part of its path. */
const PAGES = {
  '': 'overview',
  ...Object.fromEntries(
    ['welcome', 'bridges', 'tunnels', 'calls', 'conversations', 'usage', 'clients', 'settings', 'popover'].map((name) => [name, name]),
  ),
};

/** The window's build. Self-contained, so that every host and every test serves the same files. */
export default defineConfig({
  root: resolve(import.meta.dirname, 'renderer'),
  base: '/',
  plugins: [react(), tailwindcss(), noteBundled('window'), notePageFiles(PAGES)],
  build: {
    outDir: resolve(import.meta.dirname, 'dist/renderer'),
    emptyOutDir: true,
    target: ['chrome130', 'firefox128', 'safari18'],
    // The window runs under a policy without inline scripts; preloading needs none in the browsers above.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    // One sheet, read with the HTML: a page's code never waits for a sheet of its own.
    cssCodeSplit: false,
    // The size of what a start reads is held by test/e2e/size.test.ts; the largest file of it comes from this machine.
    chunkSizeWarningLimit: 600,
    // A browser asks for six files at a time: a start reads the frame, what pages share, and its own page.
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            { name: 'frame', tags: ['$initial'], priority: 1 },
            { name: 'shared', minShareCount: 2 },
          ],
        },
      },
    },
    // Each page is a file of its own (see renderer/src/router.tsx); `test/e2e/size.test.ts` holds the sum of what a start reads.
  },
});
