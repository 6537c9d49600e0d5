import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keyFault } from '../../bridges/tunnels/key-file.ts';
import { hasSsh } from '../support/programs.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-keys-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string): string => path.join(folder, name);
const faultOf = (file: string) => keyFault(file, 'linux');
const written = (name: string, text: string): string => {
  writeFileSync(at(name), text, { mode: 0o600 });
  return at(name);
};

describe.skipIf(!hasSsh)('a key of ssh-keygen', () => {
  it.each([
    ['ed25519', 'RFC4716'],
    ['ecdsa', 'RFC4716'],
    ['rsa', 'PEM'],
    ['ecdsa', 'PEM'],
    ['rsa', 'PKCS8'],
  ])('of type %s, in the form %s, can be used without a passphrase and not with one', (type, form) => {
    const file = at(`${type}-${form}`);
    execFileSync('ssh-keygen', ['-q', '-t', type, '-m', form, '-N', '', '-f', file]);
    expect(faultOf(file)).toBeUndefined();
    execFileSync('ssh-keygen', ['-q', '-p', '-m', form, '-P', '', '-N', 'a passphrase', '-f', file]);
    expect(faultOf(file)).toBe('encrypted');
    chmodSync(`${file}.pub`, 0o600);
    expect(faultOf(`${file}.pub`)).toBe('no-key');
  });
});

it('what is no key, is not there or is not its owner’s alone is told apart', () => {
  expect(faultOf(written('text', 'hello\n'))).toBe('no-key');
  expect(faultOf(written('empty', ''))).toBe('no-key');
  expect(faultOf(at('nowhere'))).toBe('missing');
  expect(faultOf(path.join(written('file', ''), 'below'))).toBe('missing');
  expect(faultOf(folder)).toBe('folder');
  symlinkSync('loop', at('loop'));
  expect(faultOf(at('loop'))).toBe('unreadable');
  const shared = written('shared', 'hello\n');
  chmodSync(shared, 0o640);
  expect(faultOf(shared)).toBe('shared');
  expect(keyFault(shared, 'win32')).toBe('no-key');
});
