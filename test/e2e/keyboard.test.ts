import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { EngineClient } from '../../bridges/contract/index.ts';
import { startHeadlessShell } from '../behaviour/headless-shell.ts';
import type { Shell } from '../behaviour/shell.ts';
import { startEngineStub, type EngineStub } from '../fakes/engine-stub.ts';
import { MADE_BRIDGES, MADE_TUNNELS } from '../fakes/made-status.ts';
import { hasFocus, tabTo, walkFocus } from '../support/focus.ts';
import type { WindowPage } from '../support/window-page.ts';
import { windowTests } from '../support/window-tests.ts';

/** The whole window by keys alone. */
const windows = windowTests();
let stub: EngineStub;
let view: WindowPage;
let page: Page;

/** Each page, and texts or labels that tell that all of it is there. */
const PAGES: Readonly<Record<string, string | readonly string[]>> = {
  '/': 'gateway.example.org',
  '/bridges/codex': 'Safety limits',
  '/bridges/copilot': 'Safety limits',
  '/tunnels/home': 'authorized_keys',
  '/calls': '60 calls',
  '/calls/57': 'I will read the importer first.',
  '/calls/57?tab=request': 'What could not cross',
  '/calls/57?tab=stream': 'message_start',
  '/conversations': 'Last call',
  '/conversations/4101': 'Open the call',
  '/usage': 'By client',
  '/clients': 'nightly script',
  '/settings': ['Diagnostics bundle', 'Start when you log in', 'Revoke the dashboard', 'Endpoint of the collector'],
  '/welcome': 'Welcome to Drawbridge',
  '/popover': 'claude-code',
};

async function open(): Promise<void> {
  stub = windows.serve(await startEngineStub());
  stub.set({ bridges: MADE_BRIDGES, tunnels: MADE_TUNNELS });
  view = await windows.open(stub.url);
  page = view.page;
}

describe('Tab', () => {
  beforeEach(open);

  test.each(Object.entries(PAGES))('reaches everything of %s in its order, marks it, and comes back', async (path, signs) => {
    await page.goto(stub.url + path);
    for (const sign of [signs].flat()) await page.getByText(sign).or(page.getByLabel(sign)).first().waitFor({ state: 'attached' });
    if (path.startsWith('/calls')) await page.locator('#call-60').waitFor();
    const { expected, reached, back, unmarked, unreachable } = await walkFocus(page);
    expect({ reached, unmarked, unreachable }).toEqual({ reached: expected, unmarked: [], unreachable: [] });
    expect(back).toEqual(reached);
  });
});

/** What opens over a page: where, by which control, and what is there then. */
const OVERLAYS: readonly {
  path: string;
  opener: (page: Page) => Locator;
  role: 'dialog' | 'alertdialog' | 'menu' | 'listbox';
  name?: string;
}[] = [
  { path: '/', opener: button('Commands'), role: 'dialog', name: 'Commands' },
  { path: '/', opener: button('Keyboard shortcuts'), role: 'dialog', name: 'Keyboard shortcuts' },
  { path: '/bridges/codex', opener: (on) => on.getByRole('button', { name: /^Sign out/ }), role: 'alertdialog' },
  { path: '/tunnels/home', opener: button('Remove this tunnel'), role: 'alertdialog' },
  { path: '/calls', opener: button('Columns'), role: 'menu' },
  { path: '/calls', opener: button('Export these calls (e)'), role: 'dialog' },
  { path: '/calls', opener: (on) => on.getByLabel('Outcome'), role: 'listbox' },
  { path: '/calls/57', opener: button('Copy as'), role: 'menu' },
  { path: '/calls/57', opener: button('Send it again (r)'), role: 'dialog', name: 'Send call 57 again' },
  { path: '/calls/57', opener: button('Export it (e)'), role: 'dialog', name: 'Export call 57' },
  { path: '/conversations/4101', opener: button('Export'), role: 'dialog' },
  { path: '/clients', opener: (on) => on.getByRole('button', { name: 'Create key' }).first(), role: 'dialog', name: 'Create a client key' },
  { path: '/settings', opener: button('Remove…'), role: 'dialog' },
  { path: '/settings', opener: button('Create key'), role: 'dialog', name: 'Create a read key' },
  { path: '/settings', opener: button('Look at it…'), role: 'dialog', name: 'Diagnostics bundle' },
];

function button(name: string): (on: Page) => Locator {
  return (on) => on.getByRole('button', { name, exact: true });
}

describe('what opens over a page', () => {
  beforeEach(open);

  test('takes the focus, keeps Tab inside, is closed by Escape, and gives the focus back', async () => {
    for (const { path, opener, role, name } of OVERLAYS) {
      await view.go(path);
      const from = opener(page);
      await tabTo(from);
      await page.keyboard.press('Enter');
      const overlay = page.getByRole(role, name === undefined ? {} : { name });
      await overlay.waitFor();
      const isInside = (): Promise<boolean> => overlay.evaluate((it) => it.contains(it.ownerDocument.activeElement));
      const where = `${path}: ${role} ${name ?? ''}`;
      await expect.poll(isInside, { message: where }).toBe(true);
      if (role === 'dialog' || role === 'alertdialog') {
        for (let at = 0; at < 12; at += 1) {
          await page.keyboard.press(at < 6 ? 'Tab' : 'Shift+Tab');
          await expect.poll(isInside, { message: where }).toBe(true);
        }
      }
      await page.keyboard.press('Escape');
      await overlay.waitFor({ state: 'hidden' });
      await expect.poll(() => hasFocus(from), { message: where }).toBe(true);
    }
  });

  test('the frames of a stream are one stop; arrows, Home and End go on from there', async () => {
    await page.goto(`${stub.url}/calls/57?tab=stream`);
    const frames = page.getByRole('list', { name: 'Frames' }).getByRole('button');
    await tabTo(frames.first());
    await page.keyboard.press('ArrowDown');
    expect(await hasFocus(frames.nth(1))).toBe(true);
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Copy the frame' }).waitFor();
    await page.keyboard.press('End');
    const last = frames.filter({ hasText: 'message_stop' });
    await expect.poll(() => hasFocus(last)).toBe(true);
    await page.keyboard.press('Shift+Tab');
    expect(await frames.evaluateAll((all) => all.includes(all[0]?.ownerDocument.activeElement as never))).toBe(false);
    await page.keyboard.press('Tab');
    await expect.poll(() => hasFocus(last)).toBe(true);
    await page.keyboard.press('Home');
    await expect.poll(() => hasFocus(frames.filter({ hasText: 'message_start' }))).toBe(true);
  });
});

type Hands = { page: Page; engine: EngineClient };

/** What a person mainly does on each page, with no other tool than the keys. Each begins by going there with them. */
const DEEDS: Readonly<Record<string, (hands: Hands) => Promise<void>>> = {
  async 'makes a first call'({ page: on }) {
    await goBy(on, 'Go to Welcome', '/welcome');
    await press(on.getByRole('button', { name: /^(?:1 )?Make a first call/ }));
    await press(on.getByRole('button', { name: 'Make the first call' }));
    await on.getByRole('region', { name: 'Your first call' }).getByText('Practice model', { exact: true }).waitFor();
  },

  async 'tries the way of a call on the overview'({ page: on }) {
    await goBy(on, 'Go to Overview', '/');
    await press(on.getByRole('button', { name: 'Try it' }));
    await on.waitForURL(/\/calls\/\d+$/);
  },

  async 'opens a sign-in and cancels it'({ page: on, engine }) {
    const stateIs = (label: string): Promise<void> =>
      on.getByRole('region', { name: 'State' }).getByRole('status').filter({ hasText: label }).waitFor();
    await goBy(on, 'Go to Bridges', '/bridges');
    await press(on.getByRole('navigation', { name: 'Bridges' }).getByRole('link', { name: 'Codex' }));
    const browser = on.getByRole('radio', { name: /Continue with ChatGPT/ });
    await browser.waitFor();
    await tabTo(on.getByRole('radio').first());
    await on.keyboard.press('Space');
    for (let at = 0; at < 6 && !(await browser.isChecked()); at += 1) await on.keyboard.press('ArrowDown');
    await press(on.getByRole('button', { name: /sign in in the browser$/i }));
    await stateIs('Signing in');
    await press(on.getByRole('region', { name: 'State' }).getByRole('button', { name: 'Cancel' }));
    await stateIs('Signed out');
    expect((await engine.bridges.list({})).find(({ name }) => name === 'codex')?.state).toBe('signed_out');
  },

  async 'fills the form of a tunnel in'({ page: on }) {
    await goBy(on, 'Go to Tunnels', '/tunnels');
    await press(on.getByRole('button', { name: 'Add tunnel' }).first());
    await tabTo(on.getByLabel('Name', { exact: true }));
    await on.keyboard.type('lab');
    await tabTo(on.getByLabel('Gateway’s host name'));
    await on.keyboard.type('gateway.example.org');
    await tabTo(on.getByLabel('User on the gateway'));
    await on.keyboard.type('drawbridge');
    const way = on.getByLabel('How it gets there');
    await tabTo(way);
    await on.keyboard.press('Home');
    await tabTo(on.getByLabel('Far port', { exact: true }));
    await on.keyboard.press('Control+a');
    await on.keyboard.type('20001');
    await tabTo(on.getByLabel('Second far port'));
    await on.keyboard.press('Control+a');
    await on.keyboard.type('20002');
    await on.getByText('All of it can be used.').waitFor();
    await press(on.getByRole('button', { name: 'Add tunnel', exact: true }).last());
    await on.getByLabel('Gateway key').waitFor();
  },

  async 'filters the calls, opens one, and closes it'({ page: on, engine }) {
    const { id } = await engine.practice.call({});
    await goBy(on, 'Go to Calls', '/calls');
    await on.locator(`#call-${id}`).waitFor();
    await on.keyboard.press('/');
    await on.keyboard.type('upstream:practice ');
    await on.keyboard.press('Escape');
    await on.keyboard.press('Enter');
    await on.waitForURL(/q=upstream/);
    await tabTo(on.getByLabel('Outcome'));
    await on.keyboard.press('Enter');
    const marked = on.locator('[role="option"][data-highlighted]');
    // The list is there a moment before it takes keys, and a choice may be marked by then.
    const second = async (): Promise<string | null> => {
      await on.keyboard.press('Home');
      await on.keyboard.press('ArrowDown');
      return marked.textContent();
    };
    await expect.poll(second).toContain('Succeeded');
    await on.keyboard.press('Enter');
    await on.waitForURL(/outcome=/);
    const grid = on.getByRole('grid');
    await tabTo(grid);
    // The rows of the filter may still be on their way.
    const first = async (): Promise<string | null> => {
      await on.keyboard.press('Home');
      return grid.getAttribute('aria-activedescendant');
    };
    await expect.poll(first).toBe(`call-${id}`);
    await on.keyboard.press('Enter');
    await on.waitForURL(/\/calls\/\d+\?/);
    const tabs = on.getByRole('tab');
    await tabTo(on.getByRole('tab', { selected: true }));
    await on.keyboard.press('ArrowRight');
    await on.keyboard.press('Enter');
    await expect.poll(() => tabs.nth(0).getAttribute('aria-selected')).toBe('false');
    await on.keyboard.press('Escape');
    await on.waitForURL(/\/calls\?/);
  },

  async 'opens a conversation and walks its tree'({ page: on, engine }) {
    await engine.practice.call({});
    await goBy(on, 'Go to Conversations', '/conversations');
    await press(on.locator('a[href^="/conversations/"]').first());
    await on.waitForURL(/\/conversations\/\d+$/);
    await tabTo(on.getByRole('tree'));
    await on.getByRole('treeitem').first().waitFor();
    await on.keyboard.press('Enter');
    await on.waitForURL(/\/calls\/\d+$/);
  },

  async 'chooses the span of the usage'({ page: on }) {
    await goBy(on, 'Go to Usage', '/usage');
    await press(on.getByRole('group', { name: 'Span' }).getByRole('button', { name: '24 hours' }), 'Space');
    await on.waitForURL(/span=24h/);
  },

  async 'makes a key and takes it back'({ page: on, engine }) {
    await goBy(on, 'Go to Clients', '/clients');
    await press(on.getByRole('button', { name: 'Create key', exact: true }).first());
    const dialog = on.getByRole('dialog', { name: 'Create a client key' });
    await expect.poll(() => hasFocus(dialog.getByLabel('Name'))).toBe(true);
    await on.keyboard.type('by keys');
    await on.keyboard.press('Tab');
    await on.keyboard.press('ArrowDown');
    await on.keyboard.press('Enter');
    await on.getByLabel('New key').waitFor();
    await press(on.getByRole('button', { name: 'Done' }));
    await on.getByRole('cell', { name: 'by keys', exact: true }).waitFor();
    expect((await engine.keys.list({})).find(({ name }) => name === 'by keys')?.use).toBe('gateway');
    await press(on.getByRole('button', { name: 'Revoke by keys' }));
    await on.getByRole('cell', { name: 'by keys', exact: true }).waitFor({ state: 'hidden' });
    await on.keyboard.press('F6');
    await press(on.getByRole('dialog', { name: /by keys/ }).getByRole('button', { name: 'Undo' }));
    await on.getByRole('cell', { name: 'by keys', exact: true }).waitFor();
  },

  async 'changes settings'({ page: on, engine }) {
    await goBy(on, 'Go to Settings', '/settings');
    const settings = async () => (await engine.settings.get({})).settings;
    await press(on.getByRole('group', { name: 'Theme' }).getByRole('button', { name: 'Dark' }));
    await on.locator(':root[data-theme="dark"]').waitFor();
    await press(on.getByRole('switch', { name: 'Notify of sign-ins' }), 'Space');
    await expect.poll(async () => (await settings()).notifications.signIns).toBe(false);
    await tabTo(on.getByLabel('Longest body in MiB'));
    await on.keyboard.press('Control+a');
    await on.keyboard.type('32');
    await on.keyboard.press('Enter');
    await expect.poll(async () => (await settings()).capture.maxBodyBytes).toBe(32 * 1024 * 1024);
    await press(on.getByRole('button', { name: 'Examine', exact: true }));
    await on.getByRole('list', { name: 'Findings' }).waitFor();
  },
};

/** Goes to a page by the palette, which opens from a field too. */
async function goBy(on: Page, command: string, path: string): Promise<void> {
  await on.keyboard.press('Control+k');
  await expect.poll(() => hasFocus(on.getByLabel('Search commands'))).toBe(true);
  await on.keyboard.type(command);
  await on.locator('[role=option][data-highlighted]').filter({ hasText: command }).waitFor();
  await on.keyboard.press('Enter');
  await on.waitForURL(`**${path}`);
  await on.getByRole('dialog', { name: 'Commands' }).waitFor({ state: 'hidden' });
}

/** Goes there by Tab and presses a key. */
async function press(target: Locator, key: 'Enter' | 'Space' = 'Enter'): Promise<void> {
  await tabTo(target);
  await target.page().keyboard.press(key);
}

describe('who has no mouse', () => {
  let shell: Shell;
  let hands: Hands;
  beforeAll(async () => {
    shell = await startHeadlessShell();
    hands = { page: await shell.page(), engine: await shell.engine() };
    await hands.page.getByText('Live', { exact: true }).waitFor();
  });
  afterAll(() => shell.clear());

  test.each(Object.entries(DEEDS))('%s', async (_deed, act) => {
    await act(hands);
    expect(shell.complaints).toEqual([]);
  });
});
