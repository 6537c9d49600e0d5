import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { LoginItem } from '../contract/index.ts';
import { DrawbridgeError } from '../contract/errors.ts';
import { readIfThere, writeFileAtomic } from '../engine/files.ts';
import type { Machine } from '../engine/paths.ts';

/** Starting with the session of this machine's owner. */
export type LoginItemKeeper = { get(): Promise<LoginItem>; set(enabled: boolean): Promise<LoginItem> };

const FILE = 'drawbridge.desktop';

/**
 * Keeps the login item as an autostart entry (freedesktop.org Desktop Application Autostart 0.5): a file in the user's
 * own configuration folder, which every desktop reads. `launch` is the command and its arguments. Elsewhere than on
 * Linux the state is `unsupported`. `set` throws `failed` where the file can't be written.
 */
export function autostartItem(machine: Pick<Machine, 'platform' | 'env' | 'homedir'>, launch: readonly string[]): LoginItemKeeper {
  const { platform, env, homedir } = machine;
  if (platform !== 'linux') {
    const item: LoginItem = { state: 'unsupported', reason: 'Only the desktop app can start at login on this system.' };
    return {
      get: () => Promise.resolve(item),
      set: () => Promise.reject(new DrawbridgeError('failed', item.reason ?? '')),
    };
  }
  const folder = path.join(env['XDG_CONFIG_HOME'] || path.join(homedir, '.config'), 'autostart');
  const file = path.join(folder, FILE);
  const get = (): LoginItem => {
    const entry = readIfThere(file);
    return { state: entry === undefined || isOff(entry) ? 'off' : 'on', reason: null };
  };
  return {
    get: async () => get(),
    async set(enabled) {
      try {
        if (enabled) {
          mkdirSync(folder, { recursive: true });
          writeFileAtomic(file, entryFor([...keptHome(env), ...launch]));
        } else rmSync(file, { force: true });
      } catch (error) {
        throw new DrawbridgeError(
          'failed',
          `${file} could not be written. Check who may write there, then try again.`,
          {},
          { cause: error },
        );
      }
      return get();
    },
  };
}

/** Session settings switch an entry off by a key of its own instead of removing it. */
function isOff(entry: string): boolean {
  return /^(?:Hidden=true|X-GNOME-Autostart-enabled=false)\s*$/m.test(entry);
}

/** A state folder of its own has to be named again, and whole: the session that starts the entry knows neither it nor where this stood. */
export function keptHome(env: Machine['env']): string[] {
  const home = env['DRAWBRIDGE_HOME'];
  return home === undefined || home === '' ? [] : ['/usr/bin/env', `DRAWBRIDGE_HOME=${path.resolve(home)}`];
}

/** What Node was given for the engine, to be given again at login. A debugger's port was for this once. */
export function nodeFlags(given: readonly string[]): string[] {
  return given.filter((flag) => !flag.startsWith('--inspect'));
}

/** The entry's text. Pure. */
export function entryFor(launch: readonly string[]): string {
  return [
    '[Desktop Entry]',
    'Type=Application',
    'Name=Drawbridge',
    'Comment=Use the AI subscriptions you pay for from every tool on this machine',
    `Exec=${launch.map(quoted).join(' ')}`,
    'Terminal=false',
    'X-GNOME-Autostart-enabled=true',
    '',
  ].join('\n');
}

/**
 * An argument of an Exec key (Desktop Entry Specification 1.5, "The Exec key"): quoted, with `"`, `` ` ``, `$` and `\`
 * escaped, `%` doubled; and each backslash doubled once more, as in every string of such a file.
 */
function quoted(argument: string): string {
  if (/^[A-Za-z0-9_./:=@+,-]+$/.test(argument)) return argument;
  const escaped = argument.replace(/["`$\\]/g, '\\$&').replaceAll('%', '%%');
  return `"${escaped.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}"`;
}
