import { resolvePaths, thisMachine } from '../engine/paths.ts';
import { serveDesktop, type ShellPort } from './desktop.ts';

/** Entry of the engine's process in the desktop app: an Electron utility process, where `process` has a `parentPort`. */
const port: unknown = Reflect.get(process, 'parentPort');
if (!isShellPort(port)) throw new Error('This is a part of the desktop app. To run Drawbridge without it: drawbridge start --headless');

// What this process writes is its owner's alone.
process.umask(0o077);
const machine = thisMachine();
const stop = serveDesktop(port, machine, { paths: resolvePaths(machine) }, (code) => process.exit(code));
process.once('SIGTERM', () => void stop());

function isShellPort(value: unknown): value is ShellPort {
  return typeof value === 'object' && value !== null && 'on' in value && 'postMessage' in value;
}
