import { watch, type FSWatcher } from 'node:fs';
import path from 'node:path';
import type { z } from 'zod';
import { DrawbridgeError } from '../contract/errors.ts';
import { Settings as SettingsSchema } from '../contract/settings.ts';
import type { Settings } from '../contract/index.ts';
import { parseJson, placeOf, readIfThere, replaceBroken, writeFileAtomic } from './files.ts';
import type { Clock } from './clock.ts';
import type { Logger } from './log.ts';

/**
 * The one settings reader. A file that can't be read or understood is never overwritten: the engine goes on with what it
 * last knew (at start: the defaults), says what is wrong, and moves the file aside only when it must write a new one.
 */
export type SettingsStore = {
  /** Path of the file. */
  readonly file: string;
  current(): Settings;
  /** Why the file on disk is not in force; null where it is. */
  problem(): string | null;
  /**
   * Merges keys into the file; where that is broken, into what it last held. Throws DrawbridgeError `settings_invalid`,
   * naming the key, or `failed` where it can't be written.
   */
  update(patch: Record<string, unknown>): Settings;
  /** Puts these in the place of all the file held. Throws as `update` does. */
  replace(settings: Record<string, unknown>): Settings;
  onChange(listener: (settings: Settings) => void): () => void;
  stop(): void;
};

/** Parses the text of a settings file. Throws DrawbridgeError `settings_invalid` with the key in `details.key`. */
function parseSettings(text: string, file: string): { raw: unknown; settings: Settings } {
  let raw: unknown;
  try {
    raw = parseJson(text);
  } catch (error) {
    throw new DrawbridgeError(
      'settings_invalid',
      `${file} is not valid JSON: ${error instanceof Error ? error.message : 'unreadable'}. Mend the file; it was left as it is.`,
      { key: null },
    );
  }
  return { raw, settings: checkSettings(raw, file) };
}

/** `file`: where they stand; undefined where they are only to be written. */
function checkSettings(value: unknown, file?: string): Settings {
  const result = SettingsSchema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const key = issue === undefined ? '' : keyOf(issue);
  const why = issue?.message ?? 'unknown';
  throw new DrawbridgeError(
    'settings_invalid',
    file === undefined
      ? `The setting "${key}" was not changed: ${why}.`
      : `The setting "${key}" in ${file} is wrong: ${why}. Mend or remove it; the file was left as it is.`,
    { key },
  );
}

function keyOf(issue: z.core.$ZodIssue): string {
  const inner = issue.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [];
  return [...issue.path, ...inner].map(String).join('.');
}

const DEBOUNCE_MS = 100;

/** Opens the settings file and follows it while it changes on disk. */
export function openSettings(file: string, clock: Clock, log: Logger): SettingsStore {
  let settings = SettingsSchema.parse({});
  /** What the file held when it was last in force: its own keys, without the defaults. */
  let held: unknown = {};
  let problem: string | null = null;
  /** The file's text when it was last read; null where it could not be. */
  let last: string | undefined | null;
  const listeners = new Set<(settings: Settings) => void>();

  const read = (): boolean => {
    const before = problem;
    try {
      const text = readIfThere(file);
      if (text === last) return false;
      last = text;
      const next = text === undefined ? { raw: {}, settings: SettingsSchema.parse({}) } : parseSettings(text, file);
      const changed = JSON.stringify(next.settings) !== JSON.stringify(settings);
      held = next.raw;
      settings = next.settings;
      problem = null;
      return changed || before !== null;
    } catch (error) {
      if (!(error instanceof DrawbridgeError)) throw error;
      if (error.code === 'failed') last = null;
      problem = error.message;
      if (problem === before) return false;
      log.warn('settings.invalid', { problem });
      return true;
    }
  };
  const tell = (): void => {
    for (const listener of listeners) listener(settings);
  };
  read();

  // The folder is watched, not the file: editors replace files, and a watch on the old one goes silent. A link's end is
  // changed in a folder of its own.
  let timer: NodeJS.Timeout | undefined;
  const watchers: FSWatcher[] = [];
  const follow = (place: string): void => {
    const watcher = watch(path.dirname(place), { persistent: false }, (_kind, name) => {
      if (name !== null && name !== path.basename(place)) return;
      clearTimeout(timer);
      timer = setTimeout(() => {
        if (read()) tell();
      }, DEBOUNCE_MS);
      timer.unref();
    });
    watcher.on('error', (error) => log.warn('settings.watch_failed', { error }));
    watchers.push(watcher);
  };
  try {
    for (const place of new Set([file, placeOf(file)])) follow(place);
  } catch (error) {
    log.warn('settings.watch_failed', { error });
  }

  const write = (next: unknown): Settings => {
    const checked = checkSettings(next);
    const text = `${JSON.stringify(next, null, 2)}\n`;
    if (problem === null) writeFileAtomic(file, text);
    else replaceBroken(file, text, clock.now());
    last = text;
    held = next;
    problem = null;
    settings = checked;
    tell();
    return checked;
  };

  return {
    file,
    current: () => settings,
    problem: () => problem,
    update(patch) {
      read();
      return write(merge(held, patch));
    },
    replace(next) {
      read();
      return write(next);
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    stop() {
      clearTimeout(timer);
      for (const watcher of watchers) watcher.close();
      listeners.clear();
    },
  };
}

/** Objects are merged key by key; everything else is replaced; null for an object's key removes nothing. */
function merge(base: unknown, patch: unknown): unknown {
  if (!isPlain(base) || !isPlain(patch)) return patch;
  const out: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(patch)) {
    if (key === '__proto__') continue;
    out[key] = key in out ? merge(out[key], value) : value;
  }
  return out;
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
