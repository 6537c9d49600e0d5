import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { startSocketListener, type SocketListener } from '../../bridges/http/socket.ts';
import type { AppView } from '../fakes/electron/remote.ts';
import { hasSsh } from '../support/programs.ts';
import { BUILT_MAIN, startFakeShell } from './fake-shell.ts';
import { startGateway } from './gateway.ts';
import type { Shell, StartOptions } from './shell.ts';
import { desktopOf, hasItem, item } from './suite.ts';

/** What is a desktop's alone, on the fake Electron: other systems, notifications, an engine that can't be started. */
let shell: Shell;
const started: Shell[] = [];
const start = async (options: StartOptions = {}): Promise<void> => {
  shell = await startFakeShell(options);
  started.push(shell);
};
afterEach(async () => {
  for (const one of started.splice(0)) await one.clear();
});

describe('the built shell', () => {
  test('has a preload without a library in it, and a main process that takes nothing but Electron and Node', () => {
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

  test('started by a link it opens that page, and serves it again when it is loaded anew', async () => {
    await start({ args: ['drawbridge://clients'] });
    const page = await shell.page();
    await page.waitForURL('**/clients');
    await page.getByText('Live', { exact: true }).waitFor();
    await page.reload();
    await page.getByText('Live', { exact: true }).waitFor();
    expect(shell.complaints).toEqual([]);
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

  test('started once more at login, it shows no window either', async () => {
    await start({ hidden: true });
    const desktop = desktopOf(shell);
    expect(await desktop.startAgain(['--hidden'])).toBe(0);
    // It is heard of in order: the second start was told of before this one.
    expect(await desktop.startAgain(['drawbridge://clients'])).toBe(0);
    const { windows } = await desktop.until(({ windows: all }) => all.some(({ visible }) => visible));
    expect(windows.map(({ url }) => url)).toEqual([expect.not.stringMatching(/drawbridge\/$/)]);
  });

  test('a page of ours may ask for a page in the window, and nobody else, nor for anything else', async () => {
    await start({ hidden: true });
    const desktop = desktopOf(shell);
    const ours = { origin: 'app://drawbridge', url: 'app://drawbridge/popover', top: true };
    const ask = (path: unknown, frame: typeof ours | null) => desktop.act({ do: 'forge', channel: 'drawbridge:open', args: [path], frame });
    for (const frame of [null, { ...ours, top: false }, { ...ours, origin: 'https://evil.test' }]) await ask('/calls', frame);
    for (const path of ['https://evil.test/', '//evil.test', '/popover', undefined, 7]) await ask(path, ours);
    expect((await desktop.view()).windows).toEqual([]);
    await ask('/calls', ours);
    await desktop.until(({ windows }) => windows.some(({ visible, url }) => visible && url.endsWith('/calls')));
  });

  test('a stop that a command asks for ends the app with its engine', async () => {
    await start({ hidden: true });
    await (await shell.engine()).engine.stop();
    expect(await shell.ended).toBe(0);
    await expect(shell.engine()).rejects.toMatchObject({ code: 'not_running' });
  });
});

test('a tick goes back where what it asked for did not work', async () => {
  await start({ hidden: true });
  const desktop = desktopOf(shell);
  await desktop.until(hasItem('login'));
  symlinkSync(path.join(shell.home, 'nowhere'), shell.config);
  await desktop.act({ do: 'menu', id: 'login' });
  const view = await desktop.until(({ dialogs }) => dialogs.length === 1);
  expect(view.dialogs).toMatchObject([{ message: 'That did not work' }]);
  await desktop.until((now) => item(now, 'login')?.checked === false);
});

describe('what happens to the machine', () => {
  test.runIf(hasSsh)('that it woke reaches the tunnels: the session is replaced, and the tunnel is up again', async () => {
    await start({ hidden: true });
    const desktop = desktopOf(shell);
    const engine = await shell.engine();
    const gateway = await startGateway(engine, 'office');
    try {
      await engine.tunnels.start({ name: 'office' });
      const isUp = (view: AppView): boolean => item(view, 'tunnel:office')?.label === 'Tunnel office: up';
      await desktop.until(isUp);
      const connectedAt = async () => (await engine.tunnels.list())[0]?.marks.connected?.at;
      const before = await connectedAt();
      await desktop.act({ do: 'power', event: 'resume' });
      await desktop.until((view) => !isUp(view));
      await desktop.until(isUp);
      expect(await connectedAt()).not.toBe(before);
      expect(JSON.stringify(await engine.tunnels.logs({ name: 'office' }))).toContain('(disturbed)');
    } finally {
      await engine.tunnels.remove({ name: 'office' });
      await gateway.stop();
    }
  });

  test.for(['resume', 'unlock-screen'] as const)('%s reaches the bridges: one that waits for its owner looks again', async (event) => {
    let login = '';
    await start({
      hidden: true,
      async prepare({ home }) {
        login = path.join(home, '..', '.codex', 'auth.json');
        const account = {
          id: 'codex-cli-1',
          route: 'codex-cli',
          label: 'The Codex CLI’s login',
          plan: null,
          addedAt: '2026-01-01T00:00:00Z',
        };
        const codex = { active: account.id, accounts: [account], routes: {}, facts: {} };
        writeFileSync(path.join(home, 'accounts.json'), JSON.stringify({ version: 1, bridges: { codex } }));
        // What is asked of the provider goes nowhere.
        const settings = path.join(home, 'settings.json');
        const nowhere = { openai: { baseUrl: 'http://127.0.0.1:9' }, chatgpt: { baseUrl: 'http://127.0.0.1:9' } };
        writeFileSync(settings, JSON.stringify({ ...JSON.parse(readFileSync(settings, 'utf8')), upstreams: nowhere }));
      },
    });
    const desktop = desktopOf(shell);
    const says = (word: string) => (view: AppView) => item(view, 'bridge:codex')?.label.includes(word) === true;
    await desktop.until(says('sign in again'));
    mkdirSync(path.dirname(login));
    writeFileSync(login, JSON.stringify({ auth_mode: 'apikey', OPENAI_API_KEY: 'sk-of-nobody' }));
    await desktop.act({ do: 'power', event });
    await desktop.until(says('ready'));
    // One that was fine is looked at after a sleep, and need not be because a screen was unlocked.
    rmSync(login);
    await desktop.act({ do: 'power', event: 'resume' });
    await desktop.until(says('sign in again'));
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

  test('is not shown where the settings say so, and stands in the menu all the same', async () => {
    await start({ hidden: true });
    const desktop = desktopOf(shell);
    const engine = await shell.engine();
    await engine.settings.update({ patch: { notifications: { tunnels: false } } });
    await getBlocked();
    const view = await desktop.until(hasItem('notice:tunnel-lab'));
    expect(view.notifications).toEqual([]);
    // The next one, which is wanted again, is shown: the shell did look.
    await engine.settings.update({ patch: { notifications: { tunnels: true } } });
    await engine.tunnels.stop({ name: 'lab' });
    await desktop.until((now) => item(now, 'tunnel:lab')?.label.includes('off') === true);
    await engine.tunnels.start({ name: 'lab' });
    await desktop.until((now) => now.notifications.length === 1);
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
  test('the icon, the menu by a right click, a popover by a left one, and launch at login', async () => {
    await start({ hidden: true, platform });
    const desktop = desktopOf(shell);
    const view = await desktop.until(hasItem('capture'));
    expect(view.tray).toMatchObject({ image, attached: false });
    await desktop.act({ do: 'tray-click' });
    const { windows } = await desktop.until(({ windows: all }) => all.some((window) => !window.frame && window.visible));
    expect(windows).toHaveLength(1);
    expect(windows[0]).toMatchObject({ url: 'app://drawbridge/popover', bounds: { width: 420, height: 640 } });
    // On Windows the focus comes and goes while a popover opens, so there a blur soon after is nothing.
    if (platform === 'darwin') await desktop.act({ do: 'blur', window: windows[0]?.id ?? 0 });
    else await desktop.act({ do: 'tray-click' });
    await desktop.until(({ windows: all }) => all.every((window) => !window.visible));
    expect(shell.complaints).toEqual([]);

    // What it leads to is shown in the window, and the popover stays what it is.
    await desktop.act({ do: 'tray-click' });
    await desktop.until(({ windows: all }) => all.some((window) => !window.frame && window.visible));
    await (await desktop.popover()).getByRole('button', { name: 'Codex' }).click();
    await desktop.until(({ windows: all }) => all.some(({ frame, visible, url }) => frame && visible && url.endsWith('/bridges/codex')));
    const left = await desktop.until(({ windows: all }) => all.every(({ frame, visible }) => frame === visible));
    expect(left.windows.map(({ url }) => url)).toContain('app://drawbridge/popover');

    // One whose page died is made anew by the next click.
    await desktop.act({ do: 'crash', window: windows[0]?.id ?? 0 });
    await desktop.act({ do: 'tray-click' });
    const anew = await desktop.until(({ windows: all }) => all.some((window) => !window.frame && window.visible));
    expect(anew.windows.map(({ id }) => id)).not.toContain(windows[0]?.id);

    // Launch at login is the system’s own.
    await desktop.act({ do: 'menu', id: 'login' });
    await desktop.until((view) => view.loginItem && item(view, 'login')?.checked === true);
    expect(await (await shell.engine()).loginItem.get()).toEqual({ state: 'on', reason: null });
    expect(existsSync(path.join(shell.config, 'autostart'))).toBe(false);
    await desktop.act({ do: 'menu', id: 'login' });
    await desktop.until((view) => !view.loginItem && item(view, 'login')?.checked === false);
  });
});
