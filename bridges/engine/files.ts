import { randomBytes } from 'node:crypto';
import {
  accessSync,
  closeSync,
  constants,
  fchmodSync,
  fsyncSync,
  lstatSync,
  openSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { getSystemErrorMap } from 'node:util';
import { DrawbridgeError } from '../contract/errors.ts';

/**
 * Writes a file whole or not at all, readable by its owner only where no other mode is given: to a name of its own, synced,
 * then moved into place. Where a link stands there, what it leads to is written. Throws DrawbridgeError `failed` where it
 * can't be written.
 */
export function writeFileAtomic(file: string, content: string, mode = 0o600): void {
  try {
    moveInto(placeOf(file), content, mode);
  } catch (error) {
    throw fileError(file, 'written', error);
  }
}

function moveInto(place: string, content: string, mode = 0o600): void {
  const temporary = `${place}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const handle = openSync(temporary, 'wx', 0o600);
    try {
      // The mask that new files are made with may take bits away.
      if (mode !== 0o600) fchmodSync(handle, mode);
      writeFileSync(handle, content);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    renameSync(temporary, place);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** Where a link leads, also where nothing is there yet; any other file as it is. Throws the file system's error for a loop. */
export function placeOf(file: string): string {
  if (lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return file;
  try {
    return realpathSync(file);
  } catch (error) {
    if (!isMissing(error)) throw error;
    return placeOf(path.resolve(path.dirname(file), readlinkSync(file)));
  }
}

/** What the system says went wrong, in words: "no space left on device (ENOSPC)". Undefined where it is no error of the system's. */
export function systemFault(error: unknown): string | undefined {
  if (!(error instanceof Error && 'errno' in error && typeof error.errno === 'number')) return undefined;
  const [code, words] = getSystemErrorMap().get(error.errno) ?? [];
  return code === undefined ? undefined : `${words} (${code})`;
}

/**
 * Writes a file anew where the one that stands there is broken. That one is kept beside it as `<name>.broken-<time>.json`,
 * and is back in its place where the new one can't be written. Throws DrawbridgeError `failed` then.
 */
export function replaceBroken(file: string, content: string, now: number): void {
  const stamp = new Date(now).toISOString().replace(/[:.]/g, '-');
  try {
    const place = placeOf(file);
    const aside = place.replace(/\.json$/, '') + `.broken-${stamp}.json`;
    renameSync(place, aside);
    try {
      moveInto(place, content);
    } catch (error) {
      renameSync(aside, place);
      throw error;
    }
  } catch (error) {
    throw fileError(file, 'written', error);
  }
}

/** What a JSON text holds. A byte order mark before it, as editors on Windows write, is no part of it. Throws SyntaxError. */
export function parseJson(text: string): unknown {
  return JSON.parse(text.replace(/^\uFEFF/, ''));
}

/** The file's text, or undefined where there is none. Throws DrawbridgeError `failed` where it can't be read. */
export function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw fileError(file, 'read', error);
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

/** What went wrong with a file, in words, and what to do. */
export function fileError(
  file: string,
  done: 'read' | 'written',
  cause: unknown,
  mend = 'It is as it was; mend that, then try again.',
): DrawbridgeError {
  const message = `${file} can't be ${done}: ${systemFault(cause) ?? String(cause)}. ${mend}`;
  return new DrawbridgeError('failed', message, {}, { cause });
}

/** A program's absolute path, looked up the way a shell would. `extensions` are those of programs on Windows. */
export function findProgram(
  name: string,
  searchPath: string,
  platform: NodeJS.Platform,
  extensions: readonly string[] = ['.exe'],
): string | undefined {
  const files = platform === 'win32' ? extensions.map((extension) => name + extension) : [name];
  return searchPath
    .split(platform === 'win32' ? ';' : ':')
    .filter((folder) => path.isAbsolute(folder))
    .flatMap((folder) => files.map((file) => path.join(folder, file)))
    .find((candidate) => {
      try {
        accessSync(candidate, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
