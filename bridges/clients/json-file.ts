import { mkdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { DrawbridgeError } from '../contract/errors.ts';
import { placeOf, readIfThere, writeFileAtomic } from '../engine/files.ts';
import { asObject } from '../wire/json.ts';
import type { JsonObject, JsonValue } from '../wire/turn.ts';

/** The settings in a client's file of JSON; none where it is not there or empty. Throws DrawbridgeError `failed` where it is no plain JSON. */
export function readJsonFile(file: string): JsonObject {
  const text = readIfThere(file);
  return text === undefined || text.trim() === '' ? {} : parsed(file, text);
}

/**
 * Changes a client's settings in its file, which is written only where they become others, and then as it was written before.
 * One that is no plain JSON is left alone. `secret`: what is put in is nobody else's to read. Throws DrawbridgeError `failed`, and
 * what `change` throws.
 */
export function changeJsonFile<Result extends { settings: JsonObject }>(
  file: string,
  change: (settings: JsonObject) => Result,
  secret = false,
): Result {
  const before = readIfThere(file);
  const settings = before === undefined || before.trim() === '' ? {} : parsed(file, before);
  const result = change(settings);
  if (JSON.stringify(result.settings) === JSON.stringify(settings)) return result;
  if (before === undefined) mkdirSync(path.dirname(placeOf(file)), { recursive: true, mode: 0o700 });
  const mode = before === undefined ? 0o600 : statSync(file).mode & (secret ? 0o700 : 0o777);
  writeFileAtomic(file, formatted(result.settings, before), mode);
  return result;
}

function parsed(file: string, text: string): JsonObject {
  try {
    const settings: JsonValue = JSON.parse(text.replace(/^\uFEFF/, ''));
    const found = asObject(settings);
    if (found !== undefined) return found;
  } catch {
    // Said below.
  }
  throw new DrawbridgeError('failed', `${file} holds no JSON object that can be read. It was left as it is; mend it, then try again.`);
}

/** As the file was written before: its indentation, ends of lines, and whether it ends with one. Claude Code writes two blanks. */
function formatted(settings: JsonObject, before = '\n'): string {
  const indent = /^[{[]\r?\n([ \t]+)/.exec(before.replace(/^\uFEFF/, ''))?.[1] ?? '  ';
  const text = JSON.stringify(settings, null, indent) + (before.endsWith('\n') ? '\n' : '');
  return (before.startsWith('\uFEFF') ? '\uFEFF' : '') + (before.includes('\r\n') ? text.replaceAll('\n', '\r\n') : text);
}
