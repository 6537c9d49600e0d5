import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { seriousFindings } from './axe.ts';

export type WindowPage = {
  page: Page;
  context: BrowserContext;
  /** What the browser complained of: refused by the policy, logged as an error, thrown and not caught. */
  complaints: string[];
  /** Takes out the complaints that a test means to cause, also those that are still to come. */
  excuse(part: string): void;
  /** Goes to a page of the window as a link does, without loading the window anew. */
  go(path: string): Promise<void>;
  /** Serious findings of axe on what is shown now. */
  findings(): Promise<string[]>;
  /** Keeps a picture where DRAWBRIDGE_SHOTS names a folder for them. */
  shot(name: string): Promise<void>;
  /** Throws where the browser complained. */
  close(): Promise<void>;
};

/** Notes what a page complains of from now on. Each refusal by the policy is one, whether or not the browser logs it. */
export async function watchPage(page: Page, complaints: string[]): Promise<void> {
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.addInitScript(
    `addEventListener('securitypolicyviolation', (event) => console.error('refused by the policy: ' + event.effectiveDirective + ' ' + event.blockedURI))`,
  );
}

/** A page of the window that is watched. */
export function watched(page: Page, context: BrowserContext, complaints: string[], colorScheme: 'light' | 'dark' = 'light'): WindowPage {
  const excused: string[] = [];
  const unexcused = (): string[] => complaints.filter((text) => !excused.some((part) => text.includes(part)));
  return {
    page,
    context,
    complaints,
    excuse(part) {
      excused.push(part);
      complaints.splice(0, Infinity, ...unexcused());
    },
    async go(path) {
      await page.evaluate(`history.pushState(null, '', ${JSON.stringify(path)})`);
    },
    findings: () => seriousFindings(page),
    async shot(name) {
      const folder = process.env['DRAWBRIDGE_SHOTS'];
      if (folder === undefined) return;
      for (const scheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme: scheme });
        await page.screenshot({ path: `${folder}/${name}-${scheme}.png` });
      }
      await page.emulateMedia({ colorScheme });
    },
    async close() {
      await context.close();
      const left = unexcused();
      if (left.length > 0) throw new Error(`the browser complained:\n${left.join('\n')}`);
    },
  };
}

/** Opens the window of an engine in a browser's memory of its own, and waits until events reach it. */
export async function openWindow(
  browser: Browser,
  link: string,
  colorScheme: 'light' | 'dark' = 'light',
  options: BrowserContextOptions & { live?: boolean } = {},
): Promise<WindowPage> {
  const { live = true, ...rest } = options;
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    colorScheme,
    reducedMotion: 'reduce',
    permissions: ['clipboard-read', 'clipboard-write'],
    ...rest,
  });
  const page = await context.newPage();
  const complaints: string[] = [];
  await watchPage(page, complaints);
  const view = watched(page, context, complaints, colorScheme);
  await page.goto(link);
  if (live) await page.getByText('Live', { exact: true }).waitFor();
  return view;
}
