import path from 'node:path';
import { defineConfig } from 'vite';
import { external, outDir, root } from './shared.ts';

/** The shell's main process: one ES module. */
export default defineConfig({
  root,
  publicDir: false,
  ssr: { noExternal: true },
  build: {
    ssr: true,
    target: 'node24',
    outDir,
    emptyOutDir: false,
    minify: true,
    rolldownOptions: {
      input: { main: path.join(root, 'electron/main/main.ts') },
      external,
      output: { format: 'es', entryFileNames: '[name].mjs', codeSplitting: false },
    },
  },
});
