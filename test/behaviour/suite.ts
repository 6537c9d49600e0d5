import { existsSync, readFileSync, watch } from 'node:fs';
import path from 'node:path';
import { setTimeout as waitFor } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EngineClient } from '../../bridges/contract/index.ts';
import type { AppView, MenuView } from '../fakes/electron/remote.ts';
import { hasSsh } from '../support/programs.ts';
import { startGateway } from './gateway.ts';
import type { Desktop, Shell, StartShell } from './shell.ts';

/**
 * What Drawbridge does for a person, whatever carries it: run by each carrier's own test file. What needs a menu is
 * skipped, and counted as skipped, where a carrier has none. `timers`: its engine is plain Node, whose timers can be noted.
 */
export function behaves(name: string, start: StartShell, has: { desktop: boolean; timers: boolean }): void {
  const withMenu = has.desktop ? test : test.skip;
  const linux = process.platform === 'linux';

  /** An engine that is left alone while all the others are at work: it is a span that is measured. */
  let idle: Promise<Idle> | undefined;

  describe(`Drawbridge on ${name}, for the first time`, () => {
    test('a window is shown by itself, and welcomes', async () => {
      const shell = await start({ firstRun: true });
      try {
        const page = await shell.page();
        await page.waitForURL('**/welcome');
        await page.getByRole('heading', { name: 'Welcome to Drawbridge' }).waitFor();
        expect(shell.complaints).toEqual([]);
        // In order, so that compiled code is kept: what is measured below is not a very first start.
        expect(await shell.quit()).toBe(0);
      } finally {
        await shell.clear();
      }
    });
    afterAll(() => {
      idle = linux ? leftAlone(start, has.timers) : undefined;
      // The last test is told what went wrong.
      idle?.catch(() => undefined);
    });
  });

  describe(`Drawbridge on ${name}`, () => {
    const shared = sharedShell(start);
    let shell: Shell;
    beforeEach(async () => {
      shell = await shared.get();
    });
    // No page breaks the policy it is served under, whatever is done in it.
    afterEach(() => expect(shell.complaints).toEqual([]));

    test('the window is live, healthy and without a complaint', async () => {
      const page = await overview(shell);
      const status = await (await shell.engine()).status.get();
      expect(status.host).toBe(has.desktop ? 'desktop' : 'headless');
      await page.getByText(addressOf(status)).first().waitFor();
    });

    test('every page is drawn under the policy, without a complaint', async () => {
      const page = await overview(shell);
      const places = page.getByRole('navigation', { name: 'Pages' }).getByRole('link');
      const addresses = await places.evaluateAll((links) => links.map((link) => link.getAttribute('href') ?? ''));
      expect(addresses.length).toBeGreaterThan(5);
      for (const address of addresses) {
        await places.and(page.locator(`[href="${address}"]`)).click();
        await page.waitForURL((url) => url.pathname === address);
        await page.locator('main :is(h1, h2, h3, p, button)').first().waitFor();
      }
    });

    test('a practice call from the window comes back, and opens', async () => {
      const page = await overview(shell);
      await page.getByRole('button', { name: 'Try it' }).click();
      await page.waitForURL(/\/calls\/\d+$/);
      await page.getByRole('region', { name: /^Call \d+$/ }).waitFor();
    });

    test.runIf(linux)('starting at login is one file, made and taken away', async () => {
      const engine = await shell.engine();
      const file = path.join(shell.config, 'autostart', 'drawbridge.desktop');
      expect(await engine.loginItem.get()).toEqual({ state: 'off', reason: null });
      expect(await engine.loginItem.set({ enabled: true })).toEqual({ state: 'on', reason: null });
      const entry = readFileSync(file, 'utf8');
      expect(entry).toMatch(/^\[Desktop Entry\]\nType=Application\n/);
      expect(entry).toContain(`DRAWBRIDGE_HOME=${shell.home}`);
      // Node has its flags there too.
      expect(entry).toMatch(
        has.desktop ? /^Exec=.* --hidden$/m : /^Exec=.* --max-semi-space-size=8 --v8-pool-size=1 .* start --headless --no-open$/m,
      );
      expect(await engine.loginItem.set({ enabled: false })).toEqual({ state: 'off', reason: null });
      expect(existsSync(file)).toBe(false);
    });

    withMenu('signing in is opened from the menu', async () => {
      const desktop = desktopOf(shell);
      await desktop.until(hasItem('bridge:codex:sign-in'));
      await desktop.act({ do: 'menu', id: 'bridge:codex:sign-in' });
      const page = await shell.page();
      await page.waitForURL((url) => url.pathname === '/bridges' && url.searchParams.get('bridge') === 'codex');
    });

    test.runIf(has.desktop && hasSsh)('a tunnel is started and stopped from the menu', async () => {
      const desktop = desktopOf(shell);
      const engine = await shell.engine();
      const gateway = await startGateway(engine, 'office');
      try {
        await desktop.until(hasItem('tunnel:office:start'));
        await desktop.act({ do: 'menu', id: 'tunnel:office:start' });
        await desktop.until((view) => labelOf(view, 'tunnel:office') === 'Tunnel office: up');
        await desktop.act({ do: 'menu', id: 'tunnel:office:stop' });
        await desktop.until((view) => labelOf(view, 'tunnel:office') === 'Tunnel office: off');
      } finally {
        await engine.tunnels.remove({ name: 'office' });
        await gateway.stop();
      }
    });

    withMenu('a call is shown from the menu’s last calls', async () => {
      const desktop = desktopOf(shell);
      const engine = await shell.engine();
      const [, second] = [await engine.practice.call({}), await engine.practice.call({ model: 'practice/reason' })];
      // Its row is there before its end is known.
      await desktop.until((view) => /^practice\/reason · .* · 200 · just now$/.test(labelOf(view, `call:${second.id}`) ?? ''));
      await desktop.act({ do: 'menu', id: `call:${second.id}` });
      const page = await shell.page();
      await page.waitForURL(`**/calls/${second.id}`);
      await page.getByRole('region', { name: `Call ${second.id}` }).waitFor();
    });

    withMenu('a name with an & in it is read in the menu as it is', async () => {
      const { id } = await (await shell.engine()).practice.call({ model: 'practice/r&d' });
      await desktopOf(shell).until((view) => labelOf(view, `call:${id}`)?.startsWith('practice/r&d · ') === true);
    });

    withMenu('closing hides the window, and every way back shows the same one', async () => {
      const desktop = desktopOf(shell);
      const page = await overview(shell);
      const ways = [
        () => desktop.act({ do: 'menu', id: 'open' }),
        () => desktop.act({ do: 'activate' }),
        () => desktop.startAgain([]),
        () => desktop.startAgain(['drawbridge://calls']),
      ];
      for (const show of ways) {
        const [window] = (await desktop.view()).windows;
        await desktop.act({ do: 'close', window: window?.id ?? 0 });
        await desktop.until(({ windows }) => windows.length === 1 && windows[0]?.visible === false);
        await show();
        await desktop.until(({ windows }) => windows.length === 1 && windows[0]?.visible === true && windows[0].id === window?.id);
      }
      await page.waitForURL('**/calls');
    });

    withMenu('capture is paused and goes on from the menu', async () => {
      const desktop = desktopOf(shell);
      await desktop.until(hasItem('capture'));
      await desktop.act({ do: 'menu', id: 'capture' });
      await desktop.until((view) => item(view, 'capture')?.checked === true && view.tray?.image === 'paused.png');
      expect((await (await shell.engine()).status.get()).capture.state).toBe('paused');
      await desktop.act({ do: 'menu', id: 'capture' });
      await desktop.until((view) => item(view, 'capture')?.checked === false);
    });

    withMenu('launch at login is switched on and off from the menu', async () => {
      const desktop = desktopOf(shell);
      const file = path.join(shell.config, 'autostart', 'drawbridge.desktop');
      await desktop.until(hasItem('login'));
      await desktop.act({ do: 'menu', id: 'login' });
      await desktop.until((view) => item(view, 'login')?.checked === true);
      expect(existsSync(file)).toBe(true);
      await desktop.act({ do: 'menu', id: 'login' });
      await desktop.until((view) => item(view, 'login')?.checked === false);
      expect(existsSync(file)).toBe(false);
    });

    withMenu('a bridge is paused from the menu', async () => {
      const desktop = desktopOf(shell);
      await desktop.until(hasItem('bridge:codex:pause'));
      await desktop.act({ do: 'menu', id: 'bridge:codex:pause' });
      const view = await desktop.until((now) => labelOf(now, 'bridge:codex')?.endsWith(': paused') === true);
      expect(item(view, 'bridge:codex:pause')?.checked).toBe(true);
      expect((await (await shell.engine()).bridges.list()).find(({ name }) => name === 'codex')?.enabled).toBe(false);
    });

    withMenu('an engine that is killed is brought back, and the window is live again by itself', async () => {
      const desktop = desktopOf(shell);
      const page = await overview(shell);
      const { pid } = await (await shell.engine()).status.get();
      await replaceEngine(shell);
      const engine = await shell.engine();
      const status = await engine.status.get();
      expect(status.pid).not.toBe(pid);
      await page.getByText('Live', { exact: true }).waitFor();
      await page.getByText(addressOf(status)).first().waitFor();
      expect((await desktop.view()).dialogs).toEqual([]);
    });

    withMenu('a link from a web page shows a page and nothing else', async () => {
      const desktop = desktopOf(shell);
      const page = await overview(shell);
      await desktop.act({ do: 'open-url', url: 'drawbridge://clients' });
      await page.waitForURL('**/clients');
      await desktop.act({ do: 'open-url', url: 'drawbridge://engine/stop' });
      await desktop.act({ do: 'open-url', url: 'drawbridge://clients?x=1#javascript:alert(1)' });
      expect(new URL(page.url()).pathname + new URL(page.url()).search).toBe('/clients');
      expect((await (await shell.engine()).status.get()).host).toBe('desktop');
    });

    test('quitting leaves no process, port or socket behind', async () => {
      const status = await (await shell.engine()).status.get();
      const processes = await shell.processes();
      expect(processes).toContain(status.pid);
      expect(await shell.quit()).toBe(0);
      expect(processes.filter(isAlive)).toEqual([]);
      await expect(shell.engine()).rejects.toMatchObject({ code: 'not_running' });
      await shared.end();
    });
  });

  describe(`Drawbridge on ${name} refuses`, () => {
    const shared = sharedShell(start);
    let shell: Shell;
    beforeEach(async () => {
      shell = await shared.get();
    });

    const SHELL = { channel: 'drawbridge:connect', answer: ['drawbridge:port'] };
    const ours = { origin: 'app://drawbridge', url: 'app://drawbridge/', top: true };

    withMenu('a forged sender, a child frame and a frame that is gone', async () => {
      const desktop = desktopOf(shell);
      await desktop.until(hasItem('capture'));
      const forge = (frame: typeof ours | null) => desktop.act({ do: 'forge', channel: SHELL.channel, frame });
      expect(await forge(ours)).toEqual(SHELL.answer);
      expect(await forge({ ...ours, top: false })).toEqual([]);
      expect(await forge(null)).toEqual([]);
      const others = [
        'app://drawbridge.evil.test',
        'https://drawbridge',
        'app://drawbridge:1',
        'null',
        '',
        'file://',
        'http://127.0.0.1:11435',
      ];
      const answered = await Promise.all(others.map((origin) => forge({ ...ours, origin })));
      expect(answered).toEqual(others.map(() => []));
    });

    withMenu('leaving, new windows, frames and other addresses; https goes to the browser', async () => {
      const desktop = desktopOf(shell);
      const page = await overview(shell);
      await page.evaluate(`void setTimeout(() => { location.href = 'https://evil.test/away' })`);
      await desktop.until(({ prevented }) => prevented.includes('https://evil.test/away'));
      await page.evaluate(`window.open('https://example.com/terms'); window.open('http://127.0.0.1:1/x'); 0`);
      await desktop.until(({ opened }) => opened.includes('https://example.com/terms'));
      expect((await desktop.view()).opened).toEqual(['https://example.com/terms']);
      expect((await desktop.view()).windows).toHaveLength(1);
      expect(await page.evaluate(`fetch('https://example.com/').then(() => 'reached', () => 'refused')`)).toBe('refused');
      const outside = ['/..%2f..%2fpackage.json', '/%2e%2e/%2e%2e/package.json', '/..%5c..%5cpackage.json', '/%00.js'];
      expect(await page.evaluate(`Promise.all(${JSON.stringify(outside)}.map((path) => fetch(path).then((r) => r.status)))`)).toEqual(
        outside.map(() => 404),
      );
      expect(await desktop.act({ do: 'permission', name: 'clipboard-sanitized-write', url: 'app://drawbridge/' })).toBe(true);
      expect(await desktop.act({ do: 'permission', name: 'clipboard-sanitized-write', url: 'https://evil.test/' })).toBe(false);
      const denied = ['media', 'geolocation', 'notifications', 'clipboard-read', 'openExternal'];
      const decided = await Promise.all(denied.map((name) => desktop.act({ do: 'permission', name, url: 'app://drawbridge/' })));
      expect(decided).toEqual(denied.map(() => false));
    });

    withMenu('a frame in our own page', async () => {
      const page = await overview(shell);
      const refusedBy = await page.evaluate(
        `new Promise((resolve) => {
            document.addEventListener('securitypolicyviolation', (event) => resolve(event.effectiveDirective));
            document.body.append(Object.assign(document.createElement('iframe'), { src: '/' }));
          })`,
      );
      expect(refusedBy).toBe('frame-src');
      // So what a page is refused is heard of here, and silence elsewhere means that nothing was.
      await expect.poll(() => shell.complaints.join()).toMatch(/Content Security Policy/);
    });

    withMenu('scripts of a page: the window’s world holds nothing but ways to ask', async () => {
      const page = await shell.page();
      expect(
        await page.evaluate('[typeof require, typeof process, typeof window.ipcRenderer, Object.keys(window.drawbridge).join()]'),
      ).toEqual(['undefined', 'undefined', 'undefined', 'connect,show']);
    });

    withMenu('a foreign page in the place of ours', async () => {
      const desktop = desktopOf(shell);
      const page = await overview(shell);
      const [window] = (await desktop.view()).windows;
      await desktop.act({ do: 'replace', window: window?.id ?? 0, url: 'https://evil.test/', html: FOREIGN });
      // The page asks, as ours does; then our own engine restarts, which hands every window that asked a new port.
      await page.evaluate('window.drawbridge.connect()');
      await replaceEngine(shell);
      expect(await page.evaluate('[origin, window.heard]')).toEqual(['https://evil.test', []]);
      await shared.end();
    });
  });

  describe(`Drawbridge on ${name}, left alone`, () => {
    test.runIf(linux)('an idle engine stays small, and none of its timers wakes it more than once a second', async () => {
      const { seconds, megabytes, perSecond, timers } = (await idle) ?? MISSING;
      console.log(
        `idle on ${name}: engine ${megabytes.toFixed(1)} MB resident, ${perSecond.toFixed(1)} wakings a second on its main thread`,
      );
      expect(megabytes).toBeLessThanOrEqual(110);
      if (timers === null) return;
      console.log(`timers that fired within ${seconds.toFixed(1)} s: ${JSON.stringify(timers.fired)}`);
      // Every listener looks for slow callers, so timers must have been seen.
      expect(timers.made).toBeGreaterThan(3);
      // One more than there are seconds: a span may begin just before a timer fires.
      expect(Object.entries(timers.fired).filter(([, times]) => times > seconds + 1)).toEqual([]);
    });
  });
}

type Idle = {
  seconds: number;
  megabytes: number;
  perSecond: number;
  timers: { made: number; fired: Record<string, number> } | null;
};
const MISSING: Idle = { seconds: 0, megabytes: Number.NaN, perSecond: Number.NaN, timers: null };

/** The one wait in this suite: in that time V8 returns what starting took (give-back.ts). */
const IDLE_MS = 16_000;

/** Starts an engine, leaves it alone for a while, and tells how it has been. */
async function leftAlone(start: StartShell, hasTimers: boolean): Promise<Idle> {
  let notes = '';
  const shell = await start({
    hidden: true,
    env: hasTimers ? { NODE_OPTIONS: `--import ${new URL('./timer-notes.mjs', import.meta.url).href}` } : {},
    async prepare({ home, env }) {
      notes = path.join(home, 'timers.json');
      env['TIMER_NOTES'] = notes;
    },
  });
  try {
    const { pid } = await (await shell.engine()).status.get();
    const before = wakings(pid);
    const began = performance.now();
    if (hasTimers) process.kill(pid, 'SIGUSR2');
    await waitFor(IDLE_MS);
    const seconds = (performance.now() - began) / 1e3;
    const told = { seconds, megabytes: residentMegabytes(pid), perSecond: (wakings(pid) - before) / seconds };
    if (!hasTimers) return { ...told, timers: null };
    const written = appearing(notes);
    process.kill(pid, 'SIGUSR2');
    await written;
    return { ...told, timers: JSON.parse(readFileSync(notes, 'utf8')) };
  } finally {
    await shell.clear();
  }
}

const FOREIGN = `<h1>not ours</h1><script>window.heard = []; addEventListener('message', (event) => window.heard.push(event.data))</script>`;

/**
 * One shell for the tests of a block, since starting one takes most of a test's time. Each test finds its own way to
 * where it begins; one that fails, or that ends its shell, leaves a new one to the next.
 */
function sharedShell(start: StartShell): { get(): Promise<Shell>; end(): Promise<void> } {
  let shell: Shell | undefined;
  const end = async (): Promise<void> => {
    const old = shell;
    shell = undefined;
    await old?.clear();
  };
  // Hooks run in reverse: this one after those of the block.
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') await end();
  });
  afterAll(end);
  return { get: async () => (shell ??= await start()), end };
}

/** The window, at its first page and live. */
async function overview(shell: Shell): Promise<Page> {
  const page = await shell.page();
  await page.getByText('Live', { exact: true }).waitFor();
  await page.getByRole('link', { name: 'Overview' }).click();
  await page.getByRole('button', { name: 'Try it' }).waitFor();
  return page;
}

/** Kills the engine, and waits until the shell has brought up another. */
async function replaceEngine(shell: Shell): Promise<void> {
  const desktop = desktopOf(shell);
  const { engines: before } = await desktop.view();
  process.kill((await (await shell.engine()).status.get()).pid, 'SIGKILL');
  await desktop.until(({ engines, tray }) => engines === before + 1 && tray?.toolTip.includes('listening on') === true);
}

/** Resolves once there is such a file. */
function appearing(file: string): Promise<void> {
  return new Promise((resolve) => {
    const watcher = watch(path.dirname(file), () => {
      if (!existsSync(file)) return;
      watcher.close();
      resolve();
    });
  });
}

/** The desktop of a shell that has one. */
export function desktopOf(shell: Shell): Desktop {
  if (shell.desktop === null) throw new Error('this shell has no desktop');
  return shell.desktop;
}

/** Where the companion listens. */
function addressOf(status: Awaited<ReturnType<EngineClient['status']['get']>>): string {
  return status.listeners.find(({ name }) => name === 'companion')?.address ?? 'nowhere';
}

/** An item of the menu by its id, however deep. */
export function item(view: AppView, id: string, items: readonly MenuView[] = view.tray?.menu ?? []): MenuView | undefined {
  for (const one of items) {
    const found = one.id === id ? one : item(view, id, one.items);
    if (found !== undefined) return found;
  }
  return undefined;
}

export const hasItem =
  (id: string) =>
  (view: AppView): boolean =>
    item(view, id) !== undefined;

const labelOf = (view: AppView, id: string): string | undefined => item(view, id)?.label;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** How often the process' main thread went to sleep by itself, so far: about as often as something woke it. */
function wakings(pid: number): number {
  return fieldOf(`/proc/${pid}/task/${pid}/status`, 'voluntary_ctxt_switches');
}

/** What the process holds in memory, its share of libraries included. */
function residentMegabytes(pid: number): number {
  return fieldOf(`/proc/${pid}/status`, 'VmRSS') / 1024;
}

function fieldOf(file: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s*(\\d+)`, 'm').exec(readFileSync(file, 'utf8'))?.[1]);
}
