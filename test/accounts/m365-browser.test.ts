import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Browser } from 'playwright-core';
import { launchChromium } from '../support/chromium.ts';
import { startM365Test, type M365Test } from './m365.support.ts';

let test: M365Test;
let browser: Browser;
beforeAll(async () => {
  test = await startM365Test();
  browser = await launchChromium();
});
afterAll(async () => {
  await browser.close();
  await test.stop();
});

it('signs in with a real browser, whose answer comes as a form and leaves nothing in the address', async () => {
  const { url } = await test.engine.control.bridges.signIn({ bridge: 'm365', route: 'graph', agree: true });
  const page = await browser.newPage();
  await page.goto(url ?? '');
  await page.click('#allow');
  await page.getByText('Microsoft has answered.').waitFor();
  expect(page.url()).toMatch(/^http:\/\/localhost:\d+\/$/);
  expect(await test.until(({ state }) => state !== 'signing_in')).toMatchObject({ state: 'ready', route: 'graph' });
});

it('tells a real browser that the sign-in was declined', async () => {
  const { url } = await test.engine.control.bridges.signIn({ bridge: 'm365', route: 'graph' });
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

it('takes no answer from a page of another site', async () => {
  const { url } = await test.engine.control.bridges.signIn({ bridge: 'm365', route: 'graph' });
  const asked = new URL(url ?? '').searchParams;
  const page = await browser.newPage();
  // The stand-in's name for itself is another site than its address.
  await page.goto(test.microsoft.origin.replace('127.0.0.1', 'localhost'));
  await page.setContent(
    `<form method="post" action="${asked.get('redirect_uri') ?? ''}"><input name="code" value="x"><input name="state" value="${asked.get('state') ?? ''}"><button>go</button></form>`,
  );
  const answered = page.waitForResponse((response) => response.request().method() === 'POST');
  await page.click('button');
  expect((await answered).status()).toBe(403);
  expect(test.bridge().state).toBe('signing_in');
  await test.engine.control.bridges.cancelSignIn({ bridge: 'm365' });
});
