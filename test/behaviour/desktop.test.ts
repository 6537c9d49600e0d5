import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { startSocketListener, type SocketListener } from '../../bridges/http/socket.ts';
import { hasSsh } from '../support/programs.ts';
import { BUILT_MAIN, startFakeShell } from './fake-shell.ts';
import type { Shell, StartOptions } from './shell.ts';
import { desktopOf, hasItem, item } from './suite.ts';

/** What is a desktop's alone, on the fake Electron: other systems, notifications, an engine that can't be started. */
let shell: Shell;
const start = async (options: StartOptions = {}): Promise<Shell> => (shell = await startFakeShell(options));
afterEach(() => shell.clear());

describe('the built shell', () => {
  test('has a preload without a library in it, and a main process that takes nothing but Electron and Node', async () => {
    await start({ hidden: true });
    const main = readFileSync(BUILT_MAIN, 'utf8');
    const preload = readFileSync(path.join(path.dirname(BUILT_MAIN), 'preload.cjs'), 'utf8');
    expect(preload.length).toBeLessThan(1_000);
    expect(
      [...main.matchAll(/\bfrom\s*"([^"]+)"/g)].map(([, name]) => name).filter((name) => !/^(?:electron$|node:)/.test(name ?? '')),
    ).toEqual([]);
  });

  test('started at login it has no window and an engine; the first click makes the window', async () => {
    await start({ hidden: true });
    const desktop = desktopOf(shell);
    expect((await desktop.view()).windows).toEqual([]);
    await desktop.act({ do: 'menu', id: 'open' });
    await (await shell.page()).getByText('Live', { exact: true }).waitFor();
  });

  test('started by a link it opens that page', async () => {
    await start({ args: ['drawbridge://clients'] });
    await (await shell.page()).waitForURL('**/clients');
  });

  test('started twice, the second start ends at once and leaves the first alone', async () => {
    await start({ hidden: true });
    const desktop = desktopOf(shell);
    expect(await desktop.startAgain([])).toBe(0);
    const view = await desktop.until(({ windows }) => windows.some(({ visible }) => visible));
    expect(view.engines).toBe(1);
  });

  test('on a signal it quits in order', async () => {
    await start({ hidden: true });
    const [app = 0] = await shell.processes();
    process.kill(app, 'SIGTERM');
    expect(await shell.quit()).toBe(0);
    expect(existsSync(path.join(shell.home, 'running.json'))).toBe(false);
  });

  test('a window whose page asks twice is served twice', async () => {
    await start();
    const page = await shell.page();
    await page.getByText('Live', { exact: true }).waitFor();
    await page.reload();
    await page.getByText('Live', { exact: true }).waitFor();
    expect(shell.complaints).toEqual([]);
  });

  test('waking reaches the engine', async () => {
    await start({ hidden: true });
    await desktopOf(shell).act({ do: 'power', event: 'resume' });
    await desktopOf(shell).act({ do: 'power', event: 'unlock-screen' });
    expect((await (await shell.engine()).status.get()).host).toBe('desktop');
  });
});

describe.runIf(hasSsh)('news of a tunnel that needs its owner', () => {
  /** A gateway whose host key nobody has looked at: the tunnel waits for a person. */
  const getBlocked = async (): Promise<void> => {
    const engine = await shell.engine();
    const port = 22;
    await engine.tunnels.add({
      definition: { name: 'lab', host: 'localhost', port, user: 'nobody', farPorts: [20_001, 20_002], connector: { kind: 'none' } },
    });
    await engine.tunnels.start({ name: 'lab' });
  };

  test('is shown by the system, and leads to the window', async () => {
    await start({ hidden: true });
    const desktop = desktopOf(shell);
    await getBlocked();
    const { notifications } = await desktop.until((view) => view.notifications.length > 0);
    expect(notifications).toMatchObject([{ title: 'The tunnel lab needs you' }]);
    await desktop.act({ do: 'notification', index: 0, event: 'click' });
    await desktop.until(({ windows }) => windows.some(({ visible }) => visible));
  });

  test.for(['no notifications', 'an app that is not signed'])('stands in the menu where there are none to be had: %s', async (why) => {
    const none = why === 'no notifications';
    await start({ hidden: true, env: none ? { FAKE_ELECTRON_NOTIFICATIONS: '0' } : {} });
    const desktop = desktopOf(shell);
    await getBlocked();
    if (!none) {
      await desktop.until((view) => view.notifications.length > 0);
      await desktop.act({ do: 'notification', index: 0, event: 'failed' });
    }
    const view = await desktop.until(hasItem('notice:tunnel-lab'));
    expect(view.tray?.image).toBe('attention.png');
  });
});

test('where another holds the state folder, a window of the system’s says so, and trying again works once it is free', async () => {
  const held: SocketListener[] = [];
  await start({
    hidden: true,
    until: 'can’t be started',
    async prepare({ control }) {
      mkdirSync(path.dirname(control), { recursive: true, mode: 0o700 });
      held.push(await startSocketListener(control, (_req, res) => void res.end()));
    },
  });
  const desktop = desktopOf(shell);
  const problem = { message: 'Drawbridge can’t start its engine', buttons: ['Try again', 'Quit'] };
  const first = await desktop.until(({ dialogs }) => dialogs.length === 1);
  expect(first.dialogs).toMatchObject([{ ...problem, detail: expect.stringContaining('drawbridge stop') }]);
  await desktop.act({ do: 'answer', index: 0, response: 0 });
  await desktop.until(({ dialogs }) => dialogs.length === 2);
  for (const one of held) await one.stop();
  await desktop.act({ do: 'answer', index: 1, response: 0 });
  await desktop.until(hasItem('capture'));
});

describe.each([
  ['darwin', 'readyTemplate.png'],
  ['win32', 'ready-light.ico'],
] as const)('as on %s', (platform, image) => {
  test('the icon, the menu by a right click, a popover by a left one', async () => {
    await start({ hidden: true, platform });
    const desktop = desktopOf(shell);
    const view = await desktop.until(hasItem('capture'));
    expect(view.tray).toMatchObject({ image, attached: false });
    await desktop.act({ do: 'tray-click' });
    const { windows } = await desktop.until(({ windows: all }) => all.some((window) => !window.frame && window.visible));
    expect(windows).toHaveLength(1);
    expect(windows[0]?.bounds).toMatchObject({ width: 420, height: 640 });
    // On Windows the focus comes and goes while a popover opens, so there a blur soon after is nothing.
    if (platform === 'darwin') await desktop.act({ do: 'blur', window: windows[0]?.id ?? 0 });
    else await desktop.act({ do: 'tray-click' });
    await desktop.until(({ windows: all }) => all.every((window) => !window.visible));
  });

  test('launch at login is the system’s own', async () => {
    await start({ hidden: true, platform });
    const desktop = desktopOf(shell);
    await desktop.until(hasItem('login'));
    await desktop.act({ do: 'menu', id: 'login' });
    await desktop.until((view) => view.loginItem && item(view, 'login')?.checked === true);
    expect(await (await shell.engine()).loginItem.get()).toEqual({ state: 'on', reason: null });
    expect(existsSync(path.join(shell.config, 'autostart'))).toBe(false);
    await desktop.act({ do: 'menu', id: 'login' });
    await desktop.until((view) => !view.loginItem && item(view, 'login')?.checked === false);
  });
});
