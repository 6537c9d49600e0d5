import { describe } from 'vitest';
import { behaves } from '../behaviour/suite.ts';
import { findElectron, startRealShell } from './real-shell.ts';

/** The behaviour suite on Electron itself. Where it can't run, every test of it is reported as skipped, and why. */
const program = findElectron();
const screen = process.platform !== 'linux' || (process.env['DISPLAY'] ?? process.env['WAYLAND_DISPLAY']) !== undefined;
if (program === undefined) console.log("real Electron: not run, its binary isn't here (npx install-electron)");
else if (!screen) console.log('real Electron: not run, there is no screen (xvfb-run)');

describe.runIf(program !== undefined && screen)('with its binary', () => {
  behaves('the real Electron', (options) => startRealShell(program ?? '', options), { desktop: true, timers: false });
});
