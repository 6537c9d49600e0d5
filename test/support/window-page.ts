import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser, BrowserContext, Page } from 'playwright-core';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export type WindowPage = {
  page: Page;
  context: BrowserContext;
  /** What the browser complained of: refused by the policy, logged as an error, thrown and not caught. */
  complaints: string[];
  /** Serious findings of axe on what is shown now. */
  findings(): Promise<string[]>;
  /** Keeps a picture where DRAWBRIDGE_SHOTS names a folder for them. */
  shot(name: string): Promise<void>;
};

/** Opens the window of an engine in a real browser. */
export async function openWindow(browser: Browser, link: string, colorScheme: 'light' | 'dark' = 'light'): Promise<WindowPage> {
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    colorScheme,
    reducedMotion: 'reduce',
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(link);
  await page.getByText('Live', { exact: true }).waitFor();
  return {
    page,
    context,
    complaints,
    async findings() {
      await page.evaluate(AXE);
      return page.evaluate<string[]>(
        `axe.run(document).then(({ violations }) => violations
          .filter(({ impact }) => impact === 'serious' || impact === 'critical')
          .map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html).join(' | ')))`,
      );
    },
    async shot(name) {
      const folder = process.env['DRAWBRIDGE_SHOTS'];
      if (folder === undefined) return;
      for (const scheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme: scheme });
        await page.screenshot({ path: `${folder}/${name}-${scheme}.png` });
      }
      await page.emulateMedia({ colorScheme });
    },
  };
}
