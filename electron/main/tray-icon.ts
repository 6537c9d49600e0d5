import path from 'node:path';
import { nativeImage, nativeTheme, type NativeImage } from 'electron';
import type { TrayState } from './tray-menu.ts';

/**
 * The file of a state's icon. macOS colours a template image itself (and finds its @2x beside it), Windows needs one
 * for a light and one for a dark taskbar, Linux has one in colour that stands out on both. Pure.
 */
export function iconFile(folder: string, platform: NodeJS.Platform, dark: boolean, state: TrayState): string {
  if (platform === 'darwin') return path.join(folder, `${state}Template.png`);
  if (platform === 'win32') return path.join(folder, `${state}-${dark ? 'dark' : 'light'}.ico`);
  return path.join(folder, `${state}.png`);
}

export function trayIcon(folder: string, platform: NodeJS.Platform, state: TrayState): NativeImage {
  return nativeImage.createFromPath(iconFile(folder, platform, nativeTheme.shouldUseDarkColorsForSystemIntegratedUI, state));
}

/** Calls back when the system changes between light and dark. */
export function onThemeChanged(changed: () => void): void {
  nativeTheme.on('updated', changed);
}
