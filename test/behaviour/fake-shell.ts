import { fork, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import type { Answer, AppView, Deed, Question } from '../fakes/electron/remote.ts';
import { launchChromiumIn } from '../support/chromium.ts';
import { makeFolders, watchPage } from './folders.ts';
import type { Desktop, Shell, StartOptions } from './shell.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const REGISTER = path.join(ROOT, 'test/fakes/electron/register.mjs');
/** The main process as `npm run build` makes it. */
export const BUILT_MAIN = path.join(ROOT, 'dist/electron/main.mjs');

/** A main process on the fake Electron, run as it was built, in a process of its own; its windows in a real Chromium. */
export async function startFakeShell(options: StartOptions = {}, main: string = BUILT_MAIN): Promise<Shell> {
  const folders = makeFolders(options.firstRun);
  await options.prepare?.(folders);
  const complaints: string[] = [];
  const context = await launchChromiumIn(path.join(folders.root, 'chromium'));
  context.on('page', (page) => watchPage(page, complaints));
  const [port] = readFileSync(path.join(folders.root, 'chromium', 'DevToolsActivePort'), 'utf8').split('\n');
  const run = (args: readonly string[]): ChildProcess =>
    fork(main, [...args], {
      execPath: process.execPath,
      execArgv: ['--import', REGISTER],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: {
        ...folders.env,
        // As from the second start on, when compiled code is at hand.
        NODE_COMPILE_CACHE: path.join(ROOT, 'node_modules', '.cache', 'drawbridge'),
        FAKE_ELECTRON_CHROMIUM: `http://127.0.0.1:${port}`,
        ...(options.platform === undefined ? {} : { FAKE_ELECTRON_PLATFORM: options.platform, TEMP: os.tmpdir() }),
        ...options.env,
      },
    });

  const child = run([...(options.hidden === true ? ['--hidden'] : []), ...(options.args ?? [])]);
  const ended = exitOf(child);
  const desktop = remoteOf(child, (args) => exitOf(run(args)));
  const first = await desktop.until(({ tray }) => tray?.toolTip.includes(options.until ?? 'listening on') === true);
  const engines = new Set<number>();
  const noteEngine = (view: AppView): AppView => {
    if (view.engine !== null) engines.add(view.engine);
    return view;
  };
  noteEngine(first);

  return {
    ...folders,
    complaints,
    desktop: {
      ...desktop,
      async popover() {
        const { windows } = await desktop.view();
        return pageOf(context, windows.find(({ frame }) => !frame)?.target ?? '');
      },
    },
    ended,
    async page() {
      const view = await desktop.view();
      if (!view.windows.some((window) => window.frame && window.visible)) await desktop.act({ do: 'activate' });
      const { windows } = await desktop.until((now) =>
        now.windows.some((window) => window.frame && window.visible && window.url.startsWith('app:')),
      );
      const target = windows.find((window) => window.frame)?.target ?? '';
      const page = await pageOf(context, target);
      await page.waitForLoadState('load');
      return page;
    },
    async processes() {
      noteEngine(await desktop.view());
      return [child.pid ?? 0, ...engines];
    },
    async quit() {
      if (child.connected) child.send({ id: -1, ask: 'deed', deed: { do: 'quit' } } satisfies Question);
      return ended;
    },
    async clear() {
      child.kill('SIGKILL');
      await ended;
      await context.close();
      folders.clear();
    },
  };
}

const exitOf = (child: ChildProcess): Promise<number | null> => new Promise((resolve) => child.once('exit', resolve));

/** The page with this id of Chromium's own; both the app and the test see it. */
async function pageOf(context: BrowserContext, target: string): Promise<Page> {
  for (const page of context.pages()) {
    const session = await context.newCDPSession(page);
    const { targetInfo } = await session.send('Target.getTargetInfo');
    await session.detach();
    if (targetInfo.targetId === target) return page;
  }
  throw new Error(`there is no page ${target}`);
}

/** Asks the app over its process' channel, and hears from it when something changed. */
function remoteOf(child: ChildProcess, startAgain: Desktop['startAgain']): Omit<Desktop, 'popover'> {
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  let lastId = 0;
  let changes = 0;
  let wake = Promise.withResolvers<void>();
  let over = false;

  child.on('message', (answer: Answer) => {
    if ('changed' in answer) {
      changes += 1;
      wake.resolve();
      wake = Promise.withResolvers();
      return;
    }
    const asked = waiting.get(answer.id);
    waiting.delete(answer.id);
    if (answer.error === undefined) asked?.resolve(answer.value);
    else asked?.reject(new Error(answer.error));
  });
  child.once('exit', (code) => {
    over = true;
    for (const { reject } of waiting.values()) reject(new Error(`the app ended with ${code}`));
    wake.resolve();
  });

  const ask = <T>(question: { ask: 'view' } | { ask: 'deed'; deed: Deed }): Promise<T> =>
    new Promise((resolve, reject) => {
      if (over) return reject(new Error('the app has ended'));
      const id = ++lastId;
      waiting.set(id, { resolve: (value) => resolve(value as T), reject });
      child.send({ ...question, id } satisfies Question);
    });
  const view = (): Promise<AppView> => ask({ ask: 'view' });

  return {
    view,
    act: (deed) => ask({ ask: 'deed', deed }),
    async until(fits) {
      for (;;) {
        const before = changes;
        const { promise } = wake;
        const seen = await view();
        if (fits(seen)) return seen;
        if (changes === before) await promise;
      }
    },
    startAgain,
  };
}
