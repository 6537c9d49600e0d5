import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Locator } from 'playwright-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { meaningOf } from '../../bridges/tunnels/causes.ts';
import { CHECK_PATH, CHECK_SCRIPT } from '../../bridges/tunnels/kit.ts';
import { startEngineStub } from '../fakes/engine-stub.ts';
import { MADE_TUNNELS } from '../fakes/made-status.ts';
import { freePort, startSshd, writeScript, type Sshd } from '../fakes/sshd.ts';
import { startTestEngine, type TestEngine } from '../support/engine.ts';
import { hasCheckTools, hasSsh } from '../support/programs.ts';
import type { WindowPage } from '../support/window-page.ts';
import { windowTests } from '../support/window-tests.ts';

/** The page of the tunnels: the real engine, a real browser, and the system's own sshd as the gateway. */
const windows = windowTests();
let engine: TestEngine;
let view: WindowPage;
beforeEach(async () => {
  engine = windows.serve(await startTestEngine());
  view = await windows.open(engine.headless.link());
});

const card = (name: string): Locator => view.page.getByRole('region', { name, exact: true });
const stateIs = (label: string): Promise<void> => card('State').getByRole('status').filter({ hasText: label }).waitFor({ timeout: 30_000 });

it('with no tunnel, it teaches what one is; the form says what is wrong as it is typed', async () => {
  const { page } = view;
  await page.keyboard.press('g');
  await page.keyboard.press('t');
  await page.waitForURL('**/tunnels');
  await page.getByRole('heading', { name: 'No tunnel yet' }).waitFor();
  await view.shot('tunnel-empty');
  await page.getByRole('button', { name: 'Add tunnel' }).click();
  await page.getByLabel('Name', { exact: true }).fill('Not a name!');
  await page.keyboard.press('Tab');
  await page.getByText('small letters, digits or hyphens').waitFor();
  expect(await page.getByLabel('Name', { exact: true }).getAttribute('aria-invalid')).toBe('true');
  expect(await view.findings()).toEqual([]);
  await view.shot('tunnel-form');
  await page.emulateMedia({ colorScheme: 'dark' });
  expect(await view.findings()).toEqual([]);
});

it('cloudflared is taken from the file that is named, for all tunnels', async () => {
  const [home] = MADE_TUNNELS;
  if (home === undefined) throw new Error('no tunnel was made up');
  const stub = windows.serve(await startEngineStub());
  stub.set({ tunnels: [{ ...home, definition: { ...home.definition, connector: { kind: 'cloudflared', login: 'browser' } } }] });
  const { page } = await windows.open(`${stub.url}/tunnels/home`);
  const field = page.getByLabel('File of cloudflared');
  await field.fill('/opt/tools/cloudflared');
  await page.keyboard.press('Enter');
  await page.getByRole('dialog', { name: 'Saved where cloudflared is' }).getByRole('button', { name: 'Undo' }).click();
  await expect.poll(() => field.inputValue()).toBe('');
});

it('the page of a tunnel that is gone says so, and shows no other in its place', async () => {
  const stub = windows.serve(await startEngineStub());
  stub.set({ tunnels: MADE_TUNNELS });
  const gone = await windows.open(`${stub.url}/tunnels/gone`);
  await gone.page.getByRole('heading', { name: 'There is no tunnel “gone”' }).waitFor();
  expect(await gone.page.getByRole('region', { name: 'State' }).count()).toBe(0);
  await gone.page.getByRole('navigation', { name: 'Tunnels' }).getByRole('link', { name: /^home/ }).click();
  await gone.page.getByRole('region', { name: 'State' }).waitFor();
});

it('a proxy that wants a login is named where its tunnel and the overview say so, and the button leads to its settings', async () => {
  const [home] = MADE_TUNNELS;
  if (home === undefined) throw new Error('no tunnel was made up');
  const stub = windows.serve(await startEngineStub());
  const { sentence: reason, mend } = meaningOf('proxy-login', home.definition, true);
  const notice = { id: 'proxy', level: 'warning', title: 'The proxy lets nothing through', cause: reason, mend: null } as const;
  stub.set({ tunnels: [{ ...home, state: 'backoff', reason, mend }], notices: [notice] });
  const shown = await windows.open(`${stub.url}/tunnels/home`);
  const { page } = shown;
  const isThere = async (): Promise<void> => {
    await page.waitForURL('**/settings#network');
    await page.getByRole('textbox', { name: 'Address of the proxy' }).and(page.locator(':focus')).waitFor();
  };
  await shown.shot('tunnel-proxy-login');
  await page.getByRole('button', { name: 'Set the proxy' }).click();
  await isThere();
  await page
    .getByRole('navigation')
    .getByRole('link', { name: /^Overview/ })
    .click();
  await page.getByRole('list', { name: 'Notices' }).getByRole('link', { name: 'Set the proxy' }).click();
  await isThere();
});

const LAB = { name: 'lab', host: 'ssh.example.com', user: 'tunnel', farPorts: [3353, 3354] as [number, number] };

it.runIf(hasSsh)('the lines for the gateway are those of the tunnel that is there, not of one before it', async () => {
  const { page } = view;
  const { tunnels } = engine.control;
  const line = page.getByRole('group', { name: 'authorized_keys line' });
  const go = (place: string): Promise<void> => page.getByRole('link', { name: place, exact: true }).click();
  const before = await tunnels.add({ definition: LAB });
  await go('Tunnels');
  await line.filter({ hasText: before.publicKey }).waitFor();
  await go('Overview');
  await line.waitFor({ state: 'hidden' });
  await tunnels.remove({ name: 'lab' });
  const { publicKey } = await tunnels.add({ definition: LAB });
  await go('Tunnels');
  await line.waitFor();
  expect(await line.innerText()).toContain(publicKey);
});

it.runIf(hasSsh)('a download of cloudflared that failed is tried again by its button', async () => {
  const other = windows.serve(
    await startTestEngine({
      headless: { tunnels: { env: { PATH: '' }, fetch: async () => Promise.reject(new TypeError('fetch failed')) } },
    }),
  );
  await other.control.tunnels.add({ definition: { ...LAB, enabled: true }, token: { id: 'id.access', secret: 'secret' } });
  const { page } = await windows.open(other.headless.link());
  await page.getByRole('link', { name: 'Tunnels', exact: true }).click();
  const failed = page.getByRole('alert').filter({ hasText: 'Check the network and try again' });
  await page.getByRole('button', { name: 'Download cloudflared' }).click();
  await failed.waitFor();
  const again = page.waitForRequest(/installCloudflared/);
  await page.getByRole('button', { name: 'Download cloudflared' }).click();
  await again;
  await failed.waitFor();
});

describe.runIf(hasSsh && hasCheckTools)('against a real sshd', () => {
  let folder: string;
  let sshd: Sshd | undefined;
  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-window-'));
  });
  afterEach(async () => {
    await sshd?.stop();
    sshd = undefined;
    rmSync(folder, { recursive: true, force: true });
  });

  it('a tunnel is added, its gateway’s key compared, brought up, proved, stopped and removed', async () => {
    const { page } = view;
    const port = await freePort();
    await page.getByRole('link', { name: 'Tunnels', exact: true }).click();
    await page.getByRole('button', { name: 'Add tunnel' }).click();
    await page.getByLabel('Name', { exact: true }).fill('lab');
    await page.getByLabel('Gateway’s host name').fill('localhost');
    await page.getByLabel('User on the gateway').fill(os.userInfo().username);
    await page.getByLabel('How it gets there').selectOption('none');
    await page.getByLabel('Port', { exact: true }).fill(String(port));
    await page.getByLabel('Far port', { exact: true }).fill(String(await freePort()));
    await page.getByLabel('Second far port').fill(String(await freePort()));
    await page.getByText('All of it can be used.').waitFor();
    await page.getByRole('button', { name: 'Add tunnel', exact: true }).last().click();
    const key = await page.getByLabel('Gateway key').innerText();
    await page.getByRole('button', { name: 'Go on: set the gateway up' }).click();
    await stateIs('Off');
    expect(await page.content()).not.toContain(key);

    const line = await page.getByRole('group', { name: 'authorized_keys line' }).innerText();
    const check = path.join(folder, 'drawbridge-check');
    writeScript(check, CHECK_SCRIPT);
    const kit = await engine.control.tunnels.serverKit({ name: 'lab' });
    sshd = await startSshd(path.join(folder, 'sshd'), {
      port,
      authorizedKeys: line,
      config: kit.sshdConfig.replace(/^PerSourcePenaltyExemptList.*$/m, '').replace(CHECK_PATH, check),
    });

    await page.getByRole('button', { name: 'Start' }).click();
    await stateIs('Needs you');
    expect(await view.findings()).toEqual([]);
    await view.shot('tunnel-blocked');
    await card('Host key').getByRole('button', { name: 'Ask the gateway' }).click();
    const shown = await page.getByLabel('Fingerprint').innerText();
    expect(shown).toMatch(/^SHA256:/);
    await page.getByRole('button', { name: 'It is the same: pin it' }).click();
    await stateIs('Up');
    expect((await engine.control.tunnels.list({}))[0]?.fingerprint).toBe(shown);
    await card('Proof').getByRole('listitem').filter({ hasText: 'Private' }).getByText('not proven').waitFor({ state: 'hidden' });
    await page.getByRole('log').getByText(/./).first().waitFor();
    await card('Proof').getByRole('button', { name: 'Prove now' }).click();
    await card('Proof').locator('button[aria-busy="false"]').waitFor();
    expect(await view.findings()).toEqual([]);
    await view.shot('tunnel-up');

    await page.getByRole('button', { name: 'Stop' }).click();
    await stateIs('Off');
    await page.getByRole('button', { name: 'Remove this tunnel' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Remove tunnel' }).click();
    await page.getByRole('heading', { name: 'No tunnel yet' }).waitFor();
    expect(await engine.control.tunnels.list({})).toEqual([]);
    // The page may ask once more for the tunnel while it is removed.
    view.excuse('404');
  }, 60_000);
});
