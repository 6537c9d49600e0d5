import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';

const DIST = path.resolve(import.meta.dirname, '../../dist/renderer');
/** Bytes, gzipped. */
const LIMIT = 350_000;

/** The files that a start reads before its first page is shown: the page's own script, and what that imports at once. */
function initialScripts(): Set<string> {
  const html = readFileSync(path.join(DIST, 'index.html'), 'utf8');
  const found = new Set<string>();
  const add = (file: string): void => {
    if (found.has(file)) return;
    found.add(file);
    const text = readFileSync(file, 'utf8');
    for (const [, name] of text.matchAll(/(?:from|import)\s*["'](\.\/[^"']+\.js)["']/g)) add(path.resolve(path.dirname(file), name ?? ''));
  };
  for (const [, name] of html.matchAll(/<script[^>]+type="module"[^>]+src="([^"]+)"/g)) add(path.join(DIST, name ?? ''));
  return found;
}

test('the first page needs at most 350 kB of JavaScript, gzipped', () => {
  const sizes = [...initialScripts()].map((file) => gzipSync(readFileSync(file)).length);
  const sum = sizes.reduce((total, size) => total + size, 0);
  console.log(`initial JavaScript: ${(sum / 1000).toFixed(1)} kB gzipped, in ${sizes.length} files`);
  expect(sum).toBeGreaterThan(50_000);
  expect(sum).toBeLessThanOrEqual(LIMIT);
});
