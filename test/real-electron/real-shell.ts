import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { _electron, type Page } from 'playwright-core';
import { makeFolders, watchPage } from '../behaviour/folders.ts';
import type { Desktop, Shell, StartOptions } from '../behaviour/shell.ts';
import type { AppView } from '../fakes/electron/remote.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const OBSERVER = path.join(import.meta.dirname, 'observer.cjs');

/** Electron's own program, where `npx install-electron` has put it; undefined where it has not. Asking downloads nothing. */
export function findElectron(): string | undefined {
  const folder = path.join(ROOT, 'node_modules/electron');
  const note = path.join(folder, 'path.txt');
  if (!existsSync(note)) return undefined;
  const program = path.join(folder, 'dist', readFileSync(note, 'utf8').trim());
  return existsSync(program) ? program : undefined;
}

/** The built app on the real Electron; what its desktop shows is told by observer.cjs. */
export async function startRealShell(program: string, options: StartOptions = {}): Promise<Shell> {
  const folders = makeFolders(options.firstRun);
  await options.prepare?.(folders);
  const screen = Object.fromEntries(
    ['DISPLAY', 'WAYLAND_DISPLAY', 'XDG_RUNTIME_DIR', 'DBUS_SESSION_BUS_ADDRESS'].flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
  const env = { ...folders.env, ...screen, ...options.env };
  // Chromium has no sandbox for root.
  const flags = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const argsOf = (args: readonly string[]): string[] => [...flags, '-r', OBSERVER, ROOT, ...args];
  const app = await _electron.launch({
    executablePath: program,
    args: argsOf([...(options.hidden === true ? ['--hidden'] : []), ...(options.args ?? [])]),
    env,
  });
  const child = app.process();
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const complaints: string[] = [];
  const watched = new Set<Page>();
  const watch = (page: Page): void => {
    if (!watched.has(page)) watchPage(page, complaints);
    watched.add(page);
  };
  app.on('window', watch);
  for (const page of app.windows()) watch(page);

  const engines = new Set<number>();
  const look = async (): Promise<{ changes: number; view: AppView }> => {
    const found = await app.evaluate<{ changes: number; view: AppView }>('drawbridgeSeen.look()');
    if (found.view.engine !== null) engines.add(found.view.engine);
    return found;
  };
  const act: Desktop['act'] = (deed) => app.evaluate<unknown>(`drawbridgeSeen.perform(${JSON.stringify(deed)})`);
  const desktop: Desktop = {
    view: async () => (await look()).view,
    act,
    async popover() {
      const page = app.windows().find((one) => one.url().endsWith('/popover'));
      if (page === undefined) throw new Error('there is no popover');
      return page;
    },
    async until(fits) {
      for (;;) {
        const { changes, view } = await look();
        if (fits(view)) return view;
        await app.evaluate(`drawbridgeSeen.since(${changes})`);
      }
    },
    startAgain: (args) =>
      new Promise((resolve) => spawn(program, argsOf(args), { env, stdio: ['ignore', 'inherit', 'inherit'] }).once('exit', resolve)),
  };
  await desktop.until(({ tray }) => tray?.toolTip.includes(options.until ?? 'listening on') === true);

  return {
    ...folders,
    complaints,
    desktop,
    ended,
    async page() {
      const isShown = (view: AppView): boolean =>
        view.windows.some(({ frame, visible, url }) => frame && visible && url.startsWith('app:'));
      if (!isShown(await desktop.view())) await act({ do: 'activate' });
      await desktop.until(isShown);
      const page = app.windows().find((one) => !one.isClosed()) ?? (await app.waitForEvent('window'));
      await page.waitForLoadState('load');
      return page;
    },
    async processes() {
      await look();
      return [child.pid ?? 0, ...engines];
    },
    async quit() {
      await act({ do: 'quit' });
      return ended;
    },
    async clear() {
      child.kill('SIGKILL');
      await ended;
      folders.clear();
    },
  };
}
