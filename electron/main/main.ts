import path from 'node:path';
import { app, Menu, type MessagePortMain } from 'electron';
import type { EngineClient } from '../../bridges/contract/index.ts';
import { resolvePaths, thisMachine } from '../../bridges/engine/paths.ts';
import { askEngine, lookAgain, tellWoken } from './actions.ts';
import { LINK_SCHEME, pageOfLink } from './addresses.ts';
import { connectEngine } from './engine-client.ts';
import { forkEngine, V8_FLAGS } from './engine-process.ts';
import { guardPages } from './guard.ts';
import { HIDDEN, keepsLoginItem, loginItem, startedHidden } from './login-item.ts';
import { newsOf, type Told } from '../../bridges/contract/news.ts';
import { notify } from './notify.ts';
import { registerPageScheme, servePages } from './page-protocol.ts';
import { openPopover, type Popover } from './popover.ts';
import { onPower } from './power.ts';
import { askAboutEngine, tellProblem } from './problem.ts';
import { watchEngine, type Facts, type Snapshot } from './snapshot.ts';
import { superviseEngine, type EngineState } from './supervisor.ts';
import { openTray, type TrayIcon } from './tray.ts';
import { iconFile } from './tray-icon.ts';
import { trayView, type TrayAction } from './tray-menu.ts';
import { mainWindow, onAskedFor, onPageAskedFor, serveWindows } from './windows.ts';

/** The desktop app: puts the shell's parts together. All it knows of Drawbridge it is told by the engine. */

const { platform } = process;
const built = path.join(import.meta.dirname, '..');
const resources = path.join(built, '..', 'resources');
const icons = path.join(resources, 'tray');
const preload = path.join(import.meta.dirname, 'preload.cjs');
const APP_ID = 'drawbridge.desktop';

// What this process writes is its owner's alone.
process.umask(0o077);
app.setPath('userData', path.join(resolvePaths(thisMachine()).home, 'desktop'));
app.setAppUserModelId(APP_ID);
app.commandLine.appendSwitch('js-flags', V8_FLAGS.join(' '));
registerPageScheme();

if (app.requestSingleInstanceLock()) void run();
else app.quit();

async function run(): Promise<void> {
  // Heard from the very first, so that no link is lost while the app is not ready yet.
  let asked = startedHidden(platform, process.argv) ? undefined : (process.argv.map(pageOfLink).find((page) => page !== null) ?? '/');
  let show = (page: string | undefined): void => {
    asked = page ?? '/';
  };
  onAskedFor((argv) => show(argv.map(pageOfLink).find((page) => page !== null) ?? undefined));

  await app.whenReady();
  app.setAsDefaultProtocolClient(LINK_SCHEME);
  // Without an Edit menu macOS gives a window no copy and paste.
  Menu.setApplicationMenu(
    platform === 'darwin' ? Menu.buildFromTemplate([{ role: 'appMenu' }, { role: 'editMenu' }, { role: 'windowMenu' }]) : null,
  );
  guardPages();
  servePages(path.join(built, 'renderer'));
  app.dock?.hide();

  let snapshot: Snapshot = { engine: { phase: 'stopped' }, facts: null, untold: [] };
  let tray: TrayIcon | undefined;
  let popover: Popover | undefined;
  let told: Told = new Map();
  let engine: { client: EngineClient; close(): void } | undefined;

  const update = (part: Partial<Snapshot>): void => {
    snapshot = { ...snapshot, ...part };
    tray?.show(trayView(snapshot, Date.now()));
  };

  const window = mainWindow({
    preload,
    icon: platform === 'linux' ? path.join(resources, 'icons', 'drawbridge-256.png') : undefined,
    onShown(visible) {
      // A window without a dock icon can't be found again once another covers it.
      if (visible) void app.dock?.show();
      else app.dock?.hide();
      if (visible && snapshot.untold.length > 0) update({ untold: [] });
    },
  });
  const windows = serveWindows(
    (port) => supervisor.connect(port),
    (contents) => window.asked(contents),
  );
  const after = (ms: number, then: () => void): (() => void) => {
    const timer = setTimeout(then, ms);
    return () => clearTimeout(timer);
  };

  const tellNews = ({ status, notifications }: Facts): void => {
    const found = newsOf(told, status.notices, notifications);
    told = found.told;
    for (const notice of found.news) {
      notify(
        notice,
        () => window.show('/'),
        () => update({ untold: [...snapshot.untold.filter(({ id }) => id !== notice.id), notice] }),
      );
    }
  };

  let watch: { refresh(): void; stop(): void } | undefined;
  const onEngine = (state: EngineState): void => {
    if (snapshot.engine.phase === 'running') {
      watch?.stop();
      engine?.close();
      engine = undefined;
      windows.down();
    }
    update({ engine: state, facts: null });
    if (state.phase === 'running') {
      engine = connectEngine((port) => supervisor.connect(port));
      windows.up();
      watch = watchEngine(
        engine.client,
        after,
        (facts) => {
          update({ facts });
          tellNews(facts);
        },
        (error) => console.error('drawbridge: the menu could not read the engine:', error),
      );
    }
    if (state.phase === 'failed') void askAboutEngine(state.message).then((wish) => (wish === 'retry' ? supervisor.retry() : app.quit()));
  };

  const supervisor = superviseEngine<MessagePortMain>({
    fork: () => forkEngine(path.join(built, 'child.mjs')),
    start: { type: 'start', version: app.getVersion(), launch: launchCommand(), shellKeepsLoginItem: keepsLoginItem(platform) },
    after,
    now: () => performance.now(),
    loginItem: (enabled) => loginItem(platform, enabled),
    onState: onEngine,
    onStopRequested: () => app.quit(),
  });

  const act = (action: TrayAction): void => {
    if (action.kind === 'show') return show(action.page);
    if (action.kind === 'quit') return app.quit();
    if (action.kind === 'retry-engine') return supervisor.retry();
    if (engine === undefined) return;
    askEngine(engine.client, action)
      .catch((error: unknown) => tellProblem(error instanceof Error ? error.message : String(error)))
      .finally(() => watch?.refresh());
  };

  tray = openTray({
    icons,
    platform,
    view: trayView(snapshot, Date.now()),
    onAction: act,
    onMenu: (menu) => popover?.setMenu(menu),
  });
  if (platform !== 'linux')
    popover = openPopover({ tray: tray.tray, preload, tooltip: 'Drawbridge', icon: iconFile(icons, platform, false, 'ready') });
  update({});

  show = (page) => {
    popover?.hide();
    window.show(page);
  };
  onPageAskedFor(show);
  onPower({
    woke: () => void (engine && tellWoken(engine.client).catch(quietly)),
    unlocked: () => void (engine && lookAgain(engine.client).catch(quietly)),
  });

  let over = false;
  const quit = async (): Promise<void> => {
    await supervisor.stop();
    popover?.close();
    over = true;
    app.quit();
  };
  app.on('window-all-closed', () => {});
  app.on('before-quit', (event) => {
    window.letGo();
    if (over) return;
    // The engine ends in order first; asked again meanwhile, it is still the same quitting.
    event.preventDefault();
    void quit();
  });

  supervisor.start();
  if (asked !== undefined) window.show(asked);
}

/** How this app is started again at login. An AppImage is started by its own file, not by what it is mounted as. */
function launchCommand(): string[] {
  const program = process.env['APPIMAGE'] ?? process.execPath;
  // Not packaged, the program is Electron itself and has to be told what to run.
  return app.isPackaged ? [program, HIDDEN] : [program, app.getAppPath(), HIDDEN];
}

/** The engine may just be on its way out; it says itself what is wrong. */
function quietly(): void {}
