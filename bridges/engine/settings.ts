import { renameSync, watch, type FSWatcher } from 'node:fs';
import path from 'node:path';
import type { z } from 'zod';
import { DrawbridgeError } from '../contract/errors.ts';
import { Settings as SettingsSchema } from '../contract/settings.ts';
import type { Settings } from '../contract/index.ts';
import { readIfThere, writeFileAtomic } from './files.ts';
import type { Clock } from './clock.ts';
import type { Logger } from './log.ts';

/**
 * The one settings reader. A file that can't be understood is never overwritten: the engine goes on with what it last
 * knew (at start: the defaults), says which key is wrong, and moves the file aside only when it must write a new one.
 */
export type SettingsStore = {
  /** Path of the file. */
  readonly file: string;
  current(): Settings;
  /** Why the file on disk is not in force; null where it is. */
  problem(): string | null;
  /** Merges keys into the file. Throws DrawbridgeError `settings_invalid`, naming the key. */
  update(patch: Record<string, unknown>): Settings;
  onChange(listener: (settings: Settings) => void): () => void;
  stop(): void;
};

/** Parses the text of a settings file. Throws DrawbridgeError `settings_invalid` with the key in `details.key`. */
export function parseSettings(text: string, file: string): Settings {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new DrawbridgeError(
      'settings_invalid',
      `${file} is not valid JSON: ${error instanceof Error ? error.message : 'unreadable'}. Mend the file; it was left as it is.`,
      { key: null },
    );
  }
  return checkSettings(value, file);
}

function checkSettings(value: unknown, file: string): Settings {
  const result = SettingsSchema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const key = issue === undefined ? '' : keyOf(issue);
  throw new DrawbridgeError(
    'settings_invalid',
    `The setting "${key}" in ${file} is wrong: ${issue?.message ?? 'unknown'}. Mend or remove it; the file was left as it is.`,
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
  let problem: string | null = null;
  let lastText: string | undefined;
  const listeners = new Set<(settings: Settings) => void>();

  const read = (): boolean => {
    const text = readIfThere(file);
    if (text === lastText) return false;
    lastText = text;
    const wasProblem = problem;
    try {
      const next = text === undefined ? SettingsSchema.parse({}) : parseSettings(text, file);
      problem = null;
      const changed = JSON.stringify(next) !== JSON.stringify(settings);
      settings = next;
      return changed || wasProblem !== null;
    } catch (error) {
      if (!(error instanceof DrawbridgeError)) throw error;
      problem = error.message;
      log.warn('settings.invalid', { problem });
      return true;
    }
  };
  const tell = (): void => {
    for (const listener of listeners) listener(settings);
  };
  read();

  // The folder is watched, not the file: editors replace files, and a watch on the old one goes silent.
  let timer: NodeJS.Timeout | undefined;
  let watcher: FSWatcher | undefined;
  try {
    watcher = watch(path.dirname(file), { persistent: false }, (_kind, name) => {
      if (name !== null && name !== path.basename(file)) return;
      clearTimeout(timer);
      timer = setTimeout(() => {
        if (read()) tell();
      }, DEBOUNCE_MS);
      timer.unref();
    });
    watcher.on('error', (error) => log.warn('settings.watch_failed', { error }));
  } catch (error) {
    log.warn('settings.watch_failed', { error });
  }

  return {
    file,
    current: () => settings,
    problem: () => problem,
    update(patch) {
      read();
      const base: unknown = lastText === undefined || problem !== null ? {} : JSON.parse(lastText);
      const merged = merge(base, patch);
      const next = checkSettings(merged, file);
      if (problem !== null) setAside(file, clock.now());
      const text = `${JSON.stringify(merged, null, 2)}\n`;
      writeFileAtomic(file, text);
      lastText = text;
      problem = null;
      settings = next;
      tell();
      return next;
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    stop() {
      clearTimeout(timer);
      watcher?.close();
      listeners.clear();
    },
  };
}

function setAside(file: string, now: number): void {
  const stamp = new Date(now).toISOString().replace(/[:.]/g, '-');
  renameSync(file, file.replace(/\.json$/, '') + `.broken-${stamp}.json`);
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
