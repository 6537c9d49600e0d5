import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Locator, Page, Route } from 'playwright-core';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { SECRET_PATH, startChatWebhook } from '../fakes/chat-webhook.ts';
import { startFakeUpstream } from '../fakes/upstream.ts';
import { startTestEngine, type TestEngine } from '../support/engine.ts';
import type { WindowPage } from '../support/window-page.ts';
import { windowTests } from '../support/window-tests.ts';

/** The pages on the real engine, each test with an engine and a browser's memory of its own. */
const windows = windowTests();
let engine: TestEngine;
let view: WindowPage;
let page: Page;

beforeEach(async () => {
  engine = windows.serve(await startTestEngine());
});

async function openFirst(): Promise<void> {
  view = await windows.open(engine.headless.link(), 'light', { viewport: { width: 1280, height: 860 } });
  page = view.page;
}
/** Opens the window on a page, past the first steps. */
async function open(path: string): Promise<void> {
  engine.headless.engine.settings.update({ ui: { welcomed: true } });
  await openFirst();
  await view.go(path);
}
/** What Enter would do in the palette. */
const chosen = (title: string): Locator => page.locator('[role=option][data-highlighted]').filter({ hasText: title });
const toast = (title: string): Locator => page.getByRole('dialog', { name: title });
const settings = () => engine.headless.engine.settings.current();

function call(key = engine.key): Promise<Response> {
  return fetch(`${engine.origin}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'user-agent': 'curl/8.0' },
    body: JSON.stringify({ model: 'practice/echo', messages: [{ role: 'user', content: 'Hello' }] }),
  });
}

describe('welcome', () => {
  test('the first window ever leads from nothing to a first call, and puts itself away', async () => {
    await openFirst();
    await page.waitForURL('**/welcome');
    await page.getByRole('button', { name: 'Make the first call' }).click();
    const made = page.getByRole('region', { name: 'Your first call' });
    await made.getByText('Practice model', { exact: true }).waitFor();
    await made.getByText('200', { exact: true }).waitFor();
    expect(await engine.call((row) => row.client === 'drawbridge')).toMatchObject({ upstream: 'practice', status: 200 });

    await page.getByRole('button', { name: 'Go on' }).click();
    await page.getByRole('region', { name: 'Sign in to a subscription' }).getByText('GitHub Copilot', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Skip this step' }).click();
    await page.getByRole('region', { name: 'Connect a client' }).getByText('Waiting for the first call').waitFor();
    await page.getByRole('button', { name: 'Skip this step' }).click();
    await page.getByRole('region', { name: 'Lend it to your gateway' }).waitFor();
    await page.getByRole('button', { name: 'To the overview' }).click();
    await page.getByText('The way of a call').waitFor();
    await expect.poll(() => settings().ui.welcomed).toBe(true);
    await page.getByRole('link', { name: 'First steps' }).waitFor({ state: 'hidden' });
  });

  test('it is not shown again, and is found again', async () => {
    await open('/');
    await page.getByText('The way of a call').waitFor();
    await page.keyboard.press('Control+k');
    await page.getByLabel('Search commands').fill('welcome');
    await chosen('Welcome').waitFor();
    await page.keyboard.press('Enter');
    await page.waitForURL('**/welcome');
    await page.getByRole('heading', { name: 'Welcome to Drawbridge' }).waitFor();
  });

  test('what could not be read of the clients is read by trying again', async () => {
    await open('/');
    await page.route('**/clients/env*', (route) => route.abort());
    await view.go('/welcome');
    await page.getByRole('button', { name: /Connect a client/ }).click();
    const again = page.getByRole('alert').getByRole('button', { name: 'Try again' });
    await again.waitFor();
    await page.unroute('**/clients/env*');
    await again.click();
    await page.getByRole('region', { name: 'Connect a client' }).getByText('Set these variables').waitFor();
    view.excuse('ERR_FAILED');
  });

  test('a step counts as taken by what there is, wherever it was done', async () => {
    await call();
    await engine.call((row) => row.client === 'curl');
    await open('/welcome');
    await page.getByRole('button', { name: /Make a first call done/ }).waitFor();
    await page.getByRole('button', { name: /Connect a client done/ }).waitFor();
    expect(await page.getByRole('button', { name: /Sign in to a subscription/ }).getAttribute('aria-current')).toBe('step');
  });
});

describe('overview', () => {
  test('the map follows a call as it passes, and the list tells the same', async () => {
    await open('/');
    await page.getByRole('list', { name: 'Clients' }).getByText('No client has called yet').waitFor();
    await call();
    await page.getByRole('list', { name: 'Clients' }).getByText('curl').waitFor();
    await page
      .getByRole('list', { name: 'Upstreams' })
      .getByRole('listitem')
      .filter({ hasText: 'Practice model' })
      .getByText('1 call')
      .waitFor();
    await page.getByRole('list', { name: 'Upstreams' }).getByText('GitHub Copilot').waitFor();
    await page.getByRole('button', { name: 'List', exact: true }).click();
    const line = page.getByRole('row').filter({ hasText: 'Practice model' });
    await line.getByText('upstream').waitFor();
    expect(await line.getByRole('cell').nth(3).innerText()).toBe('1');
  });
});

describe('clients', () => {
  test('the live check says the moment a call arrives, and leads to it', async () => {
    await open('/clients');
    await page.getByRole('tab', { name: /^curl/ }).click();
    const check = page.getByRole('region', { name: 'Calls of curl' });
    await check.getByText('Waiting for the first call of curl.').waitFor();
    await call();
    await check.getByText('A call arrived').waitFor();
    await page.getByRole('tab', { name: /^curl called just now/ }).waitFor();
    await check.getByRole('link', { name: /Open call/ }).click();
    await page.waitForURL(/\/calls\/\d+$/);
  });

  test('Claude Code is attached with a model or its own account, and detached', async () => {
    await open('/clients');
    await page.getByRole('tab', { name: /Claude Code/ }).click();
    const card = page.getByRole('region', { name: 'Attach Claude Code' });
    await card.getByRole('button', { name: 'A model of yours' }).click();
    expect(await card.getByRole('button', { name: 'Attach', exact: true }).isDisabled()).toBe(true);
    await card.locator('datalist option[value="practice/echo"]').waitFor({ state: 'attached' });
    await card.getByLabel('Model for Claude Code').fill('practice/echo');
    await page.keyboard.press('Enter');
    await toast('Claude Code is attached').waitFor();
    await card.getByText('Attached, with practice/echo').waitFor();
    const file = path.join(engine.home, 'claude', 'settings.json');
    const kept = JSON.parse(readFileSync(file, 'utf8'));
    expect(kept.env.ANTHROPIC_MODEL).toBe('practice/echo');
    expect(await page.content()).not.toContain(kept.env.ANTHROPIC_AUTH_TOKEN);
    await page.getByRole('region', { name: 'Client keys' }).getByText('Claude Code (attached)').waitFor();
    writeFileSync(file, '{}');
    await page.reload();
    await page.getByRole('tab', { name: /Claude Code/ }).click();
    await card.getByText('is not what was written').waitFor();
    await card.getByRole('button', { name: 'Attach again' }).click();
    await card.getByText('is not what was written').waitFor({ state: 'detached' });
    await card.getByRole('button', { name: 'Detach', exact: true }).click();
    await toast('Claude Code is detached').waitFor();
    writeFileSync(file, '{"env":{"ANTHROPIC_BASE_URL":"https://gw.example.org"}}');
    await card.getByRole('button', { name: 'Attach', exact: true }).click();
    await card.getByText('name an address of your own already').waitFor();
    view.excuse('500');
  });

  test('the keys stay where they are while clients are looked for', async () => {
    await open('/');
    const { promise: looked, resolve: look } = Promise.withResolvers<void>();
    await page.route('**/clients/list*', async (route) => {
      await looked;
      await route.continue();
    });
    await view.go('/clients');
    const create = page.getByRole('button', { name: 'Create key', exact: true });
    const before = await create.boundingBox();
    look();
    await page.getByRole('tab').first().waitFor();
    expect((await create.boundingBox())?.y).toBe(before?.y);
  });

  test('a revoked key is refused at once, and works again after Undo', async () => {
    await open('/clients');
    await page.getByRole('button', { name: 'Revoke test 0' }).click();
    await toast('Revoked the key “test 0”').waitFor();
    expect((await call()).status).toBe(401);
    await toast('Revoked the key “test 0”').getByRole('button', { name: 'Undo' }).click();
    await page.getByRole('cell', { name: 'test 0', exact: true }).waitFor();
    expect((await call()).status).toBe(200);
  });
});

describe('a browser that keeps the window from the clipboard', () => {
  test('is told of, so that nobody closes the only sight of a key for a copied one', async () => {
    engine.headless.engine.settings.update({ ui: { welcomed: true } });
    view = await windows.open(engine.headless.link(), 'light', { permissions: [] });
    page = view.page;
    await view.go('/clients');
    await page.getByRole('button', { name: 'Create key', exact: true }).click();
    await page.getByRole('dialog').getByLabel('Name').fill('a program');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Copy the key' }).click();
    await page.getByRole('region', { name: 'Notifications' }).getByText('The browser keeps this page from the clipboard.').waitFor();
    await page.getByLabel('New key').waitFor();
  });

  test('is told of by the palette, too', async () => {
    engine.headless.engine.settings.update({ ui: { welcomed: true } });
    view = await windows.open(engine.headless.link(), 'light', { permissions: [] });
    page = view.page;
    // The command is there once the companion's address is.
    await page.getByText('The way of a call').waitFor();
    await page.keyboard.press('Control+k');
    await page.getByLabel('Search commands').fill('url');
    await chosen('Copy the companion’s URL').waitFor();
    await page.keyboard.press('Enter');
    await page.getByRole('region', { name: 'Notifications' }).getByText('The companion’s URL could not be copied').waitFor();
  });
});

describe('settings', () => {
  test('the theme is shown at once, and kept by the engine', async () => {
    await open('/settings');
    await page.getByRole('group', { name: 'Theme' }).getByRole('button', { name: 'Dark' }).click();
    await expect.poll(() => settings().ui.theme).toBe('dark');
    // Another browser, as after a restart on another port.
    const other = await windows.browser().newContext();
    const window = await other.newPage();
    await window.goto(engine.headless.link());
    await window.locator(':root[data-theme="dark"]').waitFor();
    await other.close();
  });

  test('the companion moves to another port, and back by Undo', async () => {
    await open('/settings');
    const before = engine.port;
    // Any free port will do; the window's own next one most likely is.
    const free = await freePort();
    await page.getByLabel('Port of the companion').fill(String(free));
    await page.keyboard.press('Enter');
    await toast(`The companion listens on port ${free}`).waitFor();
    expect(engine.headless.engine.companionAddress()).toBe(`127.0.0.1:${free}`);
    await toast(`The companion listens on port ${free}`).getByRole('button', { name: 'Undo' }).click();
    await toast(`The companion listens on port ${free}`).waitFor({ state: 'hidden' });
    await expect.poll(() => engine.headless.engine.companionAddress()).toBe(`127.0.0.1:${before}`);
  });

  test('what the engine refuses is said where it was typed', async () => {
    await open('/settings');
    await page.getByLabel('Port of the Codex bridge').fill('99999');
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await page.getByRole('alert').getByText('bridges.codex.port').waitFor();
    expect(settings().bridges.codex.port).toBe(3253);
    view.excuse('400');
  });

  test('an emptied number is not saved as a zero', async () => {
    await open('/settings');
    const field = page.getByLabel('Longest body in MiB');
    await field.fill('');
    await page.keyboard.press('Enter');
    expect(await page.getByRole('button', { name: 'Save', exact: true }).count()).toBe(0);
    await field.fill('8');
    await page.keyboard.press('Enter');
    await expect.poll(() => settings().capture.maxBodyBytes).toBe(8 * 1024 * 1024);
  });

  test('recording is switched off, and on again by Undo', async () => {
    await open('/settings');
    await page.getByRole('switch', { name: 'Record calls' }).click();
    await expect.poll(() => settings().capture.enabled).toBe(false);
    await page.getByRole('button', { name: 'Undo' }).click();
    await expect.poll(() => settings().capture.enabled).toBe(true);
    await page.getByRole('switch', { name: 'Record calls', checked: true }).waitFor();
  });

  test('streamed replies are kept put together, and the history is encrypted from the next start', async () => {
    await open('/settings');
    await page.getByRole('group', { name: 'Keep streamed replies' }).getByRole('button', { name: 'Put together' }).click();
    await expect.poll(() => settings().capture.replies).toBe('assembled');
    await page.getByRole('switch', { name: 'Encrypt the history' }).click();
    await expect.poll(() => settings().capture.seal).toBe(true);
    await toast('It holds from the next start').getByRole('button', { name: 'Undo' }).click();
    await page.getByRole('switch', { name: 'Encrypt the history', checked: false }).waitFor();
    expect(settings().capture.seal).toBe(false);
    engine.headless.engine.settings.update({ capture: { replies: 'raw' } });
  });

  test('the gateway’s key goes in, and never comes out again', async () => {
    await open('/settings');
    await page.getByLabel('Base URL of the gateway').fill('http://127.0.0.1:9/v1');
    await page.getByLabel('Key of the gateway').fill('a-secret-of-the-gateway');
    await page.getByRole('button', { name: 'Save gateway' }).click();
    await toast('The gateway is set up').waitFor();
    expect(settings().upstreams.gateway.baseUrl).toBe('http://127.0.0.1:9/v1');
    expect(await page.getByLabel('Key of the gateway').inputValue()).toBe('');
    expect(JSON.stringify(settings())).not.toContain('a-secret-of-the-gateway');
    await page.getByRole('button', { name: 'Take the gateway away' }).click();
    await expect.poll(() => settings().upstreams.gateway.baseUrl).toBe(null);
  });

  test('notifications are chosen, and headless says that it shows none', async () => {
    await open('/settings');
    const card = page.getByRole('region', { name: 'Notifications' });
    await card.getByText('Drawbridge shows none.').waitFor();
    await card.getByRole('switch', { name: 'Notify of tunnels' }).click();
    await expect.poll(() => settings().notifications).toEqual({ tunnels: false, signIns: true, ceilings: true });
    await toast('Saved what you are notified of').getByRole('button', { name: 'Undo' }).click();
    await card.getByRole('switch', { name: 'Notify of tunnels', checked: true }).waitFor();
    expect(settings().notifications.tunnels).toBe(true);
  });

  test('a webhook is set with its address, which goes in and never comes out again', async () => {
    const chat = await startChatWebhook();
    onTestFinished(() => chat.stop());
    await open('/settings');
    const card = page.getByRole('region', { name: 'Webhook' });
    const field = card.getByLabel('Address of the webhook');
    await field.fill('http://hooks.example.org/x');
    await card.getByRole('button', { name: 'Save webhook' }).click();
    await card.getByText('must be https, or http on 127.0.0.1').waitFor();
    view.excuse('400');
    await field.fill(chat.url);
    await card.getByRole('button', { name: 'Send a test' }).click();
    await card.getByText(`${chat.host} took a message.`).waitFor();
    await page.keyboard.press('Tab');
    await card.getByRole('button', { name: 'Save webhook' }).click();
    await toast('Notices are told to your channel').waitFor();
    await card.getByText(`Messages go to ${chat.host}.`).waitFor();
    expect(await field.inputValue()).toBe('');
    expect(await page.content()).not.toContain(SECRET_PATH);
    chat.next(404);
    await card.getByRole('button', { name: 'Send a test' }).click();
    await card.getByText('the address is wrong, or was taken back').waitFor();
    await card.getByRole('button', { name: 'Tell nothing' }).click();
    await toast('Notices are told to no channel any more').waitFor();
    expect(settings().webhook.urlSecret).toBeNull();
  });

  test('a provider is added, tried, changed and taken away, and its key never comes out again', async () => {
    const lab = await startFakeUpstream((_seen, res) => void res.end('{"data":[{"id":"large"},{"id":"small"}]}'));
    onTestFinished(() => lab.stop());
    await open('/settings');
    const card = page.getByRole('region', { name: 'Providers' });
    await card.getByRole('button', { name: 'Add a provider' }).click();
    const form = card.getByRole('form', { name: 'A new provider' });
    await form.getByLabel('Which provider').click();
    await page.getByRole('option', { name: 'DeepSeek' }).click();
    await expect.poll(() => form.getByLabel('Base URL for Messages').inputValue()).toBe('https://api.deepseek.com/anthropic');
    await form.getByLabel('Which provider').click();
    await page.getByRole('option', { name: 'Another' }).click();
    await form.getByLabel('Name of the provider').fill('codex');
    await form.getByLabel('Base URL of the provider', { exact: true }).fill(`${lab.baseUrl}/v1`);
    await form.getByLabel('Key of the provider').fill('sk-of-the-lab-0123456789');
    await form.getByRole('button', { name: 'Add provider' }).click();
    await form.getByText('is the name of something built in').waitFor();
    view.excuse('400');
    await form.getByLabel('Name of the provider').fill('lab');
    await form.getByRole('button', { name: 'Try it' }).click();
    await form.getByText('answered, and lists 2 models').waitFor();
    expect(lab.seen.at(-1)?.headers.authorization).toBe('Bearer sk-of-the-lab-0123456789');
    await page.keyboard.press('Tab');
    await form.getByRole('button', { name: 'Add provider' }).click();
    await toast('lab is set up').waitFor();
    expect(await page.content()).not.toContain('sk-of-the-lab-0123456789');
    expect(settings().upstreams.providers).toMatchObject([{ name: 'lab', wires: ['chat'], credential: 'key' }]);

    await card.getByRole('button', { name: 'Change lab' }).click();
    const change = card.getByRole('form', { name: 'Change lab' });
    await change.getByRole('checkbox', { name: 'Messages' }).check();
    await change.getByLabel('Models it serves').fill('qwen*, glm-5');
    await change.getByRole('button', { name: 'Save provider' }).click();
    await card.getByText('Also serves qwen*, glm-5').waitFor();
    expect(settings().upstreams.providers).toMatchObject([{ wires: ['chat', 'messages'], models: ['qwen*', 'glm-5'] }]);
    await card.getByRole('button', { name: 'Try lab' }).click();
    await card.getByText('answered, and lists 2 models').waitFor();
    await card.getByRole('button', { name: 'Take lab away' }).click();
    await toast('lab is taken away, with its key').waitFor();
    expect(settings().upstreams.providers).toEqual([]);
  });

  test('the gateway’s address is the one that was set elsewhere, unless another is being typed', async () => {
    await open('/settings');
    const field = page.getByLabel('Base URL of the gateway');
    await field.waitFor();
    await engine.control.gateway.set({ baseUrl: 'http://127.0.0.1:9/v1' });
    await expect.poll(() => field.inputValue()).toBe('http://127.0.0.1:9/v1');
    await field.fill('http://127.0.0.1:10/v1');
    await engine.control.gateway.set({ baseUrl: null });
    await page.getByRole('button', { name: 'Take the gateway away' }).waitFor({ state: 'detached' });
    expect(await field.inputValue()).toBe('http://127.0.0.1:10/v1');
    await page.keyboard.press('Enter');
    await toast('The gateway is set up').waitFor();
    await engine.control.gateway.set({ baseUrl: 'http://127.0.0.1:9/v1' });
    await expect.poll(() => field.inputValue()).toBe('http://127.0.0.1:9/v1');
  });

  test('a proxy is set with its password, which goes in and never comes out again', async () => {
    await open('/settings');
    const card = page.getByRole('region', { name: 'Network' });
    const save = card.getByRole('button', { name: 'Save proxy' });
    const address = card.getByLabel('Address of the proxy');
    await address.fill('socks5://proxy.example.org');
    await save.click();
    await card.getByText('must begin with http:// or https://').waitFor();
    view.excuse('400');
    expect(settings().network.proxy).toBe(null);

    await address.fill('http://proxy.example.org:8080');
    await card.getByLabel('User name for the proxy').fill('sam');
    await card.getByText('Type the password of sam for this proxy.').waitFor();
    expect(await save.isDisabled()).toBe(true);
    await card.getByLabel('Password for the proxy').fill('a-secret-of-the-proxy');
    await card.getByLabel('Hosts that are reached without the proxy').fill('git.example.org 10.0.0.0/8');
    expect(await view.findings()).toEqual([]);
    await save.click();
    await toast('The proxy is set').waitFor();
    await card.getByText('In force, for providers, sign-ins, downloads and tunnels.').waitFor();
    expect(settings().network).toMatchObject({ proxy: 'http://proxy.example.org:8080', noProxy: ['git.example.org', '10.0.0.0/8'] });
    expect(JSON.stringify(settings()) + (await page.content())).not.toContain('a-secret-of-the-proxy');
    expect(await card.getByLabel('Password for the proxy').inputValue()).toBe('');
    expect(await engine.control.network.status({})).toMatchObject({ user: 'sam' });

    // What is not typed again stays, but for another proxy.
    await card.getByLabel('Hosts that are reached without the proxy').fill('');
    await save.click();
    await expect.poll(() => settings().network.noProxy).toBe(null);
    expect(await engine.control.network.status({})).toMatchObject({ user: 'sam' });
    await address.fill('http://other.example.org:8080');
    await card.getByText('Type the password of sam for this proxy.').waitFor();

    await card.getByRole('button', { name: 'Take the proxy away' }).click();
    await toast('No proxy of your own is set').waitFor();
    expect(settings().network.proxy).toBe(null);
    await expect.poll(() => address.inputValue()).toBe('');
    await engine.control.settings.update({ patch: { network: { proxy: 'http://elsewhere.example.org' } } });
    await expect.poll(() => address.inputValue()).toBe('http://elsewhere.example.org');
    await engine.control.network.set({ proxy: null });
  });

  test('a collector is tried before it is set; its token goes in, and never comes out again', async () => {
    const tokens: unknown[] = [];
    const collector = windows.serve(
      await startFakeUpstream(({ headers }, res) => {
        tokens.push(headers['authorization']);
        res.writeHead(headers['authorization'] === 'Bearer of-the-collector' ? 200 : 401).end();
      }),
    );
    await open('/settings');
    const card = page.getByRole('region', { name: 'Telemetry' });
    await card.getByLabel('Endpoint of the collector').fill('http://collector.example.org');
    await card.getByRole('button', { name: 'Try it' }).click();
    await card.getByText('The endpoint must be https, or http on 127.0.0.1.').waitFor();
    view.excuse('400');
    await card.getByLabel('Endpoint of the collector').fill(collector.baseUrl);
    await card.getByRole('button', { name: 'Try it' }).click();
    await card.getByText('The collector answered with status 401.').waitFor();
    await card.getByRole('button', { name: 'Add a header' }).click();
    await card.getByLabel('Name of a header').fill('authorization');
    await card.getByLabel('Value of a header').fill('Bearer of-the-collector');
    await card.getByRole('button', { name: 'Try it' }).click();
    await card.getByText('The collector took an empty batch.').waitFor();
    expect(settings().telemetry.endpoint).toBe(null);
    expect(await view.findings()).toEqual([]);

    await card.getByRole('button', { name: 'Save collector' }).click();
    await toast('Spans are sent to your collector').waitFor();
    await card.getByText('The keychain holds authorization.').waitFor();
    expect(await page.content()).not.toContain('of-the-collector');
    expect(settings().telemetry.endpoint).toBe(collector.baseUrl);
    // What is held goes along where nothing is typed.
    await card.getByRole('button', { name: 'Try it' }).click();
    await card.getByText('The collector took an empty batch.').waitFor();
    expect(tokens).toEqual([undefined, 'Bearer of-the-collector', 'Bearer of-the-collector']);
    await card.getByRole('button', { name: 'Send nothing' }).click();
    await toast('No spans are sent any more').waitFor();
    expect(settings().telemetry.endpoint).toBe(null);
  });

  test('the collector is the one that was set elsewhere', async () => {
    const collector = windows.serve(await startFakeUpstream((_request, res) => void res.end()));
    await open('/settings');
    const field = page.getByLabel('Endpoint of the collector');
    await field.waitFor();
    await engine.control.telemetry.set({ endpoint: collector.baseUrl });
    await expect.poll(() => field.inputValue()).toBe(collector.baseUrl);
    await engine.control.settings.update({ patch: { telemetry: { endpoint: null } } });
    await expect.poll(() => field.inputValue()).toBe('');
  });

  test('a read key is made, reads, is revoked, and comes back by Undo', async () => {
    await open('/settings');
    const card = page.getByRole('region', { name: 'Read keys' }).first();
    await card.getByRole('button', { name: 'Create key' }).click();
    await page.getByRole('dialog', { name: 'Create a read key' }).getByLabel('Name').fill('the dashboard');
    await page.keyboard.press('Enter');
    const key = await page.getByLabel('New key').innerText();
    await page.getByRole('button', { name: 'Done' }).click();
    const { origin } = new URL(page.url());
    const read = async (path: string): Promise<number> =>
      (await fetch(`${origin}${path}`, { headers: { authorization: `Bearer ${key}` } })).status;
    await card.getByText(`${origin}/api/openapi.json`).waitFor();
    expect(await read('/api/calls')).toBe(200);
    expect((await call(key)).status).toBe(401);
    await card.getByRole('button', { name: 'Revoke the dashboard' }).click();
    await toast('Revoked the key “the dashboard”').waitFor();
    expect(await read('/api/calls')).toBe(401);
    await toast('Revoked the key “the dashboard”').getByRole('button', { name: 'Undo' }).click();
    await card.getByRole('cell', { name: 'the dashboard', exact: true }).waitFor();
    expect(await read('/api/calls')).toBe(200);
    expect(await page.content()).not.toContain(key);
  });

  test('the doctor is reached from the overview, tells what the command tells, and mends', async () => {
    const [old] = engine.headless.engine.keys.list();
    engine.headless.engine.keys.revoke(old?.id ?? '');
    await open('/');
    await page.getByRole('status', { name: 'Health' }).getByText('Everything is ready').waitFor();
    expect(await page.getByRole('link', { name: 'Examine' }).count()).toBe(0);
    await engine.control.capture.pause({ paused: true });
    await page.getByRole('link', { name: 'Examine' }).click();
    await page.waitForURL('**/settings#doctor');
    const findings = page.getByRole('list', { name: 'Findings' });
    await findings.getByText('Warning: Client keys').waitFor();
    const told = await findings.getByRole('listitem').allInnerTexts();
    const checks = await engine.control.doctor.run({});
    const lines = checks.map(({ title, found, mend }) => [title, found, ...(mend === null ? [] : [mend])]);
    expect(told.map((text) => text.split(/\n+/).slice(1, 4))).toEqual(lines);

    await findings.getByRole('button', { name: 'Create key' }).click();
    await page.getByRole('dialog').getByLabel('Name').fill('a new one');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Done' }).click();
    await findings.getByText('Fine: Client keys').waitFor();
    await findings.getByText('1 made.').waitFor();
    expect(await page.evaluate<string>('document.activeElement.textContent')).toContain('Examin');
    expect(await findings.getByRole('link').count()).toBe(0);
    expect(await view.findings()).toEqual([]);
  });

  test('settings go out as a file, and come back after a look at what changes', async () => {
    await open('/settings');
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Export settings' }).click()]);
    const exported = JSON.parse(readFileSync(await download.path(), 'utf8'));
    expect(exported.companion.fallback).toBe('none');

    const pick = async (text: string): Promise<void> =>
      page.getByLabel('Settings file').setInputFiles({ name: 'mine.json', mimeType: 'application/json', buffer: Buffer.from(text) });
    await pick('no json');
    await page.getByText('mine.json is not JSON.').waitFor();
    exported.companion.fallback = 'practice';
    exported.companion.aliases = { quick: 'practice/echo' };
    await pick(JSON.stringify(exported));
    const preview = page.getByRole('region', { name: 'What mine.json would change' });
    await preview.getByRole('row').filter({ hasText: 'companion.fallback' }).getByText('practice').waitFor();
    expect(settings().companion.fallback).toBe('none');
    await preview.getByRole('button', { name: 'Import 2 changes' }).click();
    await toast('Imported 2 settings').waitFor();
    expect(settings().companion).toMatchObject({ fallback: 'practice', aliases: { quick: 'practice/echo' } });
    await toast('Imported 2 settings').getByRole('button', { name: 'Undo' }).click();
    await expect.poll(() => settings().companion.aliases).toEqual({});
    expect(settings().companion.fallback).toBe('none');
  });

  test('an export whose dialog is closed ends, and no file comes of it', async () => {
    await open('/settings');
    const asked = Promise.withResolvers<Route>();
    await page.route('**/exchange/export*', asked.resolve, { times: 1 });
    await page.getByRole('button', { name: 'Export calls…' }).click();
    await page.getByRole('dialog', { name: 'Export all calls' }).getByRole('button', { name: 'Export' }).click();
    await asked.promise;
    const ended = page.waitForEvent('requestfailed', (request) => request.url().includes('/exchange/export'));
    await page.keyboard.press('Escape');
    await ended;
  });

  test('an import that is stopped tells how much was taken', async () => {
    await open('/settings');
    const asked = Promise.withResolvers<Route>();
    await page.route('**/exchange/import*', asked.resolve, { times: 1 });
    const lines = `{"drawbridge":"calls","version":1,"exportedAt":"2026-11-21T09:00:00.000Z","bodies":true}\n${'no call\n'.repeat(1000)}`;
    await page.getByLabel('File of calls').setInputFiles({ name: 'c.jsonl', mimeType: 'application/jsonl', buffer: Buffer.from(lines) });
    const route = await asked.promise;
    await page.getByRole('button', { name: 'Stop', exact: true }).click();
    await route.continue();
    await page.getByText('Stopped before the end of the file: 0 calls taken, 199 lines could not be read.').waitFor();
    expect(await page.getByRole('alert').count()).toBe(0);
  });

  test('the diagnostics bundle is read before it is saved, and holds no secret', async () => {
    engine.headless.engine.settings.update({ upstreams: { gateway: { baseUrl: 'https://gate.example.org/v1' } } });
    await open('/settings');
    await page.getByRole('button', { name: 'Look at it…' }).click();
    const content = page.getByRole('region', { name: 'Content of the bundle' });
    await content.getByRole('heading', { name: 'Log' }).waitFor();
    const shown = await content.innerText();
    expect(shown).toContain('companion.listening');
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Save as a file' }).click()]);
    expect(download.suggestedFilename()).toMatch(/^drawbridge-diagnostics-.*\.txt$/);
    const saved = readFileSync(await download.path(), 'utf8');
    for (const text of [shown, saved]) {
      expect(text).not.toContain(engine.key);
      expect(text).not.toContain('gate.example.org');
      expect(text).toContain('[gateway]');
    }
  });
});

describe('the frame', () => {
  test('the palette finds a page and a deed by a few letters', async () => {
    await open('/');
    await page.keyboard.press('Control+k');
    await page.getByLabel('Search commands').fill('sett');
    await chosen('Settings').waitFor();
    await page.keyboard.press('Enter');
    await page.waitForURL('**/settings');
    await page.getByRole('dialog', { name: 'Commands' }).waitFor({ state: 'hidden' });
    // What can be done is settled when the palette opens: the window must know by then that calls are recorded.
    await page.getByRole('switch', { name: 'Pause recording', disabled: false }).waitFor();
    await page.getByRole('button', { name: 'Commands' }).click();
    await page.getByLabel('Search commands').fill('pause');
    await chosen('Pause capture').waitFor();
    await page.keyboard.press('Enter');
    await toast('Capture is paused').waitFor();
    expect(engine.headless.engine.capture.status().state).toBe('paused');
    await toast('Capture is paused').getByRole('button', { name: 'Undo' }).click();
    await expect.poll(() => engine.headless.engine.capture.status().state).toBe('recording');
    await page.keyboard.press('Control+k');
    await page.getByLabel('Search commands').fill('xyzzy');
    await page.getByText('Nothing is called that.').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog', { name: 'Commands' }).waitFor({ state: 'hidden' });
  });

  test('the mouse opens the palette again while it still fades away', async () => {
    engine.headless.engine.settings.update({ ui: { welcomed: true } });
    view = await windows.open(engine.headless.link(), 'light', { reducedMotion: 'no-preference' });
    page = view.page;
    const commands = page.getByRole('button', { name: 'Commands' });
    const field = page.getByLabel('Search commands');
    await commands.click();
    await field.waitFor();
    const devtools = await view.context.newCDPSession(page);
    await devtools.send('Animation.enable');
    await devtools.send('Animation.setPlaybackRate', { playbackRate: 0 });
    await page.keyboard.press('Escape');
    await page.locator('[data-closed]').first().waitFor();
    const box = await commands.boundingBox();
    if (box === null) throw new Error('the button has no place');
    await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
    await devtools.send('Animation.setPlaybackRate', { playbackRate: 1 });
    // The keyboard follows a frame after the palette is drawn.
    await page.locator('[aria-label="Search commands"]:focus').waitFor();
    await page.keyboard.type('sett');
    expect(await field.inputValue()).toBe('sett');
    await page.getByRole('option', { name: 'Go to Settings' }).waitFor();
  });

  test('each page is a file of its own, gone to by keys alone', async () => {
    await open('/');
    await page.keyboard.press('Tab');
    expect(await page.evaluate<string>('document.activeElement.textContent')).toBe('Skip to the page');
    for (const [keys, path] of [
      ['gs', '/settings'],
      ['gk', '/clients'],
      ['gc', '/calls'],
      ['go', '/'],
    ] as const) {
      for (const key of keys) await page.keyboard.press(key);
      await page.waitForURL(`**${path}`);
    }
    await page.getByText('The way of a call').waitFor();
  });

  test('at 760 px wide nothing is cut off', async () => {
    await open('/');
    await page.setViewportSize({ width: 760, height: 800 });
    for (const title of ['Welcome', 'Bridges', 'Tunnels', 'Calls', 'Conversations', 'Usage', 'Clients', 'Settings', 'Overview']) {
      const path = title === 'Overview' ? '/' : `/${title.toLowerCase()}`;
      await view.go(path);
      await page.getByRole('heading', { level: 1, name: title, exact: true }).waitFor();
      // Looked for and measured in one go: a page that is still being fetched takes the place of the one before it.
      const cutOff = (): Promise<number[]> =>
        page.evaluate('[...document.querySelectorAll("main > div")].map((it) => it.scrollWidth - it.clientWidth)');
      await expect.poll(cutOff, { message: path }).toEqual([0]);
    }
  });

  test('at the least width of a window nothing but a table scrolls sideways', async () => {
    await open('/');
    await page.setViewportSize({ width: 480, height: 700 });
    for (const title of ['Usage', 'Clients', 'Settings', 'Calls', 'Conversations', 'Overview']) {
      const path = title === 'Overview' ? '/' : `/${title.toLowerCase()}`;
      await view.go(path);
      await page.getByRole('heading', { level: 1, name: title, exact: true }).waitFor();
      if (title === 'Calls') await page.getByRole('group', { name: 'command that makes a call' }).waitFor();
      const beyond = (): Promise<number> => page.evaluate('document.documentElement.scrollWidth - innerWidth');
      await expect.poll(beyond, { message: path }).toBe(0);
      // A card hides what is wider than it is.
      const hidden = (): Promise<string[]> =>
        page.evaluate(
          '[...document.querySelectorAll("main section")].filter((it) => it.scrollWidth > it.clientWidth + 1).map((it) => it.innerText)',
        );
      await expect.poll(hidden, { message: path }).toEqual([]);
    }
  });
});

async function freePort(): Promise<number> {
  const { createServer } = await import('node:net');
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
