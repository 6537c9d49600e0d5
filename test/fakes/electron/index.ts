import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import manifest from '../../../package.json' with { type: 'json' };
import { emitterOf, preventable } from './emitter.ts';
import { allowed, closeBrowser, RealPage, schemes, type Sender } from './pages.ts';
import type { MessagePortMain } from './ports.ts';
import { started } from './processes.ts';
import type { AppView, Deed, MenuView, Question } from './remote.ts';
import { changed, seen, tell } from './state.ts';

/**
 * Stands in for the main-process half of `electron` in plain Node: windows are real Chromium pages, the engine's
 * process is a real one, and what a desktop would show is kept for a test to see and click (remote.ts). Only what the
 * shell uses is here, each class held to Electron's own types.
 */
export { MessageChannelMain, type MessagePortMain } from './ports.ts';
export { utilityProcess } from './processes.ts';

const windows: BrowserWindow[] = [];
const trays: Tray[] = [];
const notifications: Notification[] = [];
const dialogs: { options: Electron.MessageBoxOptions; answer: ((response: number) => void) | undefined }[] = [];

class Dock implements Pick<Electron.Dock, 'show' | 'hide' | 'isVisible'> {
  #visible = true;
  show(): Promise<void> {
    this.#visible = true;
    changed();
    return Promise.resolve();
  }
  hide(): void {
    this.#visible = false;
    changed();
  }
  isVisible(): boolean {
    return this.#visible;
  }
}

type AppPart = Pick<
  Electron.App,
  | 'whenReady'
  | 'isReady'
  | 'quit'
  | 'requestSingleInstanceLock'
  | 'getPath'
  | 'setPath'
  | 'getAppPath'
  | 'getVersion'
  | 'isPackaged'
  | 'setAppUserModelId'
  | 'setLoginItemSettings'
  | 'getLoginItemSettings'
  | 'setAsDefaultProtocolClient'
>;

class App extends emitterOf<Electron.App>() implements AppPart {
  readonly isPackaged = process.env['FAKE_ELECTRON_PACKAGED'] === '1';
  readonly commandLine: Pick<Electron.CommandLine, 'appendSwitch'> = { appendSwitch: (_name, _value) => {} };
  readonly dock = (process.platform === 'darwin' ? new Dock() : undefined) as (Dock & Electron.Dock) | undefined;
  readonly #paths = new Map<string, string>();
  #lock: string | undefined;
  openAtLogin = false;

  whenReady(): Promise<void> {
    return Promise.resolve();
  }
  isReady(): boolean {
    return true;
  }
  setPath(name: string, place: string): void {
    this.#paths.set(name, place);
  }
  getPath(name: Parameters<Electron.App['getPath']>[0]): string {
    const found = this.#paths.get(name);
    if (found === undefined) throw new Error(`the fake knows no path "${name}"`);
    return found;
  }
  getAppPath(): string {
    return path.resolve(import.meta.dirname, '../../..');
  }
  getVersion(): string {
    return manifest.version;
  }
  setAppUserModelId(_id: string): void {}
  setAsDefaultProtocolClient(_scheme: string): boolean {
    return true;
  }
  setLoginItemSettings(settings: Electron.Settings): void {
    if (process.platform === 'linux') throw new Error('Electron has no login items on Linux');
    this.openAtLogin = settings.openAtLogin ?? false;
    changed();
  }
  getLoginItemSettings(_options?: Electron.LoginItemSettingsOptions): Electron.LoginItemSettings {
    return {
      openAtLogin: this.openAtLogin,
      wasOpenedAtLogin: false,
      status: this.openAtLogin ? 'enabled' : 'not-registered',
      executableWillLaunchAtLogin: this.openAtLogin,
      launchItems: [],
    };
  }
  /** One app per user data folder: the first leaves its process id there, a later one rings it. */
  requestSingleInstanceLock(): boolean {
    const folder = this.getPath('userData');
    mkdirSync(folder, { recursive: true });
    const lock = path.join(folder, 'lock');
    const ring = path.join(folder, 'ring');
    const holder = existsSync(lock) ? Number(readFileSync(lock, 'utf8')) : 0;
    if (holder !== 0 && isAlive(holder)) {
      writeFileSync(ring, JSON.stringify(process.argv));
      process.kill(holder, 'SIGUSR2');
      return false;
    }
    writeFileSync(lock, String(process.pid));
    this.#lock = lock;
    process.on('SIGUSR2', () => this.emit('second-instance', {}, JSON.parse(readFileSync(ring, 'utf8')), process.cwd(), {}));
    return true;
  }
  quit(): void {
    const before = preventable({});
    this.emit('before-quit', before);
    if (before.defaultPrevented) return;
    for (const window of windows.slice()) {
      window.close();
      if (!window.isDestroyed()) return;
    }
    const will = preventable({});
    this.emit('will-quit', will);
    if (will.defaultPrevented) return;
    this.emit('quit', {}, 0);
    if (this.#lock !== undefined) rmSync(this.#lock, { force: true });
    void closeBrowser().finally(() => process.exit(0));
  }
}
export const app = new App();

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

class IpcMain extends emitterOf<Electron.IpcMain>() {}
export const ipcMain = new IpcMain();

class Contents
  extends emitterOf<Electron.WebContents>()
  implements Pick<Electron.WebContents, 'send' | 'postMessage' | 'getURL' | 'isDestroyed' | 'setWindowOpenHandler' | 'isDevToolsOpened'>
{
  readonly page: RealPage;
  #destroyed = false;
  #onOpen: Parameters<Electron.WebContents['setWindowOpenHandler']>[0] = () => ({ action: 'allow' });

  constructor(preload: string | undefined, size: { width: number; height: number }) {
    super();
    this.page = new RealPage(preload, size, {
      onSend: (frame, channel, args) => void ipcMain.emit(channel, { sender: this, senderFrame: frame, ports: [] }, ...args),
      onNavigate: (isMainFrame) => void this.emit('did-start-navigation', { isMainFrame, isSameDocument: false }),
      mayNavigate: (url, isMainFrame) =>
        allowed((event) => this.emit('will-frame-navigate', event), { url, isMainFrame }) &&
        (!isMainFrame || allowed((event) => this.emit('will-navigate', event), { url, isMainFrame })),
      onPopup: (url) => void this.#onOpen({ url } as Electron.HandlerDetails),
    });
    app.emit('web-contents-created', {}, this);
  }
  getURL(): string {
    return this.page.url();
  }
  isDestroyed(): boolean {
    return this.#destroyed;
  }
  isDevToolsOpened(): boolean {
    return false;
  }
  setWindowOpenHandler(handler: Parameters<Electron.WebContents['setWindowOpenHandler']>[0]): void {
    this.#onOpen = handler;
  }
  send(channel: string, ...args: unknown[]): void {
    this.page.send(channel, args, []);
  }
  postMessage(channel: string, message: unknown, transfer: MessagePortMain[] = []): void {
    this.page.send(channel, [message], transfer);
  }
  end(): void {
    this.#destroyed = true;
    void this.page.close();
    this.emit('destroyed');
  }
}

/** A page as the shell sees it: what it may use is what the fake has. */
export type WebContents = Pick<
  Electron.WebContents,
  'send' | 'getURL' | 'isDestroyed' | 'setWindowOpenHandler' | 'isDevToolsOpened' | 'on' | 'once'
> & { postMessage(channel: string, message: unknown, transfer?: MessagePortMain[]): void };

let lastWindow = 0;

type WindowPart = Pick<
  Electron.BrowserWindow,
  | 'loadURL'
  | 'show'
  | 'hide'
  | 'focus'
  | 'isVisible'
  | 'isMinimized'
  | 'restore'
  | 'isDestroyed'
  | 'close'
  | 'destroy'
  | 'getBounds'
  | 'getSize'
  | 'getPosition'
  | 'setPosition'
  | 'setAlwaysOnTop'
  | 'setVisibleOnAllWorkspaces'
>;

export class BrowserWindow extends emitterOf<Electron.BrowserWindow>() implements WindowPart {
  readonly id = ++lastWindow;
  readonly contents: Contents;
  readonly options: Electron.BrowserWindowConstructorOptions;
  #visible: boolean;
  #destroyed = false;
  #bounds: Electron.Rectangle;

  constructor(options: Electron.BrowserWindowConstructorOptions = {}) {
    super();
    const web = options.webPreferences ?? {};
    if (web.nodeIntegration === true || web.contextIsolation === false || web.sandbox === false)
      throw new Error('the fake runs pages in a sandbox and a world of their own only');
    this.options = options;
    this.#visible = options.show ?? true;
    this.#bounds = { x: options.x ?? 0, y: options.y ?? 0, width: options.width ?? 800, height: options.height ?? 600 };
    this.contents = new Contents(web.preload, this.#bounds);
    windows.push(this);
    changed();
  }
  get webContents(): WebContents {
    return this.contents;
  }
  async loadURL(url: string, _options?: Electron.LoadURLOptions): Promise<void> {
    await this.contents.page.load(url);
    this.emit('ready-to-show');
  }
  show(): void {
    this.#set(true, 'show');
  }
  hide(): void {
    this.#set(false, 'hide');
  }
  #set(visible: boolean, event: string): void {
    this.#visible = visible;
    this.emit(event);
    changed();
  }
  focus(): void {
    this.emit('focus');
  }
  isVisible(): boolean {
    return this.#visible && !this.#destroyed;
  }
  isMinimized(): boolean {
    return false;
  }
  restore(): void {}
  isDestroyed(): boolean {
    return this.#destroyed;
  }
  getBounds(): Electron.Rectangle {
    return { ...this.#bounds };
  }
  getSize(): [number, number] {
    return [this.#bounds.width, this.#bounds.height];
  }
  getPosition(): [number, number] {
    return [this.#bounds.x, this.#bounds.y];
  }
  setPosition(x: number, y: number): void {
    this.#bounds = { ...this.#bounds, x, y };
  }
  setAlwaysOnTop(_flag: boolean): void {}
  setVisibleOnAllWorkspaces(_visible: boolean): void {}
  close(): void {
    const event = preventable({});
    this.emit('close', event);
    if (!event.defaultPrevented) this.destroy();
  }
  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    windows.splice(windows.indexOf(this), 1);
    this.contents.end();
    this.emit('closed');
    changed();
  }
}

export class MenuItem {
  readonly id: string;
  readonly label: string;
  readonly type: string;
  readonly enabled: boolean;
  checked: boolean;
  readonly role: string | undefined;
  readonly submenu: Menu | undefined;
  readonly #click: Electron.MenuItemConstructorOptions['click'];
  constructor(options: Electron.MenuItemConstructorOptions) {
    this.id = options.id ?? '';
    this.label = options.label ?? '';
    this.type = options.type ?? (options.submenu === undefined ? 'normal' : 'submenu');
    this.enabled = options.enabled ?? true;
    this.checked = options.checked ?? false;
    this.role = options.role;
    this.submenu = Array.isArray(options.submenu) ? Menu.buildFromTemplate(options.submenu) : undefined;
    this.#click = options.click;
  }
  click(): void {
    if (!this.enabled) throw new Error(`the menu's item ${this.id} can't be clicked`);
    if (this.type === 'checkbox') this.checked = !this.checked;
    this.#click?.(this as unknown as Electron.MenuItem, undefined, {});
  }
}

/** Kept apart: to the shell a menu is a thing to hand on. */
const itemsOf = new WeakMap<Menu, MenuItem[]>();

// oxlint-disable-next-line typescript/no-extraneous-class -- what Electron has as a class is one here
export class Menu {
  static buildFromTemplate(template: readonly Electron.MenuItemConstructorOptions[]): Menu {
    const menu = new Menu();
    itemsOf.set(
      menu,
      template.map((item) => new MenuItem(item)),
    );
    return menu;
  }
  static setApplicationMenu(_menu: Menu | null): void {}
}

const itemsIn = (menu: Menu | undefined): MenuItem[] => (menu === undefined ? [] : (itemsOf.get(menu) ?? []));

const find = (menu: Menu | undefined, id: string): MenuItem | undefined => {
  for (const item of itemsIn(menu)) {
    const found = item.id === id ? item : find(item.submenu, id);
    if (found !== undefined) return found;
  }
  return undefined;
};

const viewOf = (menu: Menu | undefined): MenuView[] =>
  itemsIn(menu).map(({ id, label, type, enabled, checked, submenu }) => ({
    id,
    label: readable(label),
    type,
    enabled,
    checked,
    items: viewOf(submenu),
  }));

/** A label as it is read: one & is a mnemonic and not shown, two are one. */
const readable = (label: string): string => label.replaceAll(/&(&?)/g, '$1');

class NativeImage implements Pick<Electron.NativeImage, 'isEmpty'> {
  readonly file: string;
  constructor(file: string) {
    this.file = file;
  }
  isEmpty(): boolean {
    return !existsSync(this.file);
  }
}
export type { NativeImage };
export const nativeImage = { createFromPath: (file: string): NativeImage => new NativeImage(file) };

class NativeTheme
  extends emitterOf<Electron.NativeTheme>()
  implements Pick<Electron.NativeTheme, 'shouldUseDarkColorsForSystemIntegratedUI'>
{
  readonly shouldUseDarkColorsForSystemIntegratedUI = process.env['FAKE_ELECTRON_DARK'] === '1';
}
export const nativeTheme = new NativeTheme();

type TrayPart = Pick<
  Electron.Tray,
  'setImage' | 'setToolTip' | 'setContextMenu' | 'popUpContextMenu' | 'setIgnoreDoubleClickEvents' | 'getBounds' | 'isDestroyed' | 'destroy'
>;

export class Tray extends emitterOf<Electron.Tray>() implements TrayPart {
  image: NativeImage;
  toolTip = '';
  attached: Menu | undefined;
  popped: Menu | undefined;
  #destroyed = false;
  constructor(image: NativeImage | string, _guid?: string) {
    super();
    this.image = this.#loaded(image);
    trays.push(this);
    changed();
  }
  #loaded(image: Pick<Electron.NativeImage, 'isEmpty'> | string): NativeImage {
    const loaded = typeof image === 'string' ? new NativeImage(image) : image;
    if (!(loaded instanceof NativeImage) || loaded.isEmpty()) throw new Error('Failed to load the image of a tray icon');
    return loaded;
  }
  setImage(image: Pick<Electron.NativeImage, 'isEmpty'> | string): void {
    this.image = this.#loaded(image);
    changed();
  }
  setToolTip(toolTip: string): void {
    this.toolTip = toolTip;
    changed();
  }
  setContextMenu(menu: Menu | null): void {
    this.attached = menu ?? undefined;
    changed();
  }
  popUpContextMenu(menu?: Menu): void {
    this.popped = menu;
    changed();
  }
  setIgnoreDoubleClickEvents(_ignore: boolean): void {}
  getBounds(): Electron.Rectangle {
    return { x: 1200, y: 0, width: 22, height: 22 };
  }
  isDestroyed(): boolean {
    return this.#destroyed;
  }
  destroy(): void {
    this.#destroyed = true;
    trays.splice(trays.indexOf(this), 1);
  }
  /** The menu as a person gets to it: attached, or by a right click. */
  menu(): Menu | undefined {
    if (this.attached !== undefined) return this.attached;
    this.emit('right-click', {}, this.getBounds());
    return this.popped;
  }
}

export class Notification extends emitterOf<Electron.Notification>() implements Pick<Electron.Notification, 'show' | 'title' | 'body'> {
  readonly title: string;
  readonly body: string;
  static isSupported(): boolean {
    return process.env['FAKE_ELECTRON_NOTIFICATIONS'] !== '0';
  }
  constructor(options: Electron.NotificationConstructorOptions = {}) {
    super();
    this.title = options.title ?? '';
    this.body = options.body ?? '';
  }
  show(): void {
    notifications.push(this);
    changed();
  }
}

type Decide = NonNullable<Parameters<Electron.Session['setPermissionRequestHandler']>[0]>;
let decide: Decide | undefined;
export const session = {
  defaultSession: {
    setPermissionRequestHandler(handler) {
      decide = handler ?? undefined;
    },
    setPermissionCheckHandler(_handler) {},
  } satisfies Pick<Electron.Session, 'setPermissionRequestHandler' | 'setPermissionCheckHandler'>,
};

export const protocol = {
  registerSchemesAsPrivileged(_schemes) {},
  handle: (scheme, handler) => void schemes.set(scheme, handler),
} satisfies Pick<Electron.Protocol, 'registerSchemesAsPrivileged' | 'handle'>;

export const shell = {
  async openExternal(url) {
    seen.opened.push(url);
    changed();
  },
} satisfies Pick<Electron.Shell, 'openExternal'>;

export const dialog = {
  showMessageBox: (options: Electron.MessageBoxOptions): Promise<Electron.MessageBoxReturnValue> =>
    new Promise((resolve) => {
      const shown = {
        options,
        answer: (response: number) => {
          resolve({ response, checkboxChecked: false });
        },
      };
      dialogs.push(shown);
      changed();
    }),
};

class PowerMonitor extends emitterOf<Electron.PowerMonitor>() {}
export const powerMonitor = new PowerMonitor();

const SCREEN = { x: 0, y: 0, width: 1440, height: 900 };
const display = { bounds: SCREEN, workArea: { ...SCREEN, y: 24, height: 876 } } as Electron.Display;
export const screen = {
  getDisplayMatching: () => display,
  getDisplayNearestPoint: () => display,
  getCursorScreenPoint: () => ({ x: 0, y: 0 }),
} satisfies Pick<Electron.Screen, 'getDisplayMatching' | 'getDisplayNearestPoint' | 'getCursorScreenPoint'>;

class AutoUpdater extends emitterOf<Electron.AutoUpdater>() {}
export const autoUpdater = new AutoUpdater();
export const globalShortcut = { register: () => true, unregister: () => {} } satisfies Pick<
  Electron.GlobalShortcut,
  'register' | 'unregister'
>;

/** Types that have no value in the fake. */
export type MenuItemConstructorOptions = Electron.MenuItemConstructorOptions;
export type WebFrameMain = Electron.WebFrameMain;
export type WebPreferences = Electron.WebPreferences;
export type BrowserWindowConstructorOptions = Electron.BrowserWindowConstructorOptions;
export type LoadURLOptions = Electron.LoadURLOptions;
export type Rectangle = Electron.Rectangle;

function view(): AppView {
  const [tray] = trays;
  return {
    tray:
      tray === undefined
        ? null
        : {
            image: path.basename(tray.image.file),
            toolTip: tray.toolTip,
            menu: viewOf(tray.menu()),
            attached: tray.attached !== undefined,
          },
    windows: windows.map((window) => ({
      id: window.id,
      visible: window.isVisible(),
      url: window.contents.getURL(),
      target: window.contents.page.target,
      frame: window.options.frame ?? true,
      bounds: window.getBounds(),
    })),
    notifications: notifications.map(({ title, body }) => ({ title, body })),
    dialogs: dialogs.map(({ options, answer }) => ({
      message: options.message,
      detail: options.detail ?? '',
      buttons: options.buttons ?? [],
      open: answer !== undefined,
    })),
    ...seen,
    loginItem: app.openAtLogin,
    dockVisible: app.dock?.isVisible() ?? false,
    engine: started.at(-1)?.pid ?? null,
    engines: started.length,
  };
}

const windowOf = (id: number): BrowserWindow => {
  const found = windows.find((window) => window.id === id);
  if (found === undefined) throw new Error(`there is no window ${id}`);
  return found;
};

async function perform(deed: Deed): Promise<unknown> {
  switch (deed.do) {
    case 'menu': {
      const item = find(trays[0]?.menu(), deed.id);
      if (item === undefined) throw new Error(`the menu has no item ${deed.id}`);
      return item.click();
    }
    case 'tray-click':
      return trays[0]?.emit('click', {}, trays[0].getBounds());
    case 'close':
      return windowOf(deed.window).close();
    case 'blur':
      return windowOf(deed.window).emit('blur');
    case 'crash':
      return windowOf(deed.window).contents.emit('render-process-gone', {}, { reason: 'crashed', exitCode: 11 });
    case 'notification':
      return notifications[deed.index]?.emit(deed.event, {}, 'not signed');
    case 'answer': {
      const shown = dialogs[deed.index];
      shown?.answer?.(deed.response);
      if (shown !== undefined) shown.answer = undefined;
      return changed();
    }
    case 'power':
      return powerMonitor.emit(deed.event);
    case 'activate':
      return app.emit('activate', {}, false);
    case 'open-url':
      return app.emit('open-url', preventable({}), deed.url);
    case 'replace':
      return windowOf(deed.window).contents.page.load(deed.url, deed.html);
    case 'forge': {
      const sent: unknown[] = [];
      const sender = { postMessage: (...args: unknown[]) => void sent.push(args[0]), once: () => {}, on: () => {} };
      const frame: Sender | null =
        deed.frame === null
          ? null
          : {
              origin: deed.frame.origin,
              url: deed.frame.url,
              parent: deed.frame.top ? null : { origin: 'app://drawbridge', url: 'app://drawbridge/', parent: null },
            };
      ipcMain.emit(deed.channel, { sender, senderFrame: frame, ports: [] }, ...(deed.args ?? []));
      return sent;
    }
    case 'permission':
      return new Promise((resolve) => {
        if (decide === undefined) return resolve(true);
        decide({} as Electron.WebContents, deed.name as Parameters<Decide>[1], resolve, {
          isMainFrame: true,
          requestingUrl: deed.url,
        });
      });
    case 'quit':
      return app.quit();
  }
}

process.on('message', (question: Question) => {
  const answer = async (): Promise<unknown> => (question.ask === 'view' ? view() : ((await perform(question.deed)) ?? null));
  answer().then(
    (value) => tell({ id: question.id, value }),
    (error: unknown) => tell({ id: question.id, value: null, error: String(error) }),
  );
});
// Electron quits in order where it is told to by a signal; and nothing outlives the test that started it.
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => app.quit());
process.on('disconnect', () => process.exit(1));
