import { chownSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ensureFolders, refuseForeign, resolvePaths, type Paths } from '../../bridges/engine/paths.ts';
import { noticesOf } from '../../bridges/engine/engine.ts';

const machine = { platform: 'linux' as NodeJS.Platform, env: {}, homedir: '/home/ada', tmpdir: '/tmp' };

describe('the state folder', () => {
  it.each([
    [machine, '/home/ada/.local/share/drawbridge'],
    [{ ...machine, env: { XDG_DATA_HOME: '/data' } }, '/data/drawbridge'],
    [{ ...machine, platform: 'darwin' as const }, '/home/ada/Library/Application Support/Drawbridge'],
    [{ ...machine, env: { DRAWBRIDGE_HOME: '/elsewhere', XDG_DATA_HOME: '/data' } }, '/elsewhere'],
  ])('is where the system keeps such things, or where it was told', (given, home) => {
    expect(resolvePaths(given).home).toBe(home);
  });
  it('has its socket where a socket’s path fits', () => {
    expect(resolvePaths(machine).control).toBe('/home/ada/.local/share/drawbridge/run/control.sock');
    const deep = resolvePaths({ ...machine, env: { DRAWBRIDGE_HOME: `/home/${'very-'.repeat(30)}deep`, XDG_RUNTIME_DIR: '/run/user/1' } });
    expect(deep.control).toMatch(/^\/run\/user\/1\/drawbridge-[0-9a-f]{16}\/control\.sock$/);
  });
  it('has a named pipe of its own on Windows', () => {
    expect(resolvePaths({ ...machine, platform: 'win32', env: { LOCALAPPDATA: 'C:\\x' } }).control).toMatch(
      /^\\\\\.\\pipe\\drawbridge-[0-9a-f]{16}$/,
    );
  });
});

describe.skipIf(process.platform === 'win32')('the folder of the control socket, where the home’s path is too long for one', () => {
  let tmpdir: string;
  let paths: Paths;
  let folder: string;
  beforeEach(() => {
    tmpdir = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-paths-'));
    paths = resolvePaths({ ...machine, tmpdir, env: { DRAWBRIDGE_HOME: path.join(tmpdir, 'very-'.repeat(20)) } });
    folder = path.dirname(paths.control);
  });
  afterEach(() => rmSync(tmpdir, { recursive: true, force: true }));

  it('is made for its owner alone, and taken again', () => {
    ensureFolders(paths, process.platform);
    ensureFolders(paths, process.platform);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
  });
  it.each([
    ['others may enter it', () => mkdirSync(folder, { mode: 0o755 })],
    ['it is no folder', () => symlinkSync(os.homedir(), folder)],
  ])('is not taken where %s', (fault, make) => {
    make();
    expect(() => ensureFolders(paths, process.platform)).toThrow(`${folder}, is not safe: ${fault}.`);
  });
  it.runIf(process.getuid?.() === 0)('is neither taken nor spoken to where it is another user’s', () => {
    mkdirSync(folder, { mode: 0o700 });
    chownSync(folder, 12_345, 12_345);
    expect(() => ensureFolders(paths, process.platform)).toThrow('it is another user’s');
    vi.spyOn(process, 'getuid').mockReturnValue(54_321);
    expect(() => refuseForeign(paths.control, process.platform)).toThrow('it is another user’s');
    vi.restoreAllMocks();
    // Root may.
    refuseForeign(paths.control, process.platform);
  });
});

describe('what needs attention', () => {
  const fine = {
    companion: { name: 'companion' as const, state: 'listening' as const, address: '127.0.0.1:1', reason: null, mend: null },
    capture: { state: 'recording' as const, reason: null, calls: 0, dropped: 0, pendingBytes: 0, storeBytes: 0 },
    movedAside: null,
    settingsProblem: null,
    keys: 1,
    keychain: null,
    proxyRefusal: null,
  };
  it('is nothing when all is well', () => {
    expect(noticesOf(fine)).toEqual([]);
  });
  it('is a companion that could not move, too', () => {
    const reason = 'Port 2 is in use. The companion stays on 1 until then.';
    const notices = noticesOf({ ...fine, companion: { ...fine.companion, reason } });
    expect(notices).toMatchObject([{ id: 'companion', level: 'warning', cause: reason }]);
  });
  it('names each trouble with its cause', () => {
    const notices = noticesOf({
      companion: {
        ...fine.companion,
        state: 'failed',
        reason: 'Port 1 is in use.',
        mend: { label: 'Use port 2', action: { kind: 'companion.usePort', port: 2 } },
      },
      capture: { ...fine.capture, state: 'failed', reason: 'The disk is full.', dropped: 3 },
      movedAside: '/x/captures.db.damaged',
      settingsProblem: 'The setting "a" is wrong.',
      keys: 0,
      keychain: null,
      proxyRefusal: null,
    });
    expect(notices.map((notice) => notice.id)).toEqual(['companion', 'settings', 'capture', 'dropped', 'moved-aside', 'no-keys']);
    expect(notices[0]?.mend?.action).toEqual({ kind: 'companion.usePort', port: 2 });
    for (const notice of notices) expect(notice.cause.length).toBeGreaterThan(10);
  });
});
