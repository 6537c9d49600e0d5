import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { launchChromium } from '../support/chromium.ts';
import { startTestEngine, type TestEngine } from '../support/engine.ts';
import { openWindow, type WindowPage } from '../support/window-page.ts';

/** The main job, seen: the real engine, the real window, a real browser. */
let engine: TestEngine;
let browser: Browser;
let view: WindowPage;

beforeAll(async () => {
  engine = await startTestEngine();
  browser = await launchChromium();
  view = await openWindow(browser, engine.headless.link());
});
afterAll(async () => {
  await browser.close();
  await engine.stop();
});

const stream = (model: string): Promise<string> =>
  fetch(`${engine.origin}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${engine.key}`, 'content-type': 'application/json', 'user-agent': 'curl/8.0' },
    body: JSON.stringify({ model, stream: true, messages: [{ role: 'user', content: 'Is the bridge down?' }] }),
  }).then((res) => res.text());

it('a streamed call comes onto the calls page, with both its sides', async () => {
  const { page } = view;
  await page.getByRole('link', { name: 'Calls', exact: true }).click();
  await stream('practice/echo');
  await page.getByRole('row').filter({ hasText: 'practice/echo' }).first().waitFor();
  await page.getByRole('row').filter({ hasText: 'practice/echo' }).first().click();
  await page.getByText('you said "Is the bridge down?"').first().waitFor();
  await page.getByRole('tab', { name: 'Request', exact: true }).click();
  await page.getByText('Is the bridge down?').first().waitFor();
  await page.getByRole('tab', { name: 'Stream', exact: true }).click();
  await page.getByText('[DONE]').first().waitFor();
  expect(view.complaints).toEqual([]);
});

it('the overview is healthy, and its own practice call comes back', async () => {
  const { page } = view;
  await page.getByRole('link', { name: 'Overview' }).click();
  await page.getByText(`127.0.0.1:${engine.port}`).first().waitFor();
  await page.getByRole('button', { name: 'Try it' }).click();
  const row = await engine.call((call) => call.client === 'drawbridge');
  expect(row).toMatchObject({ status: 200, upstream: 'practice' });
  await page.getByText('drawbridge').first().waitFor();
  expect(view.complaints).toEqual([]);
});
