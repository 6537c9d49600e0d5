import { Menu, Tray, type MenuItemConstructorOptions } from 'electron';
import { onThemeChanged, trayIcon } from './tray-icon.ts';
import type { TrayAction, TrayEntry, TrayView } from './tray-menu.ts';

export type TrayIcon = {
  tray: Tray;
  show(view: TrayView): void;
};

/** Keeps this icon's place in the Windows taskbar over updates. */
const GUID = '8f0b6f3e-6a0f-4b0c-9a55-6d2f0f6f5c11';

/** Puts the icon into the menu bar. On Linux the menu is always attached: an indicator without one shows nothing. */
export function openTray(options: {
  icons: string;
  platform: NodeJS.Platform;
  view: TrayView;
  onAction: (action: TrayAction) => void;
  /** Takes the menu where the popover shows it (macOS, Windows). */
  onMenu: (menu: Menu) => void;
}): TrayIcon {
  const { icons, platform } = options;
  let { view } = options;
  const image = trayIcon(icons, platform, view.state);
  const tray = platform === 'win32' ? new Tray(image, GUID) : new Tray(image);
  if (platform === 'darwin') tray.setIgnoreDoubleClickEvents(true);
  let shown = '';
  let icon = view.state;

  const setIcon = (): void => tray.setImage(trayIcon(icons, platform, view.state));
  const act = (action: TrayAction): void => {
    // A click ticks the item by itself: until the engine says so, the menu is to show what is.
    shown = '';
    show(view);
    options.onAction(action);
  };
  const show = (next: TrayView): void => {
    view = next;
    if (icon !== view.state) {
      icon = view.state;
      setIcon();
    }
    tray.setToolTip(view.tooltip);
    // An open menu is lost when another is set, so only a menu that differs is.
    const text = JSON.stringify(view.entries);
    if (text === shown) return;
    shown = text;
    const menu = Menu.buildFromTemplate(view.entries.map((entry) => template(entry, act)));
    if (platform === 'linux') tray.setContextMenu(menu);
    else options.onMenu(menu);
  };
  onThemeChanged(setIcon);
  return { tray, show };
}

/** As it is read: a single & would be taken for a mnemonic, on every system (https://github.com/electron/electron/issues/9584). */
const literal = (label: string): string => label.replaceAll('&', '&&');

function template(entry: TrayEntry, act: (action: TrayAction) => void): MenuItemConstructorOptions {
  switch (entry.type) {
    case 'separator':
      return { type: 'separator' };
    case 'menu':
      return { id: entry.id, label: literal(entry.label), submenu: entry.entries.map((inner) => template(inner, act)) };
    case 'item': {
      const { id, label, action, checked } = entry;
      return {
        id,
        label: literal(label),
        enabled: action !== null,
        ...(checked === undefined ? {} : { type: 'checkbox', checked }),
        ...(action === null ? {} : { click: () => act(action) }),
      };
    }
  }
}
