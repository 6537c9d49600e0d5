import { spawnSync } from 'node:child_process';
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { replaceBroken, writeFileAtomic } from '../../../bridges/engine/files.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-files-'));
  file = path.join(folder, 'settings.json');
  writeFileSync(file, 'old and whole');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const NOW = Date.UTC(2026, 10, 21, 12);
const ASIDE = 'settings.broken-2026-11-21T12-00-00-000Z.json';
const files = new URL('../../../bridges/engine/files.ts', import.meta.url).href;

/** Runs code in a process whose files end at 1024 bytes, as on a disk with no more room. Returns what it said. */
function cramped(code: string): string {
  const script = `import { replaceBroken, writeFileAtomic } from ${JSON.stringify(files)};
    const file = ${JSON.stringify(file)};
    try { ${code} } catch (error) { console.log(error.code, error.message); }`;
  const ran = spawnSync('bash', ['-c', 'ulimit -f 1; exec "$0" --input-type=module -e "$1"', process.execPath, script], {
    encoding: 'utf8',
  });
  return ran.stdout + ran.stderr;
}

it('writes a file for its owner alone, and nothing beside it', () => {
  writeFileAtomic(file, 'new');
  expect(readFileSync(file, 'utf8')).toBe('new');
  expect(readdirSync(folder)).toEqual(['settings.json']);
});

it.skipIf(process.platform === 'win32')('moves nothing into place that was cut short', () => {
  const said = cramped("writeFileAtomic(file, 'x'.repeat(1500));");
  expect(said).toContain(`failed ${file} can't be written: file too large (EFBIG).`);
  expect(readFileSync(file, 'utf8')).toBe('old and whole');
  expect(readdirSync(folder)).toEqual(['settings.json']);
});

it('says in words which file can not be written, and why', () => {
  const missing = path.join(folder, 'missing', 'keys.json');
  expect(() => writeFileAtomic(missing, '')).toThrow(`${missing} can't be written: no such file or directory (ENOENT).`);
});

it('keeps a broken file beside the new one', () => {
  replaceBroken(file, 'new', NOW);
  expect(readFileSync(file, 'utf8')).toBe('new');
  expect(readFileSync(path.join(folder, ASIDE), 'utf8')).toBe('old and whole');
});

it.skipIf(process.platform === 'win32')('puts a broken file back where the new one can not be written', () => {
  expect(cramped(`replaceBroken(file, 'x'.repeat(1500), ${NOW});`)).toContain('EFBIG');
  expect(readFileSync(file, 'utf8')).toBe('old and whole');
  expect(readdirSync(folder)).toEqual(['settings.json']);
});

it('leaves a broken file alone that can not be kept', () => {
  mkdirSync(path.join(folder, ASIDE, 'held'), { recursive: true });
  expect(() => replaceBroken(file, 'new', NOW)).toThrow();
  expect(readFileSync(file, 'utf8')).toBe('old and whole');
});

it.skipIf(process.platform === 'win32')('writes what a link leads to, also where that is not there yet, and leaves the link', () => {
  const kept = path.join(folder, 'kept');
  mkdirSync(kept);
  rmSync(file);
  symlinkSync(path.join('kept', 'mine.json'), file);
  writeFileAtomic(file, 'first');
  writeFileAtomic(file, 'second');
  expect(readFileSync(path.join(kept, 'mine.json'), 'utf8')).toBe('second');
  replaceBroken(file, 'third', NOW);
  expect(lstatSync(file).isSymbolicLink()).toBe(true);
  expect(readFileSync(file, 'utf8')).toBe('third');
  expect(readFileSync(path.join(kept, 'mine.broken-2026-11-21T12-00-00-000Z.json'), 'utf8')).toBe('second');
});

it.skipIf(process.platform === 'win32')('says in words that a link leads nowhere but to itself', () => {
  rmSync(file);
  symlinkSync(file, file);
  expect(() => writeFileAtomic(file, '')).toThrow(`${file} can't be written: too many symbolic links encountered (ELOOP).`);
});
