import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { launchChromium } from './chromium.ts';
import { openWindow, type WindowPage } from './window-page.ts';

type Stoppable = { stop(): Promise<unknown> };

/** The windows of a file's tests: one browser for all of them, and nothing of a test left for the next. */
export type WindowTests = {
  browser(): Browser;
  /** Stops this once the test is over and its windows are closed; what was given last stops first. */
  serve<T extends Stoppable>(serving: T): T;
  /** Opens a window for this test; see openWindow. A test whose browser complained fails when it is closed. */
  open(link: string, ...how: Rest<Parameters<typeof openWindow>>): Promise<WindowPage>;
};

type Rest<List extends readonly unknown[]> = List extends [unknown, unknown, ...infer More] ? More : never;

/** To be called once in a file, outside its tests. */
export function windowTests(): WindowTests {
  let browser: Browser;
  let over: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser.close());
  afterEach(async () => {
    const ending = over;
    over = [];
    // Each runs, whatever becomes of the others; what went wrong first is told.
    const wrong: unknown[] = [];
    for (const end of ending.toReversed()) await end().catch((error: unknown) => wrong.push(error));
    if (wrong.length > 0) throw wrong[0];
  });

  return {
    browser: () => browser,
    serve(serving) {
      over.push(() => serving.stop());
      return serving;
    },
    async open(link, ...how) {
      const view = await openWindow(browser, link, ...how);
      over.push(() => view.close());
      return view;
    },
  };
}
