import { app, BrowserWindow, ipcMain, MessageChannelMain, type MessagePortMain, type WebContents, type WebPreferences } from 'electron';
import { CHANNEL, WINDOW_ORIGIN } from '../../bridges/contract/port.ts';
import { pageOf } from './addresses.ts';
import { isTrusted } from './guard.ts';
import { HIDDEN } from './login-item.ts';

/** How every page of ours runs: in a sandbox, in a world of its own, without Node. */
export function webPreferences(preload: string): WebPreferences {
  return { preload, sandbox: true, contextIsolation: true, nodeIntegration: false, webviewTag: false, spellcheck: false };
}

export type MainWindow = {
  /** Shows the window, on this page where one is given. */
  show(page?: string): void;
  /** A page asked for the engine: if it is the window's own, it can be shown other pages from now on. */
  asked(contents: WebContents): void;
  /** From now on closing the window really closes it. */
  letGo(): void;
};

/** The window. It is made when it is first wanted; closing hides it. */
export function mainWindow(options: { preload: string; icon: string | undefined; onShown(visible: boolean): void }): MainWindow {
  let window: BrowserWindow | undefined;
  let closing = false;
  // A page that is still loading would not hear where to go.
  let listening = false;
  let next: string | undefined;

  const open = (page: string): BrowserWindow => {
    const made = new BrowserWindow({
      width: 1180,
      height: 780,
      minWidth: 480,
      minHeight: 400,
      show: false,
      title: 'Drawbridge',
      autoHideMenuBar: true,
      ...(options.icon === undefined ? {} : { icon: options.icon }),
      webPreferences: webPreferences(options.preload),
    });
    made.on('close', (event) => {
      if (closing) return;
      event.preventDefault();
      made.hide();
      options.onShown(false);
    });
    made.on('closed', () => {
      window = undefined;
      listening = false;
    });
    made.webContents.on('render-process-gone', () => {
      // What is left of such a window shows nothing; the next one starts anew.
      made.destroy();
      options.onShown(false);
    });
    // It fails where the window is closed meanwhile; what else could go wrong shows in the window.
    made.loadURL(`${WINDOW_ORIGIN}${page}`).catch(() => {});
    return made;
  };

  return {
    show(page) {
      if (window === undefined) window = open(page ?? '/');
      else if (page !== undefined && listening) window.webContents.send(CHANNEL.show, page);
      else next = page ?? next;
      if (window.isMinimized()) window.restore();
      window.show();
      window.focus();
      options.onShown(true);
    },
    asked(contents) {
      if (contents !== window?.webContents) return;
      listening = true;
      if (next !== undefined) window.webContents.send(CHANNEL.show, next);
      next = undefined;
    },
    letGo() {
      closing = true;
    },
  };
}

/** Gives windows that ask for it a way to the engine. */
export function serveWindows(
  connect: (port: MessagePortMain) => boolean,
  onAsked: (contents: WebContents) => void,
): {
  /** An engine runs: every window that asked gets a port to it. */
  up(): void;
  /** It went away: the windows are told. */
  down(): void;
} {
  const asked = new Set<WebContents>();
  const watched = new WeakSet<WebContents>();

  const give = (contents: WebContents): void => {
    const { port1, port2 } = new MessageChannelMain();
    if (connect(port1)) contents.postMessage(CHANNEL.port, null, [port2]);
  };

  ipcMain.on(CHANNEL.connect, (event) => {
    if (!isTrusted(event.senderFrame)) return;
    const { sender } = event;
    asked.add(sender);
    if (!watched.has(sender)) {
      watched.add(sender);
      sender.once('destroyed', () => asked.delete(sender));
      // Another page in its place has to ask for itself.
      sender.on('did-start-navigation', ({ isMainFrame, isSameDocument }) => {
        if (isMainFrame && !isSameDocument) asked.delete(sender);
      });
    }
    give(sender);
    onAsked(sender);
  });

  return {
    up: () => {
      for (const contents of asked) give(contents);
    },
    down: () => {
      for (const contents of asked) contents.postMessage(CHANNEL.port, null, []);
    },
  };
}

/** Calls back when a page of ours, the popover, asks for a page in the window. */
export function onPageAskedFor(show: (page: string) => void): void {
  ipcMain.on(CHANNEL.open, (event, path: unknown) => {
    const page = isTrusted(event.senderFrame) ? pageOf(path) : null;
    if (page !== null) show(page);
  });
}

/** Calls back when the app is asked for: by its dock icon, by starting it again, by a link. */
export function onAskedFor(show: (argv: readonly string[]) => void): void {
  app.on('activate', () => show([]));
  app.on('second-instance', (_event, argv) => {
    // Started at login while it runs already: nobody asked for a window.
    if (!argv.includes(HIDDEN)) show(argv);
  });
  app.on('open-url', (event, url) => {
    event.preventDefault();
    show([url]);
  });
}
