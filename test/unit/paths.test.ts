import { describe, expect, it } from 'vitest';
import { resolvePaths } from '../../bridges/engine/paths.ts';
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

describe('what needs attention', () => {
  const fine = {
    companion: { name: 'companion' as const, state: 'listening' as const, address: '127.0.0.1:1', reason: null, mend: null },
    capture: { state: 'recording' as const, reason: null, calls: 0, dropped: 0, pendingBytes: 0, storeBytes: 0 },
    movedAside: null,
    settingsProblem: null,
    keys: 1,
    keychain: null,
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
    });
    expect(notices.map((notice) => notice.id)).toEqual(['companion', 'settings', 'capture', 'dropped', 'moved-aside', 'no-keys']);
    expect(notices[0]?.mend?.action).toEqual({ kind: 'companion.usePort', port: 2 });
    for (const notice of notices) expect(notice.cause.length).toBeGreaterThan(10);
  });
});
