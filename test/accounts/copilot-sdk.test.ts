import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findSdk, installSdk, loadSdk, SDK_VERSION } from '../../bridges/copilot/sdk-module.ts';
import type { ChildResult, ChildRunner } from '../../bridges/engine/child.ts';
import { SDK_FOLDER } from './copilot.support.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-sdk-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const place = { folder: '', named: null };
const installed = (): string => path.join(folder, SDK_VERSION, 'node_modules', '@github', 'copilot-sdk');
const npm =
  (answer: Partial<ChildResult>, puts = true, seen: (readonly string[])[] = []): ChildRunner =>
  async (command, args, { env }) => {
    seen.push([command, ...args, JSON.stringify(env)]);
    if (puts) {
      mkdirSync(installed(), { recursive: true });
      cpSync(SDK_FOLDER, installed(), { recursive: true });
    }
    return { code: 0, stdout: '', stderr: '', ...answer };
  };
const install = (run: ChildRunner, target = 'linux-x64'): Promise<string> =>
  installSdk({ ...place, folder }, { run, target, env: { HTTPS_PROXY: 'http://proxy.test', SECRET: 'CANARY' } });

describe('the Copilot SDK', () => {
  it('is installed by npm, pinned to the byte, without any script of a package', async () => {
    const seen: (readonly string[])[] = [];
    expect(findSdk({ ...place, folder })).toBeUndefined();
    expect(await install(npm({}, true, seen))).toBe(installed());
    const at = path.join(folder, SDK_VERSION);
    const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
    // Of our environment npm gets what it needs to reach its registry.
    expect(seen).toEqual([['npm', 'ci', '--prefix', at, ...flags, '{"HTTPS_PROXY":"http://proxy.test"}']]);
    const text = readFileSync(path.join(folder, SDK_VERSION, 'package-lock.json'), 'utf8');
    const { packages }: { packages: Record<string, { version?: string; integrity?: string; dependencies?: object }> } = JSON.parse(text);
    const { '': root, ...pinned } = packages;
    expect(Object.keys(pinned)).toHaveLength(Object.keys(root?.dependencies ?? {}).length);
    for (const { version, integrity } of Object.values(pinned)) {
      expect(version).toMatch(/^\d+\.\d+\.\d+$/);
      expect(integrity).toMatch(/^sha512-[\w+/]{86}==$/);
    }
    expect(text).not.toContain('latest');
    expect(findSdk({ ...place, folder })).toBe(installed());
    expect(await loadSdk(installed())).toBeTypeOf('function');
  });
  it.each([
    [{ code: 1, stderr: 'npm error code EINTEGRITY' }, /not @github\/copilot-sdk 1\.0\.14 as it is known here/],
    [{ code: 1, stderr: 'npm error code ENOTFOUND' }, /Check the network/],
    [{ code: null }, /npm could not be run.*sdkFolder/],
  ])('is not there where npm ends with %j', async (answer, message) => {
    await expect(install(npm(answer))).rejects.toMatchObject({ code: 'failed', message: expect.stringMatching(message) });
    expect(existsSync(installed())).toBe(true);
    expect(findSdk({ ...place, folder })).toBeUndefined();
  });
  it('is not taken for installed where npm put nothing there', async () => {
    await expect(install(npm({}, false))).rejects.toMatchObject({ message: expect.stringMatching(/something else/) });
  });
  it('is its owner’s to install where no copy is known for the platform', async () => {
    const seen: (readonly string[])[] = [];
    await expect(install(npm({}, true, seen), 'plan9-mips')).rejects.toMatchObject({ message: expect.stringMatching(/sdkFolder/) });
    expect(seen).toEqual([]);
  });
  it('is taken from the folder its owner named, and from no other package', () => {
    expect(findSdk({ folder, named: SDK_FOLDER })).toBe(SDK_FOLDER);
    for (const named of ['copilot-sdk', '/nowhere', path.resolve(import.meta.dirname, '../..')])
      expect(() => findSdk({ folder, named })).toThrow(/holds no @github\/copilot-sdk/);
  });
  it('that is not as it is known is not used', async () => {
    await expect(loadSdk(path.resolve(import.meta.dirname, '../..'))).rejects.toMatchObject({ code: 'failed' });
  });
});
