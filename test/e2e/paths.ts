import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import type { EngineClient } from '../../bridges/contract/index.ts';

/** Where a path is walked: the page of the window, and the engine behind it. */
export type Walk = { page: Page; engine: EngineClient };

/** Goes to a page of the window as a link does, without loading the window anew. */
const go = (page: Page, path: string): Promise<void> => page.evaluate(`history.pushState(null, '', ${JSON.stringify(path)})`);

/** What a person mainly does on each page. The same on every carrier; each begins by going there and needs no other before it. */
export const PATHS: Readonly<Record<string, (walk: Walk) => Promise<void>>> = {
  async welcome({ page }) {
    await go(page, '/welcome');
    await page.getByRole('button', { name: /^(?:1 )?Make a first call/ }).click();
    await page.getByRole('button', { name: 'Make the first call' }).click();
    await page.getByRole('region', { name: 'Your first call' }).getByText('Practice model', { exact: true }).waitFor();
  },

  async overview({ page }) {
    await go(page, '/');
    await page.getByText('The way of a call').waitFor();
    await page.getByRole('status', { name: 'Health' }).getByText('Everything is ready').waitFor();
    await page.getByRole('button', { name: 'Try it' }).click();
    await page.waitForURL(/\/calls\/\d+$/);
  },

  async bridges({ page, engine }) {
    await go(page, '/bridges/codex');
    await page.getByRole('region', { name: 'State' }).getByRole('status').filter({ hasText: 'Signed out' }).waitFor();
    const toggle = page.getByRole('switch', { name: 'Codex serves calls' });
    await toggle.click();
    await page.getByText('It is switched off').waitFor();
    // The doctor finds it, and its button mends it.
    await page.getByRole('button', { name: 'Examine', exact: true }).click();
    await page.getByRole('list', { name: 'Findings' }).getByRole('button', { name: 'Switch it on' }).click();
    await page.getByText('It is switched off').waitFor({ state: 'hidden' });
    expect((await engine.settings.get({})).settings.bridges.codex.enabled).toBe(true);
  },

  async tunnels({ page }) {
    await go(page, '/tunnels');
    await page.getByRole('heading', { name: 'No tunnel yet' }).waitFor();
    await page.getByRole('button', { name: 'Add tunnel' }).click();
    await page.getByLabel('Name', { exact: true }).fill('Not a name!');
    await page.keyboard.press('Tab');
    await page.getByText('small letters, digits or hyphens').waitFor();
  },

  async calls({ page, engine }) {
    const { id } = await engine.practice.call({});
    await go(page, '/calls');
    await page.locator(`#call-${id}`).click();
    const pane = page.getByRole('region', { name: `Call ${id}` });
    await pane.getByRole('tab', { name: 'Request', exact: true }).click();
    await pane.getByText('"messages":').first().waitFor();

    await pane.getByRole('button', { name: 'Export it (e)' }).click();
    const out = page.getByRole('dialog', { name: `Export call ${id}` });
    await out.getByRole('radio', { name: 'HAR' }).check();
    await out.getByRole('button', { name: 'Export', exact: true }).click();
    await page.getByRole('dialog', { name: `Exported call ${id}` }).waitFor();

    await pane.getByRole('button', { name: 'Send it again (r)' }).click();
    await page
      .getByRole('dialog', { name: `Send call ${id} again` })
      .getByRole('button', { name: 'Send', exact: true })
      .click();
    const answer = page.getByRole('dialog', { name: `Call ${id}, then and now` });
    await answer.getByText('Both say the same').waitFor();
    // Edited, it is another question, and gets another answer.
    await answer.getByRole('button', { name: 'Change it and send again' }).click();
    const again = page.getByRole('dialog', { name: `Send call ${id} again` });
    await again.getByRole('button', { name: 'Edited', exact: true }).click();
    const kept = await again.getByLabel('Request to send').inputValue();
    await again.getByLabel('Request to send').fill('{');
    await again.getByRole('button', { name: 'Send', exact: true }).click();
    await again.getByText('This is no JSON').waitFor();
    const edited = { ...JSON.parse(kept), messages: [{ role: 'user', content: 'Is it another question?' }] };
    await again.getByLabel('Request to send').fill(JSON.stringify(edited));
    await again.getByRole('button', { name: 'Send', exact: true }).click();
    await answer.getByRole('region', { name: 'Now' }).getByText('Is it another question?').waitFor();
    await answer.getByRole('button', { name: /^Open call \d+$/ }).click();
    await page.getByRole('button', { name: `Compare with call ${id}, which it repeats` }).click();
    await page.getByRole('dialog').getByText('They say different things').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog', { name: /and its repetition/ }).waitFor({ state: 'hidden' });
  },

  async conversations({ page, engine }) {
    const { id } = await engine.practice.call({});
    await go(page, '/conversations');
    await page.getByRole('link').filter({ hasText: /./ }).first().waitFor();
    await go(page, `/conversations/${id}`);
    await page.getByRole('treeitem').first().waitFor();
    await page.getByRole('button', { name: 'List', exact: true }).click();
    await page.getByRole('region', { name: 'Calls of this conversation' }).getByRole('row').nth(1).waitFor();
    await page.getByRole('button', { name: 'Export', exact: true }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Export', exact: true }).click();
    await page.getByRole('dialog', { name: 'Exported the conversation' }).waitFor();
  },

  async usage({ page, engine }) {
    await engine.practice.call({});
    await go(page, '/usage');
    await page.getByRole('region', { name: 'Usage by client' }).getByRole('row').filter({ hasText: 'drawbridge' }).waitFor();
    await page.getByRole('group', { name: 'Span' }).getByRole('button', { name: '24 hours' }).click();
    await page.waitForURL(/span=24h/);
  },

  async clients({ page, engine }) {
    await go(page, '/clients');
    // The keys stand below the clients, and move down when these have been found: a click in that moment hits nothing.
    await page.getByRole('tab').first().waitFor();
    await page.getByRole('button', { name: 'Create key' }).first().click();
    await page.getByLabel('Name', { exact: true }).fill('far away');
    await page.getByRole('radio', { name: 'The gateway' }).check();
    await page.getByRole('dialog').getByRole('button', { name: 'Create key' }).click();
    expect(await page.getByLabel('New key').innerText()).toMatch(/^db_/);
    await page.getByRole('button', { name: 'Done' }).click();
    await page.getByRole('row').filter({ hasText: 'far away' }).getByRole('cell', { name: 'gateway', exact: true }).waitFor();
    expect((await engine.keys.list({})).find(({ name }) => name === 'far away')?.use).toBe('gateway');
    await page.getByRole('button', { name: 'Revoke far away' }).click();
    await page.getByRole('cell', { name: 'far away', exact: true }).waitFor({ state: 'hidden' });
  },

  async settings({ page, engine }) {
    await go(page, '/settings');
    await page.getByRole('group', { name: 'Theme' }).getByRole('button', { name: 'Dark' }).click();
    await page.locator(':root[data-theme="dark"]').waitFor();

    await page.getByRole('switch', { name: 'Start when you log in' }).click();
    await page.getByRole('dialog', { name: 'Drawbridge starts when you log in' }).getByRole('button', { name: 'Undo' }).click();
    await page.getByRole('switch', { name: 'Start when you log in', checked: false }).waitFor();
    expect((await engine.loginItem.get({})).state).toBe('off');

    await page.getByLabel('Model of a new price').fill('practice/*');
    await page.getByLabel('In, dollars for a million tokens').fill('1.5');
    await page.getByRole('button', { name: 'Save price' }).click();
    const own = page.getByRole('region', { name: 'Prices of your own' }).getByRole('row').filter({ hasText: 'practice/*' });
    await own.getByRole('cell', { name: '$1.50' }).waitFor();
    expect((await engine.usage.prices({})).prices.filter(({ from }) => from === 'user')).toMatchObject([
      { model: 'practice/*', input: 1.5 },
    ]);
    await page.getByRole('button', { name: 'Remove the price of practice/*' }).click();
    await own.waitFor({ state: 'hidden' });
  },

  async 'the calls of another store'({ page, engine }) {
    const { id } = await engine.practice.call({});
    let file = '';
    for await (const piece of await engine.exchange.export({ format: 'jsonl', query: `id:${id}` })) file += piece;
    await go(page, '/settings');
    await page
      .getByLabel('File of calls')
      .setInputFiles({ name: 'calls.jsonl', mimeType: 'application/jsonl', buffer: Buffer.from(`${file}not a call\n`) });
    await page.getByText('0 calls taken, 1 were here already, 1 line could not be read.').waitFor();
  },

  async 'the popover'({ page, engine }) {
    const { id } = await engine.practice.call({});
    await go(page, '/popover');
    await page.getByRole('region', { name: 'Last calls' }).getByText('drawbridge').first().waitFor();
    await page.getByRole('button', { name: 'Pause capture' }).click();
    await page.getByRole('button', { name: 'Resume capture' }).click();
    await page.getByRole('button', { name: 'Pause capture' }).waitFor();
    await page.getByRole('region', { name: 'Last calls' }).getByRole('listitem').first().getByRole('button').click();
    await page.waitForURL(`**/calls/${id}`);
  },
};
