import type { Settings } from '../contract/index.ts';
import { asString, parseJson } from '../wire/json.ts';

type Rules = Settings['capture']['folders'];
export type Keep = Rules[number]['keep'];

/** Claude Code's words, in the system prompt it sends after the messages: what these say of another folder stands before. */
const AFTER_ALL = 'Primary working directory: ';
/** Where clients write the folder they work in: Claude Code, Codex and the Copilot CLI, each in its own words. */
const TOLD = [AFTER_ALL, 'Working directory: ', '<cwd>', 'Current working directory: ', '\\"cwd\\":\\"', '"cwd":"'] as const;

/** As JSON writes it: with a backslash only before another one, a slash or a letter's number. All else ends it. */
const FOLDER = /^(?:\\[\\/]|\\u[\da-f]{4}|[^\\"<\n])*/i;

/** The folder a request was made from, as the client says; null where it does not. */
export function folderOf(request: Buffer): string | null {
  for (const told of TOLD) {
    const at = told === AFTER_ALL ? request.lastIndexOf(told, request.length, 'latin1') : request.indexOf(told, 0, 'latin1');
    if (at < 0) continue;
    const text = request.toString('utf8', at + told.length, at + told.length + 4096);
    const [written = ''] = FOLDER.exec(text) ?? [];
    const folder = written.length === text.length ? '' : (asString(parseJson(`"${written}"`)) ?? '').trim();
    if (/^(?:[/~\\]|[A-Za-z]:)/.test(folder)) return folder;
  }
  return null;
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
