import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import type { ChildRunner } from '../engine/child.ts';
import type { CauseCode } from './causes.ts';

/** The vendor's client: where it is, and whether this version of it can be trusted with a service token. */

export type FoundCloudflared =
  | { file: string; version: string }
  | { problem: Extract<CauseCode, 'connector-missing' | 'connector-unfit' | 'connector-slow'>; version: string | null };

/** Older ones are not supported by the vendor any more, and never were tried here. */
const OLDEST = [2025, 1, 0] as const;
/** These open a browser although a service token was given (cloudflared #1673, #1674). */
const IGNORES_SERVICE_TOKENS = /^2026\.6\./;

/** True for a version that may be used. Pure. */
export function isFit(version: string, withServiceToken: boolean): boolean {
  const numbers = version.split('.').map(Number);
  if (numbers.length !== 3 || numbers.some((number) => !Number.isInteger(number))) return false;
  for (const [i, least] of OLDEST.entries()) {
    const number = numbers[i] ?? 0;
    if (number !== least) return number > least && !(withServiceToken && IGNORES_SERVICE_TOKENS.test(version));
  }
  return true;
}

/** The name of its file on a platform, or a `platform-arch`. */
export const programName = (platform: string): string => (platform.startsWith('win32') ? 'cloudflared.exe' : 'cloudflared');

/** Where Homebrew puts programs; an app that the Finder starts has neither folder in its PATH. */
const HOMEBREW = ['/opt/homebrew/bin', '/usr/local/bin'];

/** Where cloudflared may be: the path from the settings and nothing else, or PATH and then our own copy. */
export function candidates(wanted: string | null, searchPath: string, ownFolder: string, platform: NodeJS.Platform): string[] {
  if (wanted !== null) return [wanted];
  const folders = searchPath.split(platform === 'win32' ? ';' : ':').filter((folder) => path.isAbsolute(folder));
  return [...folders, ...(platform === 'darwin' ? HOMEBREW : []), ownFolder].map((folder) => path.join(folder, programName(platform)));
}

/** Looks for a cloudflared and asks its version. */
export async function findCloudflared(files: readonly string[], withServiceToken: boolean, run: ChildRunner): Promise<FoundCloudflared> {
  const file = files.find(isProgram);
  if (file === undefined) return { problem: 'connector-missing', version: null };
  const { code, stdout } = await run(file, ['--version'], { timeoutMs: 10_000 });
  if (code === null) return { problem: 'connector-slow', version: null };
  const version = /cloudflared version (\d{4}\.\d{1,2}\.\d{1,3})\b/.exec(stdout)?.[1];
  if (code !== 0 || version === undefined) return { problem: 'connector-missing', version: null };
  return isFit(version, withServiceToken) ? { file, version } : { problem: 'connector-unfit', version };
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
