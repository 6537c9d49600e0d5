import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { packageFolder } from '../../electron/packaging/bundled.ts';
import { isForeign, isLeftOut, neededNatives, packedManifest } from '../../electron/packaging/contents.ts';
import { pruneApp } from '../../electron/packaging/prune.ts';
import { publisherFrom } from '../../electron/packaging/publisher.ts';
import { signingFrom } from '../../electron/packaging/signing.ts';

describe('what is packed', () => {
  test('is the build, what it reads, and its natives; no source, test, document or tool', () => {
    const kept = [
      '',
      '/dist',
      '/dist/electron/main.mjs',
      '/resources/tray/ready.png',
      '/resources/icons/drawbridge-256.png',
      '/package.json',
    ];
    const left = [
      '/bridges',
      '/electron',
      '/renderer',
      '/test',
      '/docs',
      '/bench',
      '/scripts',
      '/out',
      '/.git',
      '/.github',
      '/forge.config.ts',
    ];
    const leftWithin = [
      '/dist/.built',
      '/dist/.bundled',
      '/dist/.bundled/engine.json',
      '/resources/icons/drawbridge.icns',
      '/resources/prices.json',
      '/node_modules/.bin',
    ];
    const natives = '/node_modules/better-sqlite3';
    expect([...kept, natives, `${natives}/lib/index.js`, `${natives}/LICENSE`].filter(isLeftOut)).toEqual([]);
    const unneeded = [`${natives}/deps`, `${natives}/src`, `${natives}/binding.gyp`, `${natives}/README.md`, '/node_modules/.cache'];
    expect([...left, ...leftWithin, ...unneeded].filter((file) => !isLeftOut(file))).toEqual([]);
  });

  test('is told by a short manifest', () => {
    expect(packedManifest({ name: 'x', scripts: {}, devDependencies: {}, main: 'm', allowScripts: {} })).toEqual({ name: 'x', main: 'm' });
  });
});

describe('natives', () => {
  const targets = [
    { platform: 'darwin', arch: 'arm64' },
    { platform: 'win32', arch: 'x64' },
    { platform: 'linux', arch: 'x64' },
  ];
  let app: string;
  afterEach(() => rmSync(app, { recursive: true, force: true }));

  test.each(targets)('of other machines go, those of $platform on $arch stay', async (target) => {
    app = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-prune-'));
    const put = (file: string): void => {
      mkdirSync(path.dirname(path.join(app, file)), { recursive: true });
      writeFileSync(path.join(app, file), '');
    };
    const all = ['darwin-arm64', 'darwin-x64', 'linux-arm64', 'linux-x64', 'linuxmusl-x64', 'win32-arm64', 'win32-x64'];
    for (const one of all) for (const file of [`prebuilds/${one}.node`, `lib/${one}.js`]) put(`node_modules/better-sqlite3/${file}`);
    put('node_modules/better-sqlite3/lib/binding.js');
    put('node_modules/@napi-rs/keyring-linux-x64-musl/keyring.linux-x64-musl.node');
    put('node_modules/node-addon-api/napi.h');
    mkdirSync(path.join(app, 'node_modules/@types'));
    for (const other of targets) put(neededNatives(other)[1] ?? '');
    await pruneApp(app, target);
    const files = readdirSync(app, { recursive: true, encoding: 'utf8' }).map((file) => file.replaceAll('\\', '/'));
    expect(files.filter((file) => file.endsWith('.node')).sort()).toEqual(neededNatives(target).sort());
    const name = `${target.platform}-${target.arch}.js`;
    expect(
      files
        .filter((file) => file.endsWith('.js'))
        .map((file) => path.basename(file))
        .sort(),
    ).toEqual(['binding.js', name].sort());
    expect(files.filter((file) => /@types|node-addon-api|musl/.test(file))).toEqual([]);
  });

  test('that are missing stop the packaging, by name', async () => {
    app = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-prune-'));
    mkdirSync(path.join(app, 'node_modules'));
    await expect(pruneApp(app, { platform: 'darwin', arch: 'x64' })).rejects.toThrow(
      /better-sqlite3\/prebuilds\/darwin-x64\.node and .*keyring-darwin-x64/,
    );
  });

  test('are known by their whole name', () => {
    expect(isForeign('better-sqlite3/lib/index.js', { platform: 'linux', arch: 'x64' })).toBe(false);
    expect(isForeign('@napi-rs/keyring/index.js', { platform: 'linux', arch: 'x64' })).toBe(false);
  });
});

describe('signing', () => {
  test('is left out where there is no identity', () => {
    expect(signingFrom({ PATH: '/usr/bin', APPLE_SIGN_IDENTITY: '' })).toEqual({});
  });

  test('takes each identity from the environment, and fails loudly where signing fails', () => {
    expect(signingFrom({ APPLE_SIGN_IDENTITY: 'id', APPLE_API_KEY: 'k.p8', APPLE_API_KEY_ID: 'K', APPLE_API_ISSUER: 'I' })).toEqual({
      osxSign: { identity: 'id', continueOnError: false },
      osxNotarize: { appleApiKey: 'k.p8', appleApiKeyId: 'K', appleApiIssuer: 'I' },
    });
    expect(signingFrom({ WINDOWS_CERTIFICATE_FILE: 'c.pfx', WINDOWS_CERTIFICATE_PASSWORD: 'p' })).toEqual({
      windowsSign: { certificateFile: 'c.pfx', certificatePassword: 'p' },
    });
  });

  test('refuses half an identity, naming what is missing', () => {
    expect(() => signingFrom({ APPLE_SIGN_IDENTITY: 'id', APPLE_API_KEY: 'k.p8' })).toThrow('APPLE_API_KEY_ID and APPLE_API_ISSUER');
    expect(() => signingFrom({ WINDOWS_CERTIFICATE_FILE: 'c.pfx' })).toThrow('WINDOWS_CERTIFICATE_PASSWORD');
    expect(() => signingFrom({ APPLE_API_KEY: 'k', APPLE_API_KEY_ID: 'K', APPLE_API_ISSUER: 'I' })).toThrow('APPLE_SIGN_IDENTITY');
  });
});

describe('who answers for an installer', () => {
  test('is whom the environment names', () => {
    const env = { DRAWBRIDGE_HOMEPAGE: 'https://example.org', DRAWBRIDGE_MAINTAINER: 'A Person <a@example.org>' };
    expect(publisherFrom(env)).toEqual({ homepage: 'https://example.org', maintainer: 'A Person <a@example.org>' });
    expect(() => publisherFrom({ DRAWBRIDGE_HOMEPAGE: 'https://example.org' })).toThrow(/To publish, set DRAWBRIDGE_MAINTAINER/);
  });

  test('is said to be nobody where nobody is named', () => {
    const { homepage, maintainer } = publisherFrom({});
    expect(new URL(homepage).hostname).toMatch(/\.invalid$/);
    expect(maintainer).toMatch(/^Nobody \(not published\) <.*\.invalid>$/);
  });
});

test('a module is told by the folder of its package, however deep', () => {
  expect(packageFolder('/x/node_modules/react/index.js')).toBe('node_modules/react');
  expect(packageFolder('\0/x/node_modules/@orpc/client/dist/a.mjs?commonjs')).toBe('node_modules/@orpc/client');
  expect(packageFolder('/x/node_modules/express/node_modules/cookie/index.js')).toBe('node_modules/express/node_modules/cookie');
  expect(packageFolder('/x/bridges/engine/engine.ts')).toBeNull();
});
