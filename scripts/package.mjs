// npm run package: the app as a folder, in out/. npm run make: its installers too. Both want Electron's binary, which
// is downloaded once, or found as a zip in FORGE_ELECTRON_ZIP_DIR.
import { ensureBuilt, ensureInstalled, tool } from './lib/setup.mjs';

await ensureInstalled();
await ensureBuilt();
process.exit((await tool('node_modules/@electron-forge/cli/dist/electron-forge.js', process.argv.slice(2))) ?? 1);
