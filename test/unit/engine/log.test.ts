import { closeSync, fstatSync, mkdirSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openLogFile, type LogFile } from '../../../bridges/engine/log.ts';

const LONG = `${'x'.repeat(5 * 1024 * 1024)}\n`;
let folder: string;
let log: LogFile;
const file = (name = 'drawbridge.log'): string => path.join(folder, name);
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-log-'));
  log = openLogFile(folder);
});
afterEach(() => {
  log.stop();
  rmSync(folder, { recursive: true, force: true });
});

it('is turned over when it is full, and three older ones are kept', () => {
  for (let i = 1; i <= 5; i++) log.write(`${i} ${LONG}`);
  log.write('the newest\n');
  expect(readdirSync(folder).toSorted()).toEqual(['drawbridge.log', 'drawbridge.log.1', 'drawbridge.log.2', 'drawbridge.log.3']);
  expect(readFileSync(file(), 'utf8')).toBe('the newest\n');
  expect(readFileSync(file('drawbridge.log.3'), 'utf8').slice(0, 2)).toBe('3 ');
});

it('that can not be turned over goes on in its own file, and in nobody else’s', () => {
  log.write('begin\n');
  // A folder can't be removed as a file is; on Windows a file that is held open can't either.
  mkdirSync(file('drawbridge.log.3'));
  log.write(LONG);
  // Whoever opens a file next may be given the number of one that was closed.
  const others = [1, 2].map((n) => openSync(file(`other ${n}`), 'w+'));
  log.write('after\n');
  log.stop();
  for (const [at, other] of others.entries()) {
    expect(fstatSync(other).size).toBe(0);
    closeSync(other);
    expect(readFileSync(file(`other ${at + 1}`), 'utf8')).toBe('');
  }
  expect(readFileSync(file(), 'utf8')).toBe(`begin\n${LONG}after\n`);
});

it('is turned over once it can be', () => {
  mkdirSync(file('drawbridge.log.3'));
  log.write(LONG);
  log.write('before\n');
  rmSync(file('drawbridge.log.3'), { recursive: true });
  log.write('after\n');
  expect(readFileSync(file(), 'utf8')).toBe('after\n');
  expect(readFileSync(file('drawbridge.log.1'), 'utf8')).toBe(`${LONG}before\n`);
});
