import { describe, expect, it } from 'vitest';
import { hasKeyring, inKeyringSession } from './keyring.support.ts';

describe.skipIf(!hasKeyring)('the Codex CLI’s login in the real keychain', () => {
  it('is read', async () =>
    expect(await inKeyringSession('codex-keyring.probe.ts', 'unlocked')).toEqual({ text: '{"auth_mode":"apikey"}' }));
  it('is read where the Codex CLI’s folder is a link to another one', async () =>
    expect(await inKeyringSession('codex-keyring.probe.ts', 'unlocked', 'linked')).toEqual({ text: '{"auth_mode":"apikey"}' }));
  it('is told to be behind a lock', async () =>
    expect(await inKeyringSession('codex-keyring.probe.ts', 'locked')).toEqual({ problem: 'locked' }));
  it('is not there where there is no keychain', async () =>
    expect(await inKeyringSession('codex-keyring.probe.ts', 'none')).toEqual({ text: null }));
});
