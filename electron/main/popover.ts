import type { Menu, Tray } from 'electron';
import { menubar } from 'electron-menubar';
import { WINDOW_ORIGIN } from '../../bridges/contract/port.ts';
import { webPreferences } from './windows.ts';

export type Popover = { setMenu(menu: Menu): void; hide(): void; close(): void };

/**
 * A small window at the icon, on macOS and Windows; a right click there opens the menu. Linux has none: its desktops
 * give no place to put it at, and a click on the icon opens the menu.
 */
export function openPopover(options: { tray: Tray; preload: string; tooltip: string; icon: string }): Popover {
  const bar = menubar({
    tray: options.tray,
    tooltip: options.tooltip,
    // Looked for even though the icon is there already.
    icon: options.icon,
    index: `${WINDOW_ORIGIN}/popover`,
    // The dock icon and "activate" are the window's.
    activateWithApp: false,
    showDockIcon: true,
    hideOnClose: true,
    escapeToHide: true,
    browserWindow: {
      width: 420,
      height: 640,
      resizable: false,
      skipTaskbar: true,
      fullscreenable: false,
      webPreferences: webPreferences(options.preload),
    },
  });
  bar.on('before-load', () => {
    const { window } = bar;
    // What is left of such a window shows nothing; the next click makes a new one.
    window?.webContents.on('render-process-gone', () => window.destroy());
  });
  return {
    setMenu: (menu) => bar.setContextMenu(menu),
    hide: () => bar.hideWindow(),
    close: () => {
      if (!bar.isDestroyed()) bar.destroy();
    },
  };
}
