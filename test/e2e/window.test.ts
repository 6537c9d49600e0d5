import type { Locator, Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import type { WindowPage } from '../support/window-page.ts';
import { windowTests } from '../support/window-tests.ts';
import { startEngineStub, type EngineStub } from '../fakes/engine-stub.ts';
import { MADE_BRIDGES, MADE_TUNNELS } from '../fakes/made-status.ts';
import { minutesUntilAsked } from './minutes.ts';

const ROW = '[role="grid"] [role="row"][id]';

const windows = windowTests();

let stub: EngineStub;
let view: WindowPage;
let page: Page;

async function open(path: string, options: { calls?: number; colorScheme?: 'light' | 'dark' } = {}): Promise<void> {
  stub = windows.serve(await startEngineStub({ calls: options.calls ?? 60 }));
  view = await windows.open(stub.url + path, options.colorScheme, { live: false });
  page = view.page;
}

/** Waits until events reach the window, so that nothing pushed after is missed. */
async function live(): Promise<void> {
  await page.getByText('Live', { exact: true }).waitFor();
}

/** True once it is to be seen; throws where that does not happen in time. */
async function shown(locator: Locator): Promise<boolean> {
  await locator.waitFor();
  return true;
}

describe('overview', () => {
  test('says how everything stands', async () => {
    await open('/');
    expect(await page.getByRole('status', { name: 'Health' }).innerText()).toContain('Everything is ready');
    await page.getByText('127.0.0.1:11435').first().waitFor();
    await page.getByRole('region', { name: 'Last calls' }).getByRole('listitem').nth(7).waitFor();
  });

  test('names the cause of a companion that does not listen, and mends it', async () => {
    await open('/');
    await live();
    const mend = { label: 'Use port 11436', action: { kind: 'companion.usePort', port: 11_436 } } as const;
    const reason = 'Another program (ollama) holds port 11435.';
    stub.set({
      listeners: [{ name: 'companion', state: 'failed', address: null, reason, mend }],
      notices: [{ id: 'port', level: 'error', title: 'The companion cannot start', cause: reason, mend }],
    });
    await page.getByText('No client can call').waitFor();
    await page.getByRole('list', { name: 'Notices' }).getByRole('button', { name: 'Use port 11436' }).click();
    await page.getByText('Everything is ready').waitFor();
    expect(await shown(page.getByText('127.0.0.1:11436').first())).toBe(true);
  });

  test('shows what was not captured, and pauses capture', async () => {
    await open('/');
    await live();
    stub.set({ capture: { dropped: 3 } });
    await page.getByText('3 calls not captured').first().waitFor();
    await page.getByRole('button', { name: 'Pause' }).click();
    expect(await shown(page.getByText('Capture paused'))).toBe(true);
    await page.getByRole('button', { name: 'Resume' }).click();
    await page.getByText('Capture paused').waitFor({ state: 'hidden' });
  });

  test.each(['/', '/popover'])(
    'keeps the last hour in step with the clock on %s, and asks for nothing while it is hidden',
    async (path) => {
      await open('/settings');
      await live();
      let asked = 0;
      page.on('request', (request) => {
        if (request.url().endsWith('/rpc/status/get')) asked += 1;
      });
      await page.clock.install();
      await view.go(path);
      await page.getByText('Calls, last hour').waitFor();
      for (let times = 0; times < 2; times += 1) await minutesUntilAsked(page, '**/rpc/status/get');
      await page.evaluate(
        `Object.defineProperty(document, 'visibilityState', { value: 'hidden' }); dispatchEvent(new Event('visibilitychange'))`,
      );
      const before = asked;
      await page.clock.runFor(300_000);
      // One may still come of the event a connection begins with.
      expect(asked - before).toBeLessThan(2);
    },
  );

  test('has the doctor look where a bridge needs its owner, and the finding leads to it', async () => {
    await open('/');
    await live();
    stub.set({ bridges: MADE_BRIDGES });
    await page.getByRole('link', { name: 'Examine' }).click();
    const finding = page.getByRole('list', { name: 'Findings' }).getByRole('listitem').filter({ hasText: 'GitHub Copilot' });
    await finding.getByRole('link', { name: 'See the bridge' }).click();
    await page.waitForURL('**/bridges/copilot');
    expect(await shown(page.getByRole('region', { name: 'Doctor' }))).toBe(true);
  });

  test('makes a practice call and shows its row as practice', async () => {
    await open('/');
    await live();
    await page.getByRole('button', { name: 'Try it' }).click();
    await page.waitForURL('**/calls/61');
    expect(await shown(page.getByRole('region', { name: 'Call 61' }).getByText('Practice', { exact: true }).first())).toBe(true);
  });
});

describe('calls', () => {
  test('a call appears as soon as it begins, and moves', async () => {
    await open('/calls');
    await live();
    await page.locator(ROW).first().waitFor();
    const call = stub.push({ state: 'open', status: null, durationMs: null, modelRequested: 'brand-new', modelUsed: null });
    const row = page.locator(`#call-${call.id}`);
    await row.getByText('brand-new').waitFor();
    await row.getByText('Running').waitFor();
    stub.push({ id: call.id, state: 'cut', cut: true, status: 200, durationMs: 900 });
    expect(await shown(row.getByText('cut', { exact: true }))).toBe(true);
  });

  test('100,000 rows: few of them in the document, the oldest in reach', async () => {
    await open('/calls', { calls: 100_000 });
    await page.locator(ROW).first().waitFor();
    expect(await page.getByRole('grid').getAttribute('aria-rowcount')).toBe('100001');
    await page.keyboard.press('End');
    await page.locator('#call-1').waitFor();
    expect(await page.locator(ROW).count()).toBeLessThan(80);
    expect(await page.locator('#call-1').getAttribute('aria-rowindex')).toBe('100001');
    await live();

    // Far down, a new row moves nothing and is offered.
    const before = await page.locator('#call-1').boundingBox();
    stub.push();
    await page.getByRole('button', { name: '1 new' }).waitFor();
    expect((await page.locator('#call-1').boundingBox())?.y).toBe(before?.y);
    await page.getByRole('button', { name: '1 new' }).click();
    await page.locator('#call-100001').waitFor();
  });

  test('a filter lands in the URL, survives a reload, and holds for live rows', async () => {
    await open('/calls');
    await live();
    await page.keyboard.press('/');
    await page.keyboard.type('codex');
    await page.waitForURL('**/calls?q=codex');
    await page.keyboard.press('Enter');
    await page.getByLabel('Outcome').click();
    await page.getByRole('option', { name: 'Failed or cut' }).click();
    await page.waitForURL(/calls\?(?=.*q=codex)(?=.*outcome=failed)/);
    await page.reload();
    await live();
    expect(await page.getByLabel('Query the calls').inputValue()).toBe('codex');
    expect(await page.getByLabel('Outcome').innerText()).toBe('Failed or cut');

    const other = stub.push({
      client: 'curl',
      caller: null,
      path: '/v1/messages',
      modelRequested: 'm',
      modelUsed: 'm',
      upstream: 'openai',
    });
    const wanted = stub.push({ client: 'codex', status: 500, cut: false, state: 'done' });
    await page.locator(`#call-${wanted.id}`).waitFor();
    expect(await page.locator(`#call-${other.id}`).count()).toBe(0);
    await page.getByRole('button', { name: 'Clear', exact: true }).click();
    await page.locator(`#call-${other.id}`).waitFor();
    expect(new URL(page.url()).search).toBe('');
  });

  test('the keyboard does it all', async () => {
    await open('/');
    await live();
    await page.keyboard.press('g');
    await page.keyboard.press('c');
    await page.waitForURL('**/calls');
    await page.locator('#call-60').waitFor();
    await page.keyboard.press('j');
    await page.keyboard.press('ArrowDown');
    expect(await page.locator('#call-59').getAttribute('aria-selected')).toBe('true');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/calls/59');
    await page.keyboard.press('j');
    await page.waitForURL('**/calls/58');
    await page.keyboard.press('k');
    await page.waitForURL('**/calls/59');
    await page.keyboard.press('Escape');
    await page.waitForURL('**/calls');
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    await page.getByLabel('Upstream', { exact: true }).click();
    await page.getByRole('listbox').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('listbox').waitFor({ state: 'hidden' });
    await page.keyboard.press('g');
    await page.keyboard.press('k');
    await page.waitForURL('**/clients');
  });

  test('with no calls, it teaches how to make one', async () => {
    await open('/calls', { calls: 0 });
    await page.getByText('curl http://127.0.0.1:11435/v1/chat/completions').waitFor();
    await page.getByRole('button', { name: 'Copy command that makes a call' }).click();
    await page.getByRole('button', { name: 'Copied' }).waitFor();
    expect(await page.evaluate<string>('navigator.clipboard.readText()')).toContain('practice/echo');
  });
});

describe('detail', () => {
  test('shows every side of a call', async () => {
    await open('/calls');
    await live();
    const call = stub.push({
      state: 'done',
      cut: false,
      error: null,
      status: 200,
      upstream: 'gateway',
      wireIn: 'messages',
      wireOut: 'chat',
      streamed: true,
      usage: { input: 1200, cached: null, cacheWrite: null, output: 34, reasoning: null },
      lost: [{ path: 'thinking.budget_tokens', why: 'chat takes an effort, not a budget' }],
    });
    await page.locator(`#call-${call.id}`).click();
    const pane = page.getByRole('region', { name: `Call ${call.id}` });
    await pane.getByText('1 thing could not cross from messages to chat').waitFor();
    await pane.getByText('Why does the import of large files run out of memory?').waitFor();
    await pane.getByText('image/png').waitFor();

    const tab = (name: string): Promise<void> => pane.getByRole('tab', { name, exact: true }).click();
    await tab('Request');
    await pane.getByText('"max_tokens":').waitFor();
    expect(await pane.getByText('9007199254740', { exact: false }).count()).toBeGreaterThan(0);
    await pane.getByRole('group', { name: 'Form of the client’s request' }).getByRole('button', { name: 'Raw' }).click();
    await pane.getByText('"max_tokens":32000,').waitFor();
    await tab('Reply');
    await pane.getByText('event: message_start').waitFor();
    await pane.getByRole('region', { name: 'gateway sent' }).waitFor();
    await tab('Stream');
    await pane.getByRole('list', { name: 'Frames' }).getByText('message_start', { exact: true }).click();
    await pane.getByText('"id": "msg_01"').waitFor();
    await pane.getByText(`${call.ttfbMs} ms`, { exact: true }).waitFor();
    await tab('Headers');
    await pane.getByText('redacted', { exact: true }).first().waitFor();
    await tab('Timing');
    await pane.getByText('not stated').first().waitFor();
    await page.waitForURL(`**/calls/${call.id}?tab=timing`);
    await page.reload();
    await pane.getByText('Tokens, as the reply stated them').waitFor();
  });

  test('a body that came in part is said to be so, and loaded whole', async () => {
    await open('/calls');
    await live();
    const call = stub.push({ requestBytes: 3_000_000, upstream: 'anthropic', wireIn: 'messages', wireOut: 'messages', error: null });
    await page.goto(`${stub.url}/calls/${call.id}?tab=request`);
    await page.getByText('Only the first part of 3.0 MB is shown.').waitFor();
    await page.getByRole('button', { name: 'Load all' }).click();
    await page.getByText('"model":').waitFor();
    const shown = await page
      .getByRole('region', { name: 'Body of the client’s request' })
      .evaluate((element) => element.textContent.length);
    expect(shown).toBeLessThan(200_000);
    await page.getByText('The bytes went through untouched').waitFor();
  });

  test('a call that is not kept is said to be so', async () => {
    await open('/calls/999');
    await page.getByText('This call is not kept').waitFor();
    expect(await shown(page.getByText('No call has the number 999.'))).toBe(true);
    // The browser logs the 404 itself.
    view.excuse('404');
  });
});

describe('clients', () => {
  test('a key is made, shown once, and taken back', async () => {
    await open('/clients');
    await page.getByRole('button', { name: 'Create key' }).click();
    await page.getByLabel('Name').fill('codex');
    await page.keyboard.press('Enter');
    await page.getByText('A key named "codex" exists already.').waitFor();
    view.excuse('400');
    await page.getByLabel('Name').fill('aider');
    await page.keyboard.press('Enter');
    const key = await page.getByLabel('New key').innerText();
    expect(key).toMatch(/^db_/);
    await page.getByRole('button', { name: 'Copy the key' }).click();
    await page.getByRole('button', { name: 'Copied' }).waitFor();
    expect(await page.evaluate<string>('navigator.clipboard.readText()')).toBe(key);
    await page.getByRole('button', { name: 'Done' }).click();
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    await page.getByRole('cell', { name: 'aider', exact: true }).waitFor();
    expect(await page.content()).not.toContain(key);

    await page.getByRole('button', { name: 'Revoke aider' }).click();
    await page.getByRole('cell', { name: 'aider', exact: true }).waitFor({ state: 'hidden' });
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.getByRole('cell', { name: 'aider', exact: true }).waitFor();
  });

  test('each client has its exact settings, and whether it has called', async () => {
    await open('/clients');
    await page.getByText("export ANTHROPIC_BASE_URL='http://127.0.0.1:11435/k/<key>'").waitFor();
    await page.getByText('/home/you/.local/bin/claude').waitFor();
    await page.getByRole('tab', { name: 'Codex CLI' }).click();
    await page.getByText('wire_api = "responses"').waitFor();
    expect(await shown(page.getByText('Calls have arrived', { exact: true }))).toBe(true);
  });
});

describe('connection', () => {
  test('it finds back after the events broke off, and shows what it missed', async () => {
    await open('/calls');
    await live();
    await page.locator('#call-60').waitFor();
    stub.dropEvents();
    await expect.poll(() => stub.listeners()).toBe(0);
    const missed = stub.push();
    await page.locator(`#call-${missed.id}`).waitFor();
    await live();
  });

  test.each(['/', '/popover'])('while the engine does not answer, %s says that it may be old', async (path) => {
    await open('/');
    await live();
    await view.go(path);
    const strip = page.getByRole('alert').filter({ hasText: 'The engine does not answer.' });
    await page.route('**/rpc/events*', (route) => route.abort());
    stub.dropEvents();
    await strip.waitFor();
    expect(await view.findings()).toEqual([]);
    // It tries by itself, too: the button may be gone as soon as an answer can come.
    const tryNow = await strip.getByRole('button', { name: 'Try now' }).elementHandle();
    await page.unroute('**/rpc/events*');
    await tryNow?.dispatchEvent('click');
    await strip.waitFor({ state: 'detached' });
    view.excuse('ERR_FAILED');
  });

  test('a session that ended takes the page, and says what to do', async () => {
    await open('/');
    await live();
    stub.endSession();
    stub.dropEvents();
    await page.getByRole('heading', { name: 'This window’s session has ended' }).waitFor();
    expect(await shown(page.getByText('drawbridge open'))).toBe(true);
    view.excuse('401');
  });

  test('the theme follows the system until one is chosen, and the choice lasts', async () => {
    await open('/', { colorScheme: 'dark' });
    const background = (): Promise<string> => page.evaluate('getComputedStyle(document.body).backgroundColor');
    const dark = await background();
    await page.getByRole('button', { name: 'Theme: as the system' }).click();
    const light = await background();
    expect(light).not.toBe(dark);
    await page.reload();
    await page.getByRole('button', { name: 'Theme: light' }).click();
    expect(await background()).toBe(dark);
  });
});

describe.each(['light', 'dark'] as const)('accessibility, %s', (colorScheme) => {
  const PAGES = {
    '/': 'Last calls',
    '/bridges': 'Codex',
    '/tunnels': 'home',
    '/calls': 'claude-code',
    '/calls/57': 'Reply',
    '/conversations': 'Last call',
    '/conversations/4101': 'Open the call',
    '/usage': 'By client',
    '/clients': 'Connect a client',
    '/settings': 'Diagnostics bundle',
    '/welcome': 'Welcome to Drawbridge',
    '/popover': 'At a glance',
  };
  test.each([1440, 760])('every page, %i pixels wide', async (width) => {
    await open('/', { colorScheme });
    await live();
    stub.set({ bridges: MADE_BRIDGES, tunnels: MADE_TUNNELS });
    await page.setViewportSize({ width, height: 900 });
    for (const [path, sign] of Object.entries(PAGES)) {
      await view.go(path);
      await (path === '/popover' ? page.getByRole('region', { name: sign }) : page.getByText(sign).first()).waitFor();
      expect([path, await view.findings()]).toEqual([path, []]);
    }
  });

  test('the map as a list, a message, the palette and the bundle', async () => {
    await open('/', { colorScheme });
    await live();
    stub.set({ bridges: MADE_BRIDGES, tunnels: MADE_TUNNELS });
    await page.getByText('gateway.example.org').waitFor();
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('dialog', { name: 'Capture is paused' }).waitFor();
    expect(await view.findings()).toEqual([]);
    await page.getByRole('button', { name: 'List', exact: true }).click();
    await page.getByRole('row').filter({ hasText: 'gateway.example.org' }).waitFor();
    expect(await view.findings()).toEqual([]);
    await page.keyboard.press('Control+k');
    await page.getByRole('option', { name: 'Go to Settings' }).waitFor();
    expect(await view.findings()).toEqual([]);
    await page.keyboard.press('Escape');
    await page.goto(`${stub.url}/settings`);
    await page.getByRole('button', { name: 'Look at it…' }).click();
    await page.getByText('companion.listening').waitFor();
    expect(await view.findings()).toEqual([]);
  });
});
