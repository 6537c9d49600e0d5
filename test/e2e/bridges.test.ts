import type { Locator, Route } from 'playwright-core';
import { beforeEach, expect, it } from 'vitest';
import { KEY } from '../accounts/codex.support.ts';
import { startFakeGitHub, type FakeGitHub } from '../fakes/github.ts';
import { startFakeOpenAI, type FakeOpenAI } from '../fakes/openai.ts';
import { startTestEngine, type TestEngine } from '../support/engine.ts';
import type { WindowPage } from '../support/window-page.ts';
import { windowTests } from '../support/window-tests.ts';

/** The page of the bridges: the real engine and a real browser, against the strict stand-ins. */
const windows = windowTests();
let openai: FakeOpenAI;
let github: FakeGitHub;
let engine: TestEngine;
let view: WindowPage;

beforeEach(async () => {
  openai = windows.serve(await startFakeOpenAI());
  github = await startFakeGitHub();
  windows.serve(github.server);
  github.hasPage = true;
  const url = github.server.baseUrl;
  engine = windows.serve(
    await startTestEngine({
      settings: {
        upstreams: { openai: { baseUrl: openai.baseUrl }, chatgpt: { baseUrl: openai.baseUrl } },
        bridges: { codex: { issuer: openai.baseUrl, paceMs: 0 }, copilot: { github: url, api: url, paceMs: 0 } },
      },
    }),
  );
  view = await windows.open(engine.headless.link());
});

const go = async (bridge: string): Promise<void> => {
  await view.page.getByRole('link', { name: 'Bridges', exact: true }).click();
  await view.page.getByRole('navigation', { name: 'Bridges' }).getByRole('link', { name: bridge }).click();
};
const state = (): Locator => view.page.getByRole('region', { name: 'State' }).getByRole('status');
const stateIs = (label: string): Promise<void> => state().filter({ hasText: label }).waitFor();
const card = (name: string): Locator => view.page.getByRole('region', { name, exact: true });
const withKey = async (): Promise<void> => {
  const { page } = view;
  await page.getByRole('radio', { name: /OpenAI API key/ }).check();
  await page.getByLabel('Key', { exact: true }).fill(KEY);
  await page.getByRole('button', { name: 'Agree, and check and keep the key' }).click();
  await stateIs('Ready');
};

it('signs in with a device code: an app of one’s own, the terms, the code on the provider’s page', async () => {
  const { page, context } = view;
  await go('GitHub Copilot');
  await stateIs('Signed out');
  await page.getByRole('radio', { name: /GitHub, by your own OAuth app/ }).check();
  await page.getByText('GitHub documents no use of Copilot’s endpoints').first().waitFor();
  await view.shot('bridge-signed-out');
  await page.getByLabel('Client id of your OAuth app').fill(github.clientId);
  await page.getByRole('button', { name: 'Agree, and sign in in the browser' }).click();
  await stateIs('Signing in');
  await page.getByRole('button', { name: 'Copy code' }).click();
  const code = await page.evaluate<string>('navigator.clipboard.readText()');
  expect(code).toBe(await page.getByLabel('Code', { exact: true }).innerText());
  await page.getByText(/^Good for 1[34]:\d\d$/).waitFor();
  expect(await view.findings()).toEqual([]);
  await view.shot('bridge-signing-in');

  // The code is still there for who loads the window anew.
  await page.reload();
  await page.getByText(code, { exact: true }).waitFor();
  const opened = context.waitForEvent('page');
  await page.getByRole('link', { name: 'Open the sign-in page' }).click();
  const theirs = await opened;
  await theirs.getByLabel('Code').fill(code);
  await theirs.getByRole('button', { name: 'Authorize' }).click();
  await stateIs('Ready');
  await card('Accounts').getByText('octofake').waitFor();
  await card('Models').getByText('copilot/claude-sonnet-4.6').waitFor();
  await card('Quota').getByText('19.5 % used').waitFor();
  await card('Quota')
    .getByText(/of 1,500 requests left; more may be used/)
    .waitFor();
  expect(await view.findings()).toEqual([]);
  await view.shot('bridge-ready');
});

it('a sign-in can be cancelled, and one that is declined says so', async () => {
  const { page, context } = view;
  await engine.control.settings.update({ patch: { bridges: { copilot: { clientId: github.clientId } } } });
  await go('GitHub Copilot');
  await page.getByRole('radio', { name: /GitHub, by your own OAuth app/ }).check();
  await page.getByRole('button', { name: 'Agree, and sign in in the browser' }).click();
  await stateIs('Signing in');
  await card('State').getByRole('button', { name: 'Cancel' }).click();
  await stateIs('Signed out');
  await page.getByRole('button', { name: 'Sign in in the browser' }).click();
  const opened = context.waitForEvent('page');
  await page.getByRole('link', { name: 'Open the sign-in page' }).click();
  const theirs = await opened;
  await theirs.getByLabel('Code').fill('ABCD-1234');
  await theirs.getByRole('button', { name: 'Cancel' }).click();
  await stateIs('Denied');
  await card('State').getByText('declined at the provider').waitFor();
  expect(await view.findings()).toEqual([]);
  await view.shot('bridge-denied');
});

it('a key is checked and kept, its account used, examined and signed out', async () => {
  const { page } = view;
  await go('Codex');
  await page.getByRole('radio', { name: /OpenAI API key/ }).check();
  await page.getByLabel('Key', { exact: true }).fill('sk-wrong');
  await page.getByRole('button', { name: 'Agree, and check and keep the key' }).click();
  await stateIs('Signed out');
  await card('State').getByText('OpenAI does not accept this key.').waitFor();
  await view.shot('bridge-key-refused');
  await page.getByLabel('Key', { exact: true }).fill(KEY);
  await page.getByRole('button', { name: 'Check and keep the key' }).click();
  await stateIs('Ready');
  expect(await page.content()).not.toContain(KEY);

  await card('Doctor').getByRole('button', { name: 'Examine' }).click();
  await card('Doctor').getByText('Listening on').waitFor();
  await card('Safety limits').getByLabel('Ceiling of a day').fill('12');
  await page.keyboard.press('Enter');
  await card('Safety limits').getByText('0 of 12').waitFor();
  await card('Safety limits').getByLabel('At once').fill('0');
  await page.keyboard.press('Enter');
  await card('Safety limits').getByRole('alert').waitFor();
  view.excuse('400');

  const serves = page.getByRole('switch', { name: 'Codex serves calls' });
  const turn = Promise.withResolvers<Route>();
  await page.route('**/bridges/enable*', turn.resolve, { times: 1 });
  await serves.click();
  const held = await turn.promise;
  // While it is being turned it keeps the keyboard's place, and takes no second press.
  await serves.and(page.locator('[aria-readonly="true"]')).waitFor();
  expect(await serves.evaluate((element) => element.matches(':focus'))).toBe(true);
  await page.keyboard.press('Space');
  await held.continue();
  await page.getByText('It is switched off').waitFor();
  expect((await engine.control.settings.get({})).settings.bridges.codex.enabled).toBe(false);
  await page.getByRole('switch', { name: 'Codex serves calls' }).click();
  await page.getByText('It is switched off').waitFor({ state: 'hidden' });

  await card('Accounts')
    .getByRole('button', { name: /^Sign out/ })
    .click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Sign out' }).click();
  await stateIs('Signed out');
});

it('two accounts are held and one is used; the scope widens only after its terms were shown', async () => {
  const { page, context } = view;
  await go('Codex');
  await withKey();
  await card('Accounts').getByRole('button', { name: 'Add account' }).click();
  await page.getByRole('radio', { name: /Continue with ChatGPT/ }).check();
  await page.getByRole('button', { name: 'Agree, and sign in in the browser' }).click();
  const opened = context.waitForEvent('page');
  await page.getByRole('link', { name: 'Open the sign-in page' }).click();
  const theirs = await opened;
  await theirs.locator('#allow').click();
  await card('Accounts').getByText('user@example.com').waitFor();
  await stateIs('Ready');

  const clients = card('Scope of use').getByRole('switch', { name: 'Programs on this machine' });
  await clients.click();
  const asks = page.getByRole('alertdialog', { name: 'Widen the scope all the same?' });
  await asks.getByText('OpenAI’s terms exclude general API access').waitFor();
  await page.keyboard.press('Escape');
  await asks.waitFor({ state: 'hidden' });
  expect(await clients.getAttribute('aria-checked')).toBe('false');
  await clients.click();
  await asks.getByRole('button', { name: 'Widen' }).click();
  await card('Scope of use').getByText('your choice').waitFor();

  await card('Accounts').getByRole('button', { name: 'Use key ending in 0001' }).click();
  await card('Accounts').getByRole('button', { name: 'Sign out key ending in 0001' }).waitFor();
});

it('the keyboard does it all, in the dark as well', async () => {
  const { page } = view;
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.keyboard.press('g');
  await page.keyboard.press('b');
  await page.waitForURL('**/bridges');
  await page.getByRole('radio', { name: /OpenAI API key/ }).focus();
  await page.keyboard.press('Space');
  await page.keyboard.press('Tab');
  await page.keyboard.type(KEY);
  await page.keyboard.press('Enter');
  await stateIs('Ready');
  expect(await view.findings()).toEqual([]);
});
