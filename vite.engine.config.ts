import { builtinModules } from 'node:module';
import path from 'node:path';
import { defineConfig } from 'vite';
import { noteBundled } from './electron/packaging/bundled.ts';
import manifest from './package.json' with { type: 'json' };

/** The engine as few files: one for the command, one for the capture worker. Natives stay outside. */
export default defineConfig({
  publicDir: false,
  plugins: [noteBundled('engine')],
  ssr: { noExternal: true, external: Object.keys(manifest.dependencies) },
  build: {
    ssr: true,
    target: 'node24',
    outDir: path.resolve(import.meta.dirname, 'dist'),
    emptyOutDir: false,
    minify: true,
    // Nobody downloads these files: what one of them weighs is no reason to warn.
    chunkSizeWarningLimit: 4_000,
    rolldownOptions: {
      input: {
        cli: 'bridges/hosts/cli/main.ts',
        child: 'bridges/hosts/child.ts',
        'capture-worker': 'bridges/capture/worker.ts',
        'token-worker': 'bridges/companion/token-worker.ts',
        'tunnel-leash': 'bridges/tunnels/leash.ts',
        'tunnel-connector': 'bridges/tunnels/connector.ts',
      },
      external: [...Object.keys(manifest.dependencies), ...builtinModules, ...builtinModules.map((name) => `node:${name}`)],
      output: { format: 'es', entryFileNames: '[name].mjs', chunkFileNames: 'chunk-[name]-[hash].mjs' },
    },
  },
});
