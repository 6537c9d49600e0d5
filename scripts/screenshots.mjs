// node scripts/screenshots.mjs [page...]: the window's pages, light and dark, into docs/images. With made data, so that
// two runs differ only where the window does.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { launchChromium } from '../test/support/chromium.ts';
import { startEngineStub } from '../test/fakes/engine-stub.ts';
import { MADE_BRIDGES, MADE_TUNNELS } from '../test/fakes/made-status.ts';

const FOLDER = path.resolve(import.meta.dirname, '../docs/images');
/** Name of the image, path, a text that shows once the page is there, and what else is special about it. */
const SHOTS = [
  { name: 'welcome', path: '/welcome', sign: 'Welcome to Drawbridge', stub: { welcomed: false, calls: 0 }, bare: true, act: makeFirstCall },
  { name: 'overview', path: '/', sign: 'Last calls' },
  { name: 'bridges', path: '/bridges/copilot', sign: 'Safety limits', height: 1180 },
  { name: 'tunnels', path: '/tunnels/home', sign: 'authorized_keys', height: 1500 },
  { name: 'calls', path: '/calls/57', sign: 'I will read the importer first.', act: colour },
  { name: 'calls-request', path: '/calls/57?tab=request', sign: 'What could not cross', act: widen },
  { name: 'calls-again', path: '/calls/57', sign: 'I will read the importer first.', act: sendAgain },
  { name: 'conversations', path: '/conversations', sign: 'Last call' },
  { name: 'conversation', path: '/conversations/4101', sign: 'Open the call', height: 1240, act: walkTree },
  { name: 'usage', path: '/usage', sign: 'By client', height: 1800, act: seeCharts },
  { name: 'clients', path: '/clients', sign: 'Connect a client', height: 1000 },
  { name: 'settings', path: '/settings', sign: 'Appearance', height: 4640, act: examine },
  { name: 'palette', path: '/', sign: 'Last calls', act: openPalette },
  { name: 'popover', path: '/popover', sign: 'Last calls', width: 420, height: 640, frameless: true },
];

async function makeFirstCall(page) {
  await page.getByRole('button', { name: 'Make the first call' }).click();
  await page.getByRole('button', { name: /Make a first call done/ }).waitFor();
}

async function examine(page) {
  await page.getByRole('button', { name: 'Examine', exact: true }).click();
  await page.getByRole('list', { name: 'Findings' }).waitFor();
}

async function colour(page) {
  await page.locator('.hljs-keyword').first().waitFor();
}

async function widen(page) {
  await page.keyboard.press('w');
}

async function sendAgain(page) {
  await page.keyboard.press('r');
  await page.getByRole('button', { name: 'Edited', exact: true }).click();
  await page.getByLabel('Request to send').waitFor();
}

async function walkTree(page) {
  await page.getByRole('tree').focus();
  for (let at = 0; at < 3; at += 1) await page.keyboard.press('ArrowDown');
}

async function seeCharts(page) {
  await page.locator('.uplot canvas').nth(5).waitFor();
}

async function openPalette(page) {
  await page.keyboard.press('Control+k');
  await page.getByRole('option', { name: 'Go to Overview' }).waitFor();
}

const wanted = process.argv.slice(2);
mkdirSync(FOLDER, { recursive: true });
const browser = await launchChromium();
for (const shot of SHOTS.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
  for (const colorScheme of ['light', 'dark']) {
    const stub = await startEngineStub(shot.stub ?? {});
    if (!shot.bare) stub.set({ bridges: MADE_BRIDGES, tunnels: MADE_TUNNELS });
    const viewport = { width: shot.width ?? Number(process.env.WIDTH ?? 1280), height: shot.height ?? 860 };
    const context = await browser.newContext({ viewport, colorScheme, reducedMotion: 'reduce' });
    const page = await context.newPage();
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') console.error(`${shot.name}: ${message.text()}`);
    });
    await page.goto(stub.url + shot.path);
    await page.getByText(shot.sign).first().waitFor();
    if (!shot.frameless) await page.getByText('Live', { exact: true }).waitFor();
    await shot.act?.(page);
    // Two frames: what was asked for is drawn, and nothing moves on purpose.
    await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
    await page.screenshot({ path: path.join(process.env.INTO ?? FOLDER, `${shot.name}-${colorScheme}.png`) });
    await context.close();
    await stub.stop();
  }
}
await browser.close();
