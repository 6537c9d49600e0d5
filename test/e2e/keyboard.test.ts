import type { Locator, Page } from 'playwright-core';
import { beforeEach, describe, expect, test } from 'vitest';
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

/** Each page, and a text that tells that all of it is there. */
const PAGES: Readonly<Record<string, string>> = {
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
  '/settings': 'Diagnostics bundle',
  '/welcome': 'Welcome to Drawbridge',
  '/popover': 'claude-code',
};

beforeEach(async () => {
  stub = windows.serve(await startEngineStub());
  stub.set({ bridges: MADE_BRIDGES, tunnels: MADE_TUNNELS });
  view = await windows.open(stub.url);
  page = view.page;
});

describe('Tab', () => {
  test.each(Object.entries(PAGES))('reaches everything of %s in its order, marks it, and comes back', async (path, sign) => {
    await page.goto(stub.url + path);
    await page.getByText(sign).first().waitFor({ state: 'attached' });
    if (path.startsWith('/calls')) await page.locator('#call-60').waitFor();
    const { expected, reached, back, unmarked, unreachable } = await walkFocus(page);
    expect({ reached, unmarked, unreachable }).toEqual({ reached: expected, unmarked: [], unreachable: [] });
    expect(back).toEqual(reached);
  });
});

/** What opens over each page: where, by which control, and what is there then. */
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
