import type { Page } from 'playwright-core';
import { beforeEach, describe, expect, test } from 'vitest';
import { startTestEngine, type TestEngine } from '../support/engine.ts';
import type { WindowPage } from '../support/window-page.ts';
import { windowTests } from '../support/window-tests.ts';

/** Conversations on the real engine, made of practice calls. */
const windows = windowTests();
let engine: TestEngine;
let view: WindowPage;
let page: Page;

beforeEach(async () => {
  engine = windows.serve(await startTestEngine({ settings: { ui: { welcomed: true } } }));
  view = await windows.open(engine.headless.link(), 'light', { viewport: { width: 1280, height: 900 } });
  page = view.page;
});

const open = (path: string): Promise<void> => view.go(path);

type Message = { role: 'user' | 'assistant'; content: string };

/** One practice call; resolves with its number once it is stored. */
async function say(messages: Message[]): Promise<number> {
  const body = JSON.stringify({ model: 'practice/echo', messages });
  const stored = engine.call(({ state, requestBytes }) => state === 'done' && requestBytes === Buffer.byteLength(body));
  const reply = await fetch(`${engine.origin}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${engine.key}`, 'content-type': 'application/json', 'user-agent': 'curl/8.0' },
    body,
  });
  await reply.text();
  return (await stored).id;
}

const question = (content: string): Message => ({ role: 'user', content });
const answer = (content: string): Message => ({ role: 'assistant', content });
const START = [question('first question'), answer('an answer')];

/** Three turns, and a branch off the first. */
async function talk(): Promise<{ first: number; second: number; third: number; branch: number }> {
  const first = await say(START.slice(0, 1));
  const onwards = [...START, question('second question')];
  const second = await say(onwards);
  const third = await say([...onwards, answer('another answer'), question('third')]);
  const branch = await say([...START, question('another way to go on')]);
  return { first, second, third, branch };
}

const active = (): Promise<string> => page.evaluate<string>('document.activeElement.getAttribute("aria-activedescendant")');

describe('conversations', () => {
  test('an engine without calls says what will stand here', async () => {
    await open('/conversations');
    await page.getByRole('heading', { name: 'No conversations yet' }).waitFor();
  });

  test('a conversation appears as it passes, and is opened, walked and left by keys alone', async () => {
    await open('/conversations');
    const { first, second, branch } = await talk();
    await page.getByRole('link', { name: 'first question' }).waitFor();
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await page.waitForURL(`**/conversations/${first}`);
    const tree = page.getByRole('tree');
    await tree.getByRole('treeitem').nth(3).waitFor();
    await tree.focus();
    expect(await active()).toBe(`node-${first}`);
    await page.keyboard.press('ArrowDown');
    await expect.poll(active).toBe(`node-${second}`);
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('ArrowRight');
    await expect.poll(active).toBe(`node-${branch}`);
    await page.getByRole('complementary', { name: 'Chosen call' }).getByText('branch', { exact: true }).waitFor();
    await page.keyboard.press('+');
    await page.getByRole('button', { name: '120 %' }).waitFor();
    await page.keyboard.press('0');
    await page.getByRole('button', { name: '100 %' }).waitFor();
    await page.keyboard.press('Enter');
    await page.waitForURL(`**/calls/${branch}`);
  });

  test('the wheel zooms with Ctrl, and the list tells what the tree shows', async () => {
    const { first } = await talk();
    await open(`/conversations/${first}`);
    await page.getByRole('tree').hover();
    await page.keyboard.down('Control');
    await page.mouse.wheel(0, -120);
    await page.keyboard.up('Control');
    await page.getByRole('button', { name: '149 %' }).waitFor();
    await page.getByRole('button', { name: 'List', exact: true }).click();
    const rows = page.getByRole('region', { name: 'Calls of this conversation' }).getByRole('row');
    await rows.nth(4).waitFor();
    expect(await rows.count()).toBe(5);
    await rows.filter({ hasText: 'another way to go on' }).getByRole('cell', { name: 'branch' }).waitFor();
  });

  test('the filter stands in the URL, and a conversation that is gone says so', async () => {
    await talk();
    await open('/conversations?text=nothing+like+it');
    await page.getByRole('heading', { name: 'No conversation fits the filter' }).waitFor();
    await page.getByRole('button', { name: 'Clear' }).click();
    await page.getByRole('link', { name: 'first question' }).waitFor();
    await view.go('/conversations/7');
    await page.getByRole('heading', { name: 'There is no such conversation' }).waitFor();
    view.excuse('404');
  });

  test.each(['light', 'dark'] as const)('has no serious accessibility finding, %s', async (colorScheme) => {
    await page.emulateMedia({ colorScheme });
    const { first } = await talk();
    await open('/conversations');
    await page.getByRole('link', { name: 'first question' }).waitFor();
    expect(await view.findings()).toEqual([]);
    await open(`/conversations/${first}`);
    await page.getByRole('treeitem').nth(3).waitFor();
    expect(await view.findings()).toEqual([]);
    await page.getByRole('button', { name: 'List', exact: true }).click();
    expect(await view.findings()).toEqual([]);
  });
});
