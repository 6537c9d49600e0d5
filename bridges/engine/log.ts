import { closeSync, existsSync, fstatSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import type { Clock } from './clock.ts';
import { isSecretHeader, plainText, REDACTED, redactText } from './redact.ts';

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';
export type LogFields = Readonly<Record<string, unknown>>;

/** The one logger. `event` is a fixed name, `fields` are the facts; secrets in either are replaced before they are written. */
export type Logger = {
  error(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  debug(event: string, fields?: LogFields): void;
};

const RANK: Record<LogLevel, number> = { error: 0, warn: 1, info: 2, debug: 3 };
const MAX_FILE_BYTES = 5 * 1024 * 1024;
const KEPT_FILES = 3;

/** One JSON line per event. Values are redacted by name and by shape, and stripped of terminal escapes. */
export function formatLine(now: number, level: LogLevel, event: string, fields: LogFields): string {
  return `${JSON.stringify({ time: new Date(now).toISOString(), level, event, ...cleanObject(fields, 0) })}\n`;
}

function clean(name: string, value: unknown, depth: number): unknown {
  if (isSecretHeader(name)) return REDACTED;
  if (typeof value === 'string') return plainText(redactText(value)).slice(0, 2000);
  if (value instanceof Error) {
    return { name: value.name, message: plainText(redactText(value.message)), ...('code' in value ? { code: value.code } : {}) };
  }
  if (Array.isArray(value)) return value.slice(0, 50).map((entry) => clean('', entry, depth + 1));
  if (typeof value === 'object' && value !== null) return depth > 4 ? '[deep]' : cleanObject(value, depth + 1);
  return value;
}

function cleanObject(value: object, depth: number): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, clean(name, entry, depth)]));
}

/** A logger that writes lines somewhere. */
export function createLogger(write: (line: string) => void, level: () => LogLevel, clock: Clock): Logger {
  const at =
    (own: LogLevel) =>
    (event: string, fields: LogFields = {}) => {
      if (RANK[own] <= RANK[level()]) write(formatLine(clock.now(), own, event, fields));
    };
  return { error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug') };
}

/** Swallows everything; for tests and for code that runs before the log is open. */
export const silentLogger: Logger = { error() {}, warn() {}, info() {}, debug() {} };

export type LogFile = { write: (line: string) => void; stop: () => void };

/**
 * `<folder>/drawbridge.log`, readable by its owner only, turned over at 5 MiB with three older files kept. Lines are few
 * and written at once, so that a crash loses none. A log that can't be written never stops the engine.
 */
export function openLogFile(folder: string): LogFile {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = path.join(folder, 'drawbridge.log');
  let handle: number | undefined;
  let size = 0;
  const open = (): number => {
    const opened = openSync(file, 'a', 0o600);
    size = fstatSync(opened).size;
    return opened;
  };
  const close = (): void => {
    const old = handle;
    // The number may be another file's as soon as it is closed.
    handle = undefined;
    if (old !== undefined) closeSync(old);
  };
  const rotate = (): void => {
    close();
    try {
      rmSync(`${file}.${KEPT_FILES}`, { force: true });
      for (let i = KEPT_FILES - 1; i >= 1; i--) moveIfThere(`${file}.${i}`, `${file}.${i + 1}`);
      moveIfThere(file, `${file}.1`);
    } catch {
      // Held open by another program, most likely: the file grows until it can be moved.
    }
  };
  return {
    write(line) {
      try {
        handle ??= open();
        if (size > 0 && size + line.length > MAX_FILE_BYTES) {
          rotate();
          handle = open();
        }
        size += writeSync(handle, line);
      } catch {
        // A full disk, or a folder that is gone: there is nowhere left to tell of it.
      }
    },
    stop: close,
  };
}

function moveIfThere(from: string, to: string): void {
  if (existsSync(from)) renameSync(from, to);
}
