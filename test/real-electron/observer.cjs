// Loaded into the real Electron before the app (`electron -r`): keeps what a desktop would show for the test to see and
// click, in the words of test/fakes/electron/remote.ts. It watches and passes on; nothing of the app is replaced but the
// dialogs, which a test could not answer.
const { app, BrowserWindow, dialog, ipcMain, Notification, powerMonitor, protocol, shell, Tray, utilityProcess } = require('electron');

let changes = 0;
let wake = Promise.withResolvers();
const changed = () => {
  changes += 1;
  wake.resolve();
  wake = Promise.withResolvers();
};

/** Runs `note` after a method of Electron's own. */
function after(object, method, note) {
  const own = object[method];
  object[method] = function (...args) {
    const result = own.apply(this, args);
    note.call(this, args, result);
    changed();
    return result;
  };
}

const seen = { opened: [], blocked: [], prevented: [], preloadErrors: [] };
const tray = { own: null, image: '', toolTip: '', attached: null, popped: null };
const notifications = [];
const dialogs = [];
const engines = [];
let decide = null;

for (const [method, key] of [
  ['setToolTip', 'toolTip'],
  ['setContextMenu', 'attached'],
  ['popUpContextMenu', 'popped'],
])
  after(Tray.prototype, method, function ([value]) {
    tray.own = this;
    tray[key] = value;
  });
after(Notification.prototype, 'show', function () {
  notifications.push(this);
});
after(utilityProcess, 'fork', (_args, child) => {
  engines.push(child);
  child.once('spawn', changed);
  child.once('exit', changed);
});
shell.openExternal = async (url) => {
  seen.opened.push(url);
  changed();
};
dialog.showMessageBox = (...args) =>
  new Promise((resolve) => {
    const shown = { options: args.at(-1), answer: (response) => resolve({ response, checkboxChecked: false }) };
    dialogs.push(shown);
    changed();
  });

app.on('session-created', (session) => {
  after(session, 'setPermissionRequestHandler', ([handler]) => {
    decide = handler;
  });
});
app.on('browser-window-created', (_event, window) => {
  for (const event of ['show', 'hide', 'closed', 'ready-to-show']) window.on(event, changed);
});
app.on('web-contents-created', (_event, contents) => {
  contents.on('did-navigate', changed);
  contents.on('preload-error', (_event, file, error) => {
    seen.preloadErrors.push(`${file}: ${error}`);
    changed();
  });
  for (const event of ['will-navigate', 'will-frame-navigate'])
    contents.on(event, (details) => {
      // The app's own listener comes after this one.
      setImmediate(() => {
        if (!details.defaultPrevented || seen.prevented.includes(details.url)) return;
        seen.prevented.push(details.url);
        changed();
      });
    });
});

const menu = () => {
  if (tray.attached !== null) return tray.attached;
  tray.own?.emit('right-click', {}, tray.own.getBounds());
  return tray.popped;
};
const viewOf = (of) =>
  (of?.items ?? []).map(({ id, label, type, enabled, checked, submenu }) => ({
    id: id ?? '',
    label,
    type,
    enabled,
    checked,
    items: viewOf(submenu),
  }));
const find = (of, id) => {
  for (const item of of?.items ?? []) {
    const found = item.id === id ? item : find(item.submenu, id);
    if (found) return found;
  }
};

const view = () => ({
  tray: tray.own === null ? null : { image: '', toolTip: tray.toolTip, menu: viewOf(menu()), attached: tray.attached !== null },
  windows: BrowserWindow.getAllWindows().map((window) => ({
    id: window.id,
    visible: window.isVisible(),
    url: window.webContents.getURL(),
    target: '',
    // The popover is the one that stays out of the taskbar; Electron does not tell a window's frame.
    frame: window.isResizable(),
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
  loginItem: process.platform === 'linux' ? false : app.getLoginItemSettings().openAtLogin,
  dockVisible: app.dock?.isVisible() ?? false,
  engine: engines.at(-1)?.pid ?? null,
  engines: engines.length,
});

async function perform(deed) {
  const window = () => BrowserWindow.fromId(deed.window);
  switch (deed.do) {
    case 'menu': {
      const item = find(menu(), deed.id);
      if (!item?.enabled) throw new Error(`the menu has no item ${deed.id} that can be clicked`);
      return void item.click();
    }
    case 'tray-click':
      return void tray.own.emit('click', {}, tray.own.getBounds());
    case 'close':
      return window().close();
    case 'blur':
      return void window().emit('blur');
    case 'crash':
      return window().webContents.forcefullyCrashRenderer();
    case 'notification':
      return void notifications[deed.index].emit(deed.event, {}, 'not signed');
    case 'answer':
      dialogs[deed.index].answer?.(deed.response);
      dialogs[deed.index].answer = undefined;
      return changed();
    case 'power':
      return void powerMonitor.emit(deed.event);
    case 'activate':
      return void app.emit('activate', {}, false);
    case 'open-url':
      return void app.emit('open-url', { preventDefault() {} }, deed.url);
    case 'replace': {
      const { origin } = new URL(deed.url);
      if (!protocol.isProtocolHandled('https'))
        protocol.handle('https', (request) =>
          request.url.startsWith(origin)
            ? new Response(deed.html, { headers: { 'content-type': 'text/html' } })
            : new Response('', { status: 404 }),
        );
      return window().loadURL(deed.url);
    }
    case 'forge': {
      const sent = [];
      const sender = { postMessage: (...args) => sent.push(args[0]), once() {}, on() {} };
      const above = { origin: 'app://drawbridge', url: 'app://drawbridge/', parent: null };
      const frame = deed.frame && { origin: deed.frame.origin, url: deed.frame.url, parent: deed.frame.top ? null : above };
      ipcMain.emit(deed.channel, { sender, senderFrame: frame, ports: [] }, ...(deed.args ?? []));
      return sent;
    }
    case 'permission':
      return new Promise((resolve) =>
        decide === null ? resolve(true) : decide({}, deed.name, resolve, { isMainFrame: true, requestingUrl: deed.url }),
      );
    case 'quit':
      // The answer leaves first.
      return void setImmediate(() => app.quit());
    default:
      throw new Error(`nobody does ${deed.do} here`);
  }
}

globalThis.drawbridgeSeen = {
  look: () => ({ changes, view: view() }),
  perform: async (deed) => (await perform(deed)) ?? null,
  /** Resolves once more has changed than the caller had seen. */
  async since(before) {
    if (changes === before) await wake.promise;
  },
};
