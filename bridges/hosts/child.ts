import { enableCompileCache } from 'node:module';
import path from 'node:path';
import { resolvePaths, thisMachine } from '../engine/paths.ts';
import type { ShellPort } from './desktop.ts';

/** Entry of the engine's process in the desktop app: an Electron utility process, where `process` has a `parentPort`. */
const port: unknown = Reflect.get(process, 'parentPort');
if (!isShellPort(port)) throw new Error('This is a part of the desktop app. To run Drawbridge without it: drawbridge start --headless');

// What this process writes is its owner's alone.
process.umask(0o077);
const machine = thisMachine();
const paths = resolvePaths(machine);
// Compiled code that is read is not held as source as well: less memory, and a faster start.
enableCompileCache(path.join(paths.home, 'code-cache'));
const { serveDesktop } = await import('./desktop.ts');
const stop = serveDesktop(port, machine, { paths }, (code) => process.exit(code));
process.once('SIGTERM', () => void stop());

function isShellPort(value: unknown): value is ShellPort {
  return typeof value === 'object' && value !== null && 'on' in value && 'postMessage' in value;
}
