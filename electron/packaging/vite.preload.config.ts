import path from 'node:path';
import { defineConfig } from 'vite';
import { external, outDir, root } from './shared.ts';

/** The windows' preload: a sandbox takes one CommonJS file. */
export default defineConfig({
  root,
  publicDir: false,
  build: {
    target: 'chrome140',
    outDir,
    emptyOutDir: false,
    minify: true,
    modulePreload: false,
    rolldownOptions: {
      input: { preload: path.join(root, 'electron/preload/preload.ts') },
      external,
      output: { format: 'cjs', entryFileNames: '[name].cjs', codeSplitting: false },
    },
  },
});
