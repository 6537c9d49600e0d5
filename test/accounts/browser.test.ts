import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Browser } from 'playwright-core';
import { launchChromium } from '../support/chromium.ts';
import { startCodexTest, type CodexTest } from './codex.support.ts';

let test: CodexTest;
let browser: Browser;
beforeAll(async () => {
  test = await startCodexTest();
  browser = await launchChromium();
});
afterAll(async () => {
  await browser.close();
  await test.stop();
});

it('signs in with a real browser that comes back from the provider’s page', async () => {
  const { url } = await test.engine.control.bridges.signIn({ bridge: 'codex', route: 'chatgpt', agree: true });
  const page = await browser.newPage();
  await page.goto(url ?? '');
  await page.click('#allow');
  await page.getByText('ChatGPT has answered.').waitFor();
  expect(new URL(page.url()).hostname).toBe('127.0.0.1');
  expect(await test.until(({ state }) => state !== 'signing_in')).toMatchObject({ state: 'ready', route: 'chatgpt' });
});

it('tells a real browser that the sign-in was declined', async () => {
  const { url } = await test.engine.control.bridges.signIn({ bridge: 'codex', route: 'chatgpt' });
  const page = await browser.newPage();
  await page.goto(url ?? '');
  await page.click('#deny');
  await page.getByText('was not completed').waitFor();
  // The account that worked before goes on working.
  expect(await test.until(({ state }) => state !== 'signing_in')).toMatchObject({
    state: 'ready',
    reason: 'The sign-in was declined at the provider.',
  });
});
