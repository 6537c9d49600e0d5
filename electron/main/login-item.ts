import { app } from 'electron';
import type { LoginItem } from '../../bridges/contract/index.ts';

/** Told to the app where it is started at login: it stays in the menu bar. */
export const HIDDEN = '--hidden';

/** The systems' own login item, where Electron has one. On Linux the engine keeps it. */
export const keepsLoginItem = (platform: NodeJS.Platform): boolean => platform === 'darwin' || platform === 'win32';

/** Sets it first where `enabled` is given, then says how it really is. */
export function loginItem(platform: NodeJS.Platform, enabled: boolean | undefined): LoginItem {
  const ours = platform === 'win32' ? { args: [HIDDEN] } : {};
  if (enabled !== undefined) app.setLoginItemSettings({ openAtLogin: enabled, ...ours });
  const found = app.getLoginItemSettings(ours);
  if (platform === 'darwin') {
    if (found.status === 'requires-approval')
      return { state: 'needs_approval', reason: 'Allow Drawbridge in System Settings, General, Login Items.' };
    if (found.status === 'not-found')
      return { state: 'unsupported', reason: 'Only an installed app can start at login. Move Drawbridge to Applications.' };
    return { state: found.status === 'enabled' ? 'on' : 'off', reason: null };
  }
  if (found.openAtLogin && !found.executableWillLaunchAtLogin)
    return { state: 'needs_approval', reason: 'It is switched off in Windows Settings, Apps, Startup.' };
  return { state: found.openAtLogin ? 'on' : 'off', reason: null };
}

/** True where the app was started at login rather than by a person. */
export function startedHidden(platform: NodeJS.Platform, argv: readonly string[]): boolean {
  return argv.includes(HIDDEN) || (platform === 'darwin' && app.getLoginItemSettings().wasOpenedAtLogin);
}
