import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { listPackage } from '@electron/asar';
import { FuseState, FuseV1Options, getCurrentFuseWire } from '@electron/fuses';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeInstallers } from '../../electron/packaging/maker.ts';
import { FUSES } from '../../electron/packaging/fuses.ts';
import { startFakeShell } from '../behaviour/fake-shell.ts';
import type { StartShell } from '../behaviour/shell.ts';
import { behaves } from '../behaviour/suite.ts';
import { type PackagedApp, packageApp } from './package-once.ts';

const MEGABYTE = 1024 * 1024;
const linux = process.platform === 'linux';
let app: PackagedApp;

describe.runIf(linux)('the package', () => {
  let files: string[];
  const sizeOf = (file: string): number => statSync(path.join(app.unpacked, file)).size;

  const start: StartShell = (options) =>
    startFakeShell(
      {
        ...options,
        env: { FAKE_ELECTRON_PACKAGED: '1', NODE_COMPILE_CACHE: path.join(app.temporary, 'code-cache'), ...options?.env },
      },
      path.join(app.unpacked, 'dist/electron/main.mjs'),
    );

  beforeAll(async () => {
    app = await packageApp();
    files = listPackage(app.archive, { isPack: false }).filter((file) => statSync(path.join(app.unpacked, file)).isFile());
  }, 60_000);
  afterAll(() => app.clear());

  test('holds the build, the icons of the menu, and two natives, and nothing else', () => {
    const rooms = files.map((file) =>
      file
        .replace(/^\/dist\/renderer\/assets\/.+/, '/dist/renderer/assets')
        .replace(/^\/dist\/chunk-.+\.mjs$/, '/dist/chunk')
        .replace(/^\/resources\/tray\/.+/, '/resources/tray')
        .replace(/^(\/node_modules\/(?:@[^/]+\/)?[^/]+)\/.+/, '$1'),
    );
    expect([...new Set(rooms)].sort()).toEqual([
      '/dist/capture-worker.mjs',
      '/dist/child.mjs',
      '/dist/chunk',
      '/dist/cli.mjs',
      '/dist/electron/main.mjs',
      '/dist/electron/preload.cjs',
      '/dist/renderer/assets',
      '/dist/renderer/index.html',
      '/dist/renderer/start.js',
      '/dist/token-worker.mjs',
      '/dist/tunnel-connector.mjs',
      '/dist/tunnel-leash.mjs',
      '/node_modules/@napi-rs/keyring',
      `/node_modules/@napi-rs/keyring-linux-${process.arch}-gnu`,
      '/node_modules/better-sqlite3',
      '/package.json',
      '/resources/icons/drawbridge-256.png',
      '/resources/tray',
    ]);
  });

  test('holds no source, test, map, header or native of another machine', () => {
    expect(files.filter((file) => /\.(?:[cm]?tsx?|map|c|cc|cpp|h|hpp|gypi?|md|sh)$|\/(?:test|tests|src|deps)\//.test(file))).toEqual([]);
    expect(files.filter((file) => file.endsWith('.node')).sort()).toEqual([
      `/node_modules/@napi-rs/keyring-linux-${process.arch}-gnu/keyring.linux-${process.arch}-gnu.node`,
      `/node_modules/better-sqlite3/prebuilds/linux-${process.arch}.node`,
    ]);
  });

  test('is small, Electron aside', () => {
    const bytes = files.reduce((sum, file) => sum + sizeOf(file), 0);
    const natives = files.filter((file) => file.endsWith('.node')).reduce((sum, file) => sum + sizeOf(file), 0);
    const [total, native] = [bytes / MEGABYTE, natives / MEGABYTE];
    console.log(`package: ${total.toFixed(1)} MB in ${files.length} files without Electron, of which natives ${native.toFixed(1)} MB`);
    expect(total).toBeLessThan(12);
  });

  test('keeps natives where the system can open them, and all else in the archive', () => {
    const outside = readdirSync(`${app.archive}.unpacked`, { recursive: true, encoding: 'utf8' });
    const outsideFiles = outside.filter((file) => statSync(path.join(`${app.archive}.unpacked`, file)).isFile());
    expect(outsideFiles.map((file) => `/${file}`).sort()).toEqual(files.filter((file) => file.endsWith('.node')).sort());
  });

  test('has every fuse as it was decided', async () => {
    const {
      version,
      resetAdHocDarwinSignature: _mac,
      strictlyRequireAllFuses: _all,
      ...read
    } = {
      resetAdHocDarwinSignature: undefined,
      strictlyRequireAllFuses: true,
      ...(await getCurrentFuseWire(path.join(app.folder, 'drawbridge'))),
    };
    expect(version).toBe(FUSES.version);
    const options = Object.values(FuseV1Options).filter((option) => typeof option === 'number');
    expect(Object.keys(read).map(Number)).toEqual(options);
    expect(options.map((option) => [FuseV1Options[option], read[option]])).toEqual(
      options.map((option) => [FuseV1Options[option], FUSES[option] ? FuseState.ENABLE : FuseState.DISABLE]),
    );
  });

  test('says of itself what Electron and a desktop ask, and no more', () => {
    const packed: unknown = JSON.parse(readFileSync(path.join(app.unpacked, 'package.json'), 'utf8'));
    expect(Object.keys(packed as object).sort()).toEqual(
      ['dependencies', 'description', 'desktopName', 'license', 'main', 'name', 'productName', 'type', 'version'].sort(),
    );
    expect(packed).toMatchObject({ productName: 'Drawbridge', desktopName: 'drawbridge.desktop', main: 'dist/electron/main.mjs' });
  });

  test('carries the licence of every package whose code it holds', () => {
    const text = readFileSync(path.join(app.folder, 'resources', 'THIRD_PARTY_LICENSES'), 'utf8');
    for (const name of ['react', 'express', 'zod', 'undici', '@azure/msal-node', 'electron-menubar', 'better-sqlite3', '@napi-rs/keyring'])
      expect(text).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+\nLicence: `, 'm'));
    expect(text).not.toMatch(/^(?:vitest|playwright-core|electron-builder|typescript) \d/m);
    for (const file of ['LICENSE', 'LICENSES.chromium.html']) expect(existsSync(path.join(app.folder, file))).toBe(true);
  });

  test('is handed to electron-builder as it is, with a configuration electron-builder accepts', async () => {
    const before = statSync(app.archive).mtimeMs;
    const made = await makeInstallers(
      {
        dir: app.folder,
        makeDir: path.join(app.temporary, 'make'),
        appName: 'Drawbridge',
        targetPlatform: 'linux',
        targetArch: process.arch === 'arm64' ? 'arm64' : 'x64',
      },
      ['dir'],
    );
    expect(made).toEqual([]);
    expect(statSync(app.archive).mtimeMs).toBe(before);
  });

  // The app out of the archive, outside of the project: whatever is missing in it is missing here.
  behaves('the packaged app', start, { desktop: true, timers: true });
});
