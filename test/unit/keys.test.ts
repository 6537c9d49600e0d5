import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openKeys, type KeyRing } from '../../bridges/companion/keys.ts';

let folder: string;
let now: number;
let keys: KeyRing;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-keys-'));
  now = 0;
  keys = openKeys(path.join(folder, 'keys.json'), { now: () => now, monotonic: () => now });
});
afterEach(() => {
  keys.stop();
  rmSync(folder, { recursive: true, force: true });
});

it('refuses a revoked key at once, and takes it again when the revocation is taken back', () => {
  const { id, key } = keys.create('laptop');
  keys.revoke(id);
  expect(keys.check(key)).toBeUndefined();
  expect(keys.restore(id)).toMatchObject({ id, name: 'laptop' });
  expect(keys.check(key)).toMatchObject({ name: 'laptop' });
});
it('gives a key back for ten minutes only, and only once', () => {
  const { id } = keys.create('laptop');
  keys.revoke(id);
  keys.restore(id);
  expect(() => keys.restore(id)).toThrow('too long ago');
  keys.revoke(id);
  now += 10 * 60_000 + 1;
  expect(() => keys.restore(id)).toThrow('too long ago');
});
it('gives none back whose name another one bears by now', () => {
  const { id } = keys.create('laptop');
  keys.revoke(id);
  keys.create('laptop');
  expect(() => keys.restore(id)).toThrow('already');
});
