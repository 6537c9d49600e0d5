import type { Locator, Page, Route } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import type { Call } from '../../bridges/contract/index.ts';
import { startEngineStub, type EngineStub } from '../fakes/engine-stub.ts';
import type { WindowPage } from '../support/window-page.ts';
import { windowTests } from '../support/window-tests.ts';

/** A call that was translated from messages to chat. */
const TRANSLATED: Partial<Call> = {
  client: 'claude-code',
  state: 'done',
  cut: false,
  error: null,
  status: 200,
  upstream: 'gateway',
  wireIn: 'messages',
  wireOut: 'chat',
  streamed: true,
  requestBytes: 9000,
  lost: [
    { path: 'thinking.budget_tokens', why: 'chat takes an effort, not a budget' },
    { path: 'system[].cache_control', why: 'chat has no place for cache marks' },
    { path: 'tool results', why: 'a call has no result' },
  ],
};

const windows = windowTests();

let stub: EngineStub;
let view: WindowPage;
let page: Page;

async function open(path: string, options: { colorScheme?: 'light' | 'dark'; pushed?: Partial<Call> } = {}): Promise<void> {
  stub = windows.serve(await startEngineStub({ calls: 60 }));
  if (options.pushed) stub.push(options.pushed);
  view = await windows.open(stub.url + path, options.colorScheme);
  page = view.page;
}

async function shown(locator: Locator): Promise<boolean> {
  await locator.waitFor();
  return true;
}

describe('the query', () => {
  test('is completed as one types, by keys alone', async () => {
    await open('/calls');
    await page.keyboard.press('/');
    await page.keyboard.type('up');
    await page.getByRole('option', { name: 'upstream:' }).waitFor();
    await page.keyboard.press('Tab');
    const field = page.getByLabel('Query the calls');
    expect(await field.inputValue()).toBe('upstream:');
    await page.keyboard.type('ga');
    await page.getByRole('option').filter({ hasText: 'gateway' }).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.getByRole('option', { selected: true }).filter({ hasText: 'gateway' }).waitFor();
    await page.keyboard.press('Enter');
    await expect.poll(() => field.inputValue()).toBe('upstream:gateway');
    await page.keyboard.press('Enter');
    await page.waitForURL((url) => url.searchParams.get('q') === 'upstream:gateway');
    await expect.poll(() => page.evaluate('document.activeElement.getAttribute("role")')).toBe('grid');
    await page.getByRole('grid').getByText('gateway').first().waitFor();
    expect(await page.getByRole('grid').getByText('anthropic').count()).toBe(0);
  });

  test('says what is wrong at its place, and keeps the list', async () => {
    await open('/calls?q=client:codex');
    const field = page.getByLabel('Query the calls');
    await field.fill('client:codex stauts:500 ');
    const alert = page.getByRole('alert');
    await alert.getByText('There is no field "stauts".').waitFor();
    expect(await alert.getByText('stauts', { exact: true }).count()).toBe(1);
    expect(new URL(page.url()).searchParams.get('q')).toBe('client:codex');
    await field.fill('status:500 ');
    await alert.waitFor({ state: 'hidden' });
    await page.waitForURL((url) => url.searchParams.get('q') === 'status:500');
  });

  test('holds for rows that arrive live, and asks again where only the engine can tell', async () => {
    await open('/calls?q=status:>=500');
    const well = stub.push({ status: 200, state: 'done', cut: false });
    const ill = stub.push({ status: 503, state: 'done', cut: false });
    await page.locator(`#call-${ill.id}`).waitFor();
    expect(await page.locator(`#call-${well.id}`).count()).toBe(0);
    await page.goto(`${stub.url}/calls?q=marmalade`);
    await page.getByText('No call matches').waitFor();
    await page.getByText('Live', { exact: true }).waitFor();
    const wanted = stub.push({ modelRequested: 'marmalade-1', status: 200, state: 'done' });
    expect(await shown(page.locator(`#call-${wanted.id}`))).toBe(true);
  });
});

describe('the columns', () => {
  test('are chosen, and the choice lasts', async () => {
    await open('/calls');
    await page.getByRole('button', { name: 'Columns' }).click();
    await page.getByRole('menuitemcheckbox', { name: 'Path' }).click();
    await page.getByRole('menuitemcheckbox', { name: 'Caller' }).click();
    await page.keyboard.press('Escape');
    await page.getByRole('columnheader', { name: 'Path' }).waitFor();
    await page.reload();
    await page.getByRole('columnheader', { name: 'Path' }).waitFor();
    expect(await page.getByRole('columnheader', { name: 'Caller' }).count()).toBe(0);
    await page.getByRole('button', { name: 'Columns' }).click();
    await page.getByRole('menuitem', { name: 'The usual columns' }).click();
    expect(await shown(page.getByRole('columnheader', { name: 'Caller' }))).toBe(true);
  });
});

describe('the inspector', () => {
  test('sets both ends of a request side by side, with each loss at its field', async () => {
    await open('/calls/61?tab=request', { pushed: TRANSLATED });
    const sent = page.getByRole('region', { name: 'claude-code sent' });
    const got = page.getByRole('region', { name: 'gateway got' });
    await sent.getByText('"budget_tokens":').waitFor();
    await got.getByText('"reasoning_effort":').waitFor();
    expect(await sent.getByTitle('Lost: chat takes an effort, not a budget').innerText()).toContain('"budget_tokens": 16000');
    expect(await sent.getByTitle('Lost: chat has no place for cache marks').innerText()).toContain('"cache_control"');
    await page.getByRole('button', { name: 'Show thinking.budget_tokens in the body' }).click();
    expect(await page.getByRole('button', { name: 'Show tool results in the body' }).count()).toBe(0);
    const [left, right] = [await sent.boundingBox(), await got.boundingBox()];
    expect(left?.width).toBeGreaterThan(200);
    await page.keyboard.press('w');
    await page.getByRole('button', { name: /Give the list its room back/ }).waitFor();
    await expect.poll(async () => (await got.boundingBox())?.width).toBeGreaterThan(right?.width ?? 0);
    await page.keyboard.press(']');
    await page.waitForURL('**/calls/61?tab=reply');
    expect(await shown(page.getByRole('region', { name: 'gateway sent' }))).toBe(true);
  });

  test('shows a conversation with its pictures, thoughts, and what tools changed', async () => {
    await open('/calls/61', { pushed: TRANSLATED });
    const talk = page.getByRole('region', { name: 'Conversation' });
    const picture = talk.getByRole('img', { name: /image\/png/ });
    await picture.waitFor();
    expect(await page.evaluate('((one) => one.decode().then(() => one.naturalWidth))(document.querySelector("[role=region] img"))')).toBe(
      64,
    );
    const change = talk.getByRole('group', { name: 'The change to src/import.ts' });
    await change.getByText('const { size } = await stat(path);').waitFor();
    await talk.getByRole('button', { name: 'Show the arguments' }).click();
    await talk.getByText('"old_string"').waitFor();
    await talk
      .getByRole('button', { name: /^Thinking/ })
      .first()
      .click();
    await talk.getByText('I should look at the importer first.').waitFor();
    expect(await shown(talk.locator('.hljs-keyword').first())).toBe(true);
  });

  test('tells when each part of a stream came, and how much it was', async () => {
    await open('/calls/61?tab=stream', { pushed: TRANSLATED });
    await page.getByRole('img', { name: /frames of .* in all, over/ }).waitFor();
    const first = page.getByRole('list', { name: 'Frames' }).getByRole('listitem').first();
    expect(await first.innerText()).toMatch(/\d+ B$/);
  });

  test('a cost of next to nothing is not rounded to nothing', async () => {
    await open('/calls');
    await page.route('**/usage/cost*', (route) =>
      route.fulfill({ json: { json: { usd: 0.0000031, label: 'list price', complete: true } } }),
    );
    await view.go('/calls/60?tab=summary');
    await page.getByRole('definition').filter({ hasText: '$0.0000031' }).waitFor();
  });

  test('tells why the cache broke, and says so where nobody knows', async () => {
    await open('/calls/61?tab=why', { pushed: TRANSLATED });
    await page.getByText('The cache ends at system part 2').waitFor();
    await page.getByRole('group', { name: 'system text, before and now' }).getByText('Today is Saturday.').waitFor();
    await page.goto(`${stub.url}/calls/61?tab=summary`);
    expect(await shown(page.getByText('/home/you/shop', { exact: true }))).toBe(true);
  });

  test('copies a call as a command, with no secret in it', async () => {
    await open('/calls/61', { pushed: { ...TRANSLATED, requestBytes: 900_000 } });
    await page.getByRole('button', { name: 'Copy as' }).click();
    await page.getByRole('menuitem', { name: 'curl' }).click();
    await page.getByText('Put a client key in place of <key>').waitFor();
    const text = await page.evaluate<string>('navigator.clipboard.readText()');
    expect(text).toContain("curl 'http://127.0.0.1:11435/v1/");
    expect(text).toContain('authorization: Bearer <key>');
    expect(text).not.toContain('[redacted]');
    expect(text.length).toBeGreaterThan(890_000);
  });

  test('a press that is down while the call is read again still counts', async () => {
    await open('/calls/61?tab=request', { pushed: { ...TRANSLATED, lost: [], requestBytes: 700_000 } });
    const button = page.getByRole('button', { name: 'Load all' });
    await button.hover();
    await page.mouse.down();
    const again = Promise.withResolvers<Route>();
    await page.route('**/calls/get*', again.resolve, { times: 1 });
    stub.push({ ...TRANSLATED, id: 61, lost: [], requestBytes: 700_000 });
    const held = await again.promise;
    await page.mouse.up();
    await page.getByText('Only the first part').waitFor({ state: 'hidden' });
    await held.continue();
  });

  test('a body of megabytes is laid out in pieces', async () => {
    await open('/calls/61?tab=request', {
      pushed: { ...TRANSLATED, upstream: 'anthropic', wireOut: 'messages', lost: [], requestBytes: 4_000_000 },
    });
    await page.getByRole('button', { name: 'Load all' }).click();
    await page.getByText('Only the first part').waitFor({ state: 'hidden' });
    const body = page.getByRole('region', { name: 'Body of the client’s request' });
    await body.getByText('"max_tokens":').waitFor();
    expect(await body.evaluate((element) => element.textContent.length)).toBeLessThan(200_000);
  });
});

describe.each(['light', 'dark'] as const)('accessibility, %s', (colorScheme) => {
  test('every side of a call', async () => {
    await open('/calls', { colorScheme, pushed: TRANSLATED });
    const SIDES = {
      summary: 'Tokens, as the reply stated them',
      conversation: 'src/import.ts',
      request: '"budget_tokens":',
      reply: 'message_start',
      stream: 'message_start',
      headers: 'Client request',
      timing: 'Tokens, as the reply stated them',
      why: 'Today is Saturday.',
    };
    for (const [tab, sign] of Object.entries(SIDES)) {
      await view.go(`/calls/61?tab=${tab}`);
      await page.getByText(sign).first().waitFor();
      expect([tab, await view.findings()]).toEqual([tab, []]);
    }
  });

  test('the query with its offers and its problems, and the menu of columns', async () => {
    await open('/calls', { colorScheme });
    await page.keyboard.press('/');
    await page.getByRole('option').first().waitFor();
    expect(await view.findings()).toEqual([]);
    await page.keyboard.type('stauts:1 ');
    await page.keyboard.press('Escape');
    await page.getByRole('alert').waitFor();
    expect(await view.findings()).toEqual([]);
    await page.getByLabel('Query the calls').fill('');
    await page.getByRole('button', { name: 'Columns' }).click();
    await page.getByRole('menuitemcheckbox').first().waitFor();
    expect(await view.findings()).toEqual([]);
  });
});
