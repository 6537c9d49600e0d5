// npm start: sets up what is missing, then opens the desktop app where it can run here, else the headless engine.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { ensureBuilt, ensureInstalled, root, run } from './lib/setup.mjs';

await ensureInstalled();
await ensureBuilt();

const args = process.argv.slice(2);
const electron = desktop();
// A script that wants to read the engine's first line talks to the engine itself.
if (electron !== undefined && !args.includes('--headless') && !args.includes('--json')) {
  process.exit((await run(electron, [root, ...args], { inherit: true })) ?? 1);
}

process.argv = [process.argv[0], path.join(root, 'scripts', 'drawbridge.mjs'), 'start', ...args];
await import('./drawbridge.mjs');

/** Electron's binary, where it, the built shell and a display are present. Nothing is ever downloaded for it. */
function desktop() {
  const name = { darwin: 'Electron.app/Contents/MacOS/Electron', win32: 'electron.exe' }[process.platform] ?? 'electron';
  const binary = path.join(root, 'node_modules', 'electron', 'dist', name);
  const screen = process.platform !== 'linux' || process.env.DISPLAY !== undefined || process.env.WAYLAND_DISPLAY !== undefined;
  return screen && existsSync(binary) && existsSync(path.join(root, 'dist', 'electron', 'main.mjs')) ? binary : undefined;
}
