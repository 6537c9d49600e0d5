import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { DrawbridgeError } from '../contract/errors.ts';

/** Where everything Drawbridge keeps on this machine stands. */
export type Paths = {
  home: string;
  settings: string;
  keys: string;
  /** Keys that may only read over HTTP. */
  readKeys: string;
  /** The capture database. In a folder of its own: whoever watches the state folder is not woken by each write. */
  store: string;
  /** Where earlier versions kept it. */
  formerStore: string;
  /** Adapters of the user's own (docs/adapters.md). */
  adapters: string;
  /** Prices of the user's own (docs/prices.md). */
  prices: string;
  /** Which clients' settings were written, and how to undo it. */
  attached: string;
  /** What clients' hooks tell of their sessions. */
  contexts: string;
  logs: string;
  /** A file that says which engine runs here. */
  running: string;
  /** Path of the CLI's private unix socket, or name of the pipe on Windows. */
  control: string;
};

/** The machine, as far as paths depend on it. */
export type Machine = { platform: NodeJS.Platform; env: Readonly<Record<string, string | undefined>>; homedir: string; tmpdir: string };

export const thisMachine = (): Machine => ({ platform: process.platform, env: process.env, homedir: os.homedir(), tmpdir: os.tmpdir() });

/** A socket path longer than this does not fit in sockaddr_un (108 bytes on Linux, 104 on macOS, NUL included). */
const MAX_SOCKET_PATH = 100;

/** One state folder: the OS's usual place for an application's data, or `DRAWBRIDGE_HOME`. Pure; makes nothing. */
export function resolvePaths(machine: Machine): Paths {
  const home = path.resolve(machine.env['DRAWBRIDGE_HOME'] || usualHome(machine));
  const inside = (name: string) => path.join(home, name);
  return {
    home,
    settings: inside('settings.json'),
    keys: inside('keys.json'),
    readKeys: inside('read-keys.json'),
    store: path.join(home, 'capture', 'captures.db'),
    formerStore: inside('captures.db'),
    adapters: inside('adapters'),
    prices: inside('prices.json'),
    attached: inside('attached.json'),
    contexts: path.join(home, 'capture', 'sessions.jsonl'),
    logs: inside('logs'),
    running: inside('running.json'),
    control: controlPath(home, machine),
  };
}

function usualHome({ platform, env, homedir }: Machine): string {
  if (platform === 'darwin') return path.join(homedir, 'Library', 'Application Support', 'Drawbridge');
  if (platform === 'win32') return path.join(env['LOCALAPPDATA'] || path.join(homedir, 'AppData', 'Local'), 'Drawbridge');
  return path.join(env['XDG_DATA_HOME'] || path.join(homedir, '.local', 'share'), 'drawbridge');
}

function controlPath(home: string, machine: Machine): string {
  const short = createHash('sha256').update(home).digest('hex').slice(0, 16);
  if (machine.platform === 'win32') return `\\\\.\\pipe\\drawbridge-${short}`;
  const inside = path.join(home, 'run', 'control.sock');
  if (inside.length <= MAX_SOCKET_PATH) return inside;
  return path.join(machine.env['XDG_RUNTIME_DIR'] || machine.tmpdir, `drawbridge-${short}`, 'control.sock');
}

/**
 * Makes the folders, for their owner only. Throws the file system's error where the place can't be written, and
 * DrawbridgeError `failed` where the socket would stand in a folder that others may enter.
 */
export function ensureFolders(paths: Paths, platform: NodeJS.Platform): void {
  mkdirSync(paths.home, { recursive: true, mode: 0o700 });
  mkdirSync(path.dirname(paths.store), { recursive: true, mode: 0o700 });
  mkdirSync(paths.logs, { recursive: true, mode: 0o700 });
  if (platform === 'win32') return;
  const folder = path.dirname(paths.control);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  // Outside of the home it stands in a place for all, where somebody may have made it first.
  if (!folder.startsWith(paths.home + path.sep)) refuseShared(folder);
}

function refuseShared(folder: string): void {
  const found = lstatSync(folder);
  if (!found.isDirectory()) throw unsafe(folder, 'it is no folder');
  if (found.uid !== process.getuid?.()) throw unsafe(folder, 'it is another user’s');
  if ((found.mode & 0o077) !== 0) throw unsafe(folder, 'others may enter it');
}

/**
 * Before anything is told to whoever listens on a socket. Throws DrawbridgeError `failed` where another user made its
 * folder. Root may speak to anybody's engine.
 */
export function refuseForeign(socket: string, platform: NodeJS.Platform): void {
  if (platform === 'win32' || process.getuid?.() === 0) return;
  const folder = path.dirname(socket);
  const found = lstatSync(folder, { throwIfNoEntry: false });
  if (found !== undefined && found.uid !== process.getuid?.()) throw unsafe(folder, 'it is another user’s');
}

const unsafe = (folder: string, fault: string): DrawbridgeError =>
  new DrawbridgeError(
    'failed',
    `The folder of the control socket, ${folder}, is not safe: ${fault}. Remove it, or set DRAWBRIDGE_HOME to a shorter path.`,
  );
