import type { Page } from 'playwright-core';
import { beforeEach, describe, expect, test } from 'vitest';
import { startTestEngine, type TestEngine } from '../support/engine.ts';
import type { WindowPage } from '../support/window-page.ts';
import { windowTests } from '../support/window-tests.ts';
import { minutesUntilAsked } from './minutes.ts';

/** Usage, and how calls are stored, on the real engine with practice calls. */
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

async function call(content = 'Hello'): Promise<void> {
  const stored = engine.call(({ client }) => client === 'curl');
  const reply = await fetch(`${engine.origin}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${engine.key}`, 'content-type': 'application/json', 'user-agent': 'curl/8.0' },
    body: JSON.stringify({ model: 'practice/echo', messages: [{ role: 'user', content }] }),
  });
  await reply.text();
  await stored;
}

const capture = () => engine.headless.engine.settings.current().capture;

describe('usage', () => {
  test('calls are added up as they end, and each chart has its numbers as a table', async () => {
    await open('/usage');
    await page.getByRole('heading', { name: /No calls in the last/ }).waitFor();
    await call();
    await page.getByRole('region', { name: 'Usage by client' }).getByRole('row').filter({ hasText: 'curl' }).waitFor();
    await page.locator('.uplot canvas').nth(5).waitFor();
    const calls = page.getByRole('region', { name: 'Calls', exact: true });
    await calls.locator('summary').focus();
    await page.keyboard.press('Enter');
    const numbers = page.getByRole('region', { name: 'Numbers of Calls' });
    expect(await numbers.getByRole('row').nth(1).getByRole('cell').nth(1).innerText()).toBe('1');
    await page.getByRole('region', { name: 'The last five hours' }).last().getByRole('cell', { name: 'practice' }).waitFor();
  });

  test('calls leave the last five hours though nothing happens', async () => {
    await page.clock.install();
    await open('/usage');
    await page.getByRole('region', { name: 'The last five hours' }).getByText('No calls in the last five hours.').waitFor();
    await minutesUntilAsked(page, '**/usage/window5h*');
  });

  test('quotas that could not be read are read again when asked to', async () => {
    await page.route('**/usage/quotas*', (route) => route.abort());
    await open('/usage');
    const quotas = page.getByRole('region', { name: 'Quotas over time' });
    await quotas.getByText('The quotas cannot be read').waitFor();
    await page.unroute('**/usage/quotas*');
    const none = quotas.getByText('No provider has said anything of its limits');
    await quotas.getByRole('button', { name: 'Try again' }).or(none).click();
    await none.waitFor();
    view.excuse('ERR_FAILED');
  });

  test('the span and the dimension stand in the URL', async () => {
    await call();
    await open('/usage');
    await page.getByRole('group', { name: 'By' }).getByRole('button', { name: 'Model' }).click();
    await page.waitForURL('**/usage?by=model');
    await page.getByRole('region', { name: 'Usage by model' }).getByRole('cell', { name: 'practice/echo' }).waitFor();
    await page.getByRole('group', { name: 'By' }).getByRole('button', { name: 'Kind' }).click();
    await page
      .getByRole('region', { name: 'Usage by kind' })
      .getByRole('row', { name: /^Turns 1 0 / })
      .waitFor();
    await page.getByRole('group', { name: 'Span' }).getByRole('button', { name: '24 hours' }).click();
    await page.waitForURL(/span=24h/);
  });

  test('a link that asks for what there is not shows the usual', async () => {
    await call();
    await open('/usage?by=zzz&span=zzz');
    await page.getByRole('region', { name: 'Usage by client' }).waitFor();
    await view.go('/calls?outcome=zzz&tab=zzz');
    await page.getByRole('grid').getByRole('row').filter({ hasText: 'practice/' }).first().waitFor();
    await view.go('/conversations?model=zzz&before=zzz');
    await page.getByText('Conversations', { exact: true }).first().waitFor();
  });

  test.each(['light', 'dark'] as const)('has no serious accessibility finding, %s', async (colorScheme) => {
    await page.emulateMedia({ colorScheme });
    await call();
    await open('/usage');
    await page.locator('.uplot canvas').nth(5).waitFor();
    await page.getByRole('region', { name: 'Tokens', exact: true }).locator('summary').click();
    expect(await view.findings()).toEqual([]);
    await open('/settings');
    await page.getByRole('list', { name: 'What takes the room' }).waitFor();
    expect(await view.findings()).toEqual([]);
  });
});

test('prices of one’s own are kept where another is typed before they could be read', async () => {
  const price = { input: 1, cached: null, cacheWrite: null, output: 2, source: 'test', date: '2026-11-21' };
  await engine.control.usage.setPrices({ prices: [{ ...price, model: 'lab-old' }] });
  await page.route('**/usage/prices*', (route) => route.abort());
  await open('/settings');
  const card = page.getByRole('region', { name: 'Prices of your own' }).first();
  await card.getByLabel('Model of a new price').fill('lab-new');
  await card.getByLabel('In, dollars for a million tokens').fill('3');
  expect(await card.getByRole('button', { name: 'Save price' }).isDisabled()).toBe(true);
  await card.getByText('The prices cannot be read').waitFor();
  await page.unroute('**/usage/prices*');
  const old = card.getByRole('cell', { name: 'lab-old', exact: true });
  // Usage is read anew by itself, too, when a minute or a call has passed.
  await card.getByRole('button', { name: 'Try again' }).or(old).click();
  await old.waitFor();
  await card.getByRole('button', { name: 'Save price' }).click();
  await card.getByRole('cell', { name: 'lab-new', exact: true }).waitFor();
  const own = (await engine.control.usage.prices({})).prices.filter(({ from }) => from === 'user');
  expect(own.map(({ model }) => model)).toEqual(['lab-old', 'lab-new']);
  view.excuse('ERR_FAILED');
});

test('of two prices that are removed one upon the other neither comes back, and each is put back by itself', async () => {
  const price = { input: 1, cached: null, cacheWrite: null, output: 2, source: 'test', date: '2026-11-21' };
  await engine.control.usage.setPrices({ prices: ['lab-one', 'lab-two', 'lab-three'].map((model) => ({ ...price, model })) });
  const own = async () => {
    const { prices } = await engine.control.usage.prices({});
    return prices.filter(({ from }) => from === 'user').map(({ model }) => model);
  };
  const asked = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  await page.route('**/usage/setPrices*', async (route) => {
    asked.resolve();
    await gate.promise;
    await route.continue();
  });
  await open('/settings');
  await page.getByRole('button', { name: 'Remove the price of lab-one' }).click();
  await asked.promise;
  await page.getByRole('button', { name: 'Remove the price of lab-two' }).click();
  gate.resolve();
  const removed = page.getByRole('dialog', { name: 'Removed the price of lab-two' });
  await removed.waitFor();
  expect(await own()).toEqual(['lab-three']);
  await removed.getByRole('button', { name: 'Undo' }).click();
  await expect.poll(own).toEqual(['lab-three', 'lab-two']);
});

describe('stored calls', () => {
  test('calls are removed only after they were counted and a word was typed', async () => {
    await call();
    await open('/settings');
    await page.getByRole('group', { name: 'Which calls to remove' }).getByRole('button', { name: 'All' }).click();
    await page.getByRole('button', { name: 'Remove…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Remove 1 call for good?' });
    await dialog.getByText('there is no undo').waitFor();
    expect(await dialog.getByRole('button', { name: 'Remove 1 call' }).isDisabled()).toBe(true);
    expect((await engine.control.calls.list({})).calls).toHaveLength(1);
    await dialog.getByLabel('Type “remove” to go on').fill('remove');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog', { name: 'Removed 1 call for good' }).waitFor();
    expect((await engine.control.calls.list({})).calls).toEqual([]);
  });

  test('a page that shows calls has none any more once they are removed elsewhere', async () => {
    await call();
    await open('/calls');
    const rows = page.getByRole('grid').getByRole('row').filter({ hasText: 'practice/' });
    await rows.first().waitFor();
    await engine.control.capture.purge({ scope: { kind: 'all' } });
    await rows.first().waitFor({ state: 'detached' });
    expect(await rows.count()).toBe(0);
  });

  test.each([
    { what: 'call', words: 'This call is not kept' },
    { what: 'conversation', words: 'There is no such conversation' },
  ])('a $what is not shown any longer once it is removed elsewhere', async ({ what, words }) => {
    await call('Words to forget');
    const [row] = (await engine.control.calls.list({})).calls;
    await open(`/${what}s/${row?.id}`);
    const said = page.getByText('Words to forget');
    await said.first().waitFor();
    await engine.control.capture.purge({ scope: { kind: 'all' } });
    await page.getByText(words, { exact: true }).waitFor();
    expect(await said.count()).toBe(0);
    view.excuse('404');
  });

  test('how long calls are kept is saved, and applied at once where asked', async () => {
    await open('/settings');
    await page.getByLabel('Days that calls are kept').fill('90');
    await page.keyboard.press('Enter');
    await expect.poll(() => capture().retention.days).toBe(90);
    await page.getByRole('button', { name: 'Apply now' }).click();
    await page.getByRole('dialog', { name: 'There was nothing to remove' }).waitFor();
    await page.getByRole('button', { name: 'Check the store' }).click();
    await page.getByText('All is sound').waitFor();
  });

  test('an emptied bound keeps calls without end', async () => {
    engine.headless.engine.settings.update({ capture: { retention: { days: 30 } } });
    await open('/settings');
    await page.getByLabel('Days that calls are kept').fill('');
    await page.keyboard.press('Enter');
    await expect.poll(() => capture().retention.days).toBeNull();
    await page.getByLabel('Most that the store may hold in GiB').fill('');
    await page.keyboard.press('Enter');
    await expect.poll(() => capture().retention.maxBytes).toBeNull();
  });

  test('a folder gets a rule, another one, and none by Undo', async () => {
    await open('/settings');
    await page.getByLabel('Folder of a new rule').fill('not a path');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('must be the whole path').waitFor();
    view.excuse('400');
    await page.getByLabel('Folder of a new rule').fill('~/secret');
    await page.keyboard.press('Enter');
    await expect.poll(() => capture().folders).toEqual([{ folder: '~/secret', keep: 'metadata' }]);
    await page.getByRole('group', { name: 'Keep of ~/secret' }).getByRole('button', { name: 'Nothing' }).click();
    await expect.poll(() => capture().folders).toEqual([{ folder: '~/secret', keep: 'ignore' }]);
    await page.getByRole('button', { name: 'Remove the rule for ~/secret' }).click();
    await expect.poll(() => capture().folders).toEqual([]);
  });

  test('recording is paused and goes on', async () => {
    await open('/settings');
    await page.getByRole('switch', { name: 'Pause recording' }).click();
    await expect.poll(() => engine.headless.engine.capture.status().state).toBe('paused');
    await page.getByRole('switch', { name: 'Pause recording', checked: true }).click();
    await expect.poll(() => engine.headless.engine.capture.status().state).toBe('recording');
  });
});
