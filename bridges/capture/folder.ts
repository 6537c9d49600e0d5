import type { Settings } from '../contract/index.ts';
import { asString, parseJson } from '../wire/json.ts';
import { commonPrefix } from './segments.ts';

type Rules = Settings['capture']['folders'];
export type Keep = Rules[number]['keep'];

/** Claude Code's words, in the system prompt it sends after the messages: what these say of another folder stands before. */
const AFTER_ALL = 'Primary working directory: ';
/** Where clients write the folder they work in: Claude Code, Codex and the Copilot CLI, each in its own words. */
const TOLD = [AFTER_ALL, 'Working directory: ', '<cwd>', 'Current working directory: ', '\\"cwd\\":\\"', '"cwd":"'] as const;

/** As JSON writes it: with a backslash only before another one, a slash or a letter's number. All else ends it. */
const FOLDER = /^(?:\\[\\/]|\\u[\da-f]{4}|[^\\"<\n])*/i;

/** Where each of the words above stands in a request, in their order: -1 for nowhere. What was not looked for is left out. */
type Places = number[];

/**
 * Finds the folders that requests were made from. An agent's requests are long, and repeat the one before: what two of them
 * share is looked through once.
 */
export class Folders {
  readonly #places = new WeakMap<Buffer, Places>();

  /**
   * The folder, as the client says; null where it does not. `before`: a request that this one may go on, as it was asked for
   * here. Neither may be written to.
   */
  of(request: Buffer, before?: Buffer): string | null {
    const known = before === undefined ? undefined : this.#places.get(before);
    const shared = known === undefined || before === undefined ? 0 : commonPrefix(before, request);
    const places: Places = [];
    this.#places.set(request, places);
    for (const [i, told] of TOLD.entries()) {
      const find = told === AFTER_ALL ? lastPlace : firstPlace;
      const place = known?.[i];
      const at = find(request, told, place === undefined ? 0 : shared, place ?? -1);
      places.push(at);
      const folder = at < 0 ? undefined : folderAt(request, at + told.length);
      if (folder !== undefined) return folder;
    }
    return null;
  }
}

/** `known`: where it stands in a request that begins with the same `shared` bytes; -1 for nowhere. */
function firstPlace(request: Buffer, told: string, shared: number, known: number): number {
  if (known >= 0 && known + told.length <= shared) return known;
  return request.indexOf(told, afterShared(told, shared), 'latin1');
}

function lastPlace(request: Buffer, told: string, shared: number, known: number): number {
  const from = afterShared(told, shared);
  const at = request.subarray(from).lastIndexOf(told, undefined, 'latin1');
  if (at >= 0) return from + at;
  if (known < 0 || known + told.length <= shared) return known;
  // In the other request it stands behind what the two share; it may stand in that, too.
  return request.lastIndexOf(told, from, 'latin1');
}

/** Where words begin that do not end within what is shared. */
function afterShared(told: string, shared: number): number {
  return Math.max(0, shared - told.length + 1);
}

/** Undefined where what stands there is no folder. */
function folderAt(request: Buffer, at: number): string | undefined {
  const text = request.toString('utf8', at, at + 4096);
  const [written = ''] = FOLDER.exec(text) ?? [];
  const folder = written.length === text.length ? '' : (asString(parseJson(`"${written}"`)) ?? '').trim();
  return /^(?:[/~\\]|[A-Za-z]:)/.test(folder) ? folder : undefined;
}

/** What the rules say about a folder: the longest that is the folder itself or above it. `home` is put for `~`. */
export function keepOf(folder: string | null, rules: Rules, home: string): Keep {
  if (folder === null) return 'keep';
  const parts = partsOf(folder, home);
  let found: { length: number; keep: Keep } | undefined;
  for (const rule of rules) {
    const wanted = partsOf(rule.folder, home);
    const fits = wanted.length <= parts.length && wanted.every((part, i) => part === parts[i]);
    if (fits && (found === undefined || wanted.length >= found.length)) found = { length: wanted.length, keep: rule.keep };
  }
  return found?.keep ?? 'keep';
}

function partsOf(folder: string, home: string): string[] {
  const whole = folder === '~' || /^~[/\\]/.test(folder) ? home + folder.slice(1) : folder;
  return whole.split(/[/\\]+/).filter((part) => part !== '' && part !== '.');
}
