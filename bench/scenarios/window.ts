import type { Browser, Page } from 'playwright-core';
import { startEngineStub, type EngineStub } from '../../test/fakes/engine-stub.ts';
import { launchChromium } from '../../test/support/chromium.ts';
import { CORES } from '../processes.ts';
import type { Scenario } from '../scenario.ts';
import { median, percentile, rounded, sleep } from '../stats.ts';
import { cpuSeconds, pinSelf } from '../system.ts';

const CALLS = 100_000;
const CALLS_A_SECOND = 200;
const ROW = '[role="grid"] [role="row"][id]';

/** The calls page in a real browser: a long table, and a busy stream of calls. */
export const window: Scenario = {
  name: 'window',
  about: `The calls page with ${CALLS.toLocaleString('en')} made calls in Chromium: from navigation to the first rows, frames while it scrolls, and how late a key is answered while ${CALLS_A_SECOND} calls a second come in (milliseconds).`,
  async run(context) {
    const browser = await unpinnedChromium();
    try {
      const first = await visible(browser, context.rounds(7, 3));
      const frames = await scrolling(browser, context.quick ? 120 : 400);
      const delays = await typing(browser, context.quick ? 40 : 120);
      return {
        rows: [
          {
            what: 'navigation to first rows',
            p50_ms: rounded(median(first), 1),
            p95_ms: rounded(percentile(first, 95), 1),
            of: first.length,
          },
          {
            what: 'frame while scrolling',
            p50_ms: rounded(median(frames), 1),
            p95_ms: rounded(percentile(frames, 95), 1),
            of: frames.length,
          },
          {
            what: 'key to next frame, live',
            p50_ms: rounded(median(delays), 1),
            p95_ms: rounded(percentile(delays, 95), 1),
            of: delays.length,
          },
        ],
        goals: [
          { goal: 'window: ms from navigation to the first rows, p50', bound: 300, side: 'at most', measured: median(first) },
          { goal: 'window: ms of a frame while scrolling, p95', bound: 20, side: 'at most', measured: percentile(frames, 95) },
          { goal: 'window: ms from a key to the next frame, live, p95', bound: 50, side: 'at most', measured: percentile(delays, 95) },
        ],
        notes: ['The rows come from a stand-in of the engine in this process: what is measured is the window.'],
      };
    } finally {
      await browser.close();
    }
  },
};

/** A browser is many processes: it has all cores, as everywhere. Only this process keeps to its own. */
async function unpinnedChromium(): Promise<Browser> {
  pinSelf(CORES.any);
  try {
    return await launchChromium();
  } finally {
    pinSelf(CORES.load);
  }
}

async function onPage<T>(browser: Browser, work: (page: Page, stub: EngineStub) => Promise<T>): Promise<T> {
  const stub = await startEngineStub({ calls: CALLS });
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  try {
    const page = await context.newPage();
    await rest();
    return await work(page, stub);
  } finally {
    await context.close();
    await stub.stop();
  }
}

/**
 * Waits until this process and the browser do nothing any more. A new window of a browser first loads its own parts (the
 * pages of its address bar), which takes more of the cores than the page that is measured.
 */
async function rest(): Promise<void> {
  for (let look = 0; look < 50; look += 1) {
    const before = cpuSeconds(process.pid);
    await sleep(100);
    // Where the machine does not tell, nothing is waited for.
    if (!(cpuSeconds(process.pid) - before > 0.02)) return;
  }
}

/** Each time in a context of its own, so that nothing is cached. The first is not counted. */
async function visible(browser: Browser, rounds: number): Promise<number[]> {
  const times: number[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    await onPage(browser, async (page, stub) => {
      // What the page itself sees: from the start of its navigation to the frame after the first row is there.
      await page.addInitScript(`new MutationObserver((_, observer) => {
        if (!document.querySelector('${ROW}')) return;
        observer.disconnect();
        requestAnimationFrame(() => { window.firstRows = performance.now(); });
      }).observe(document, { childList: true, subtree: true })`);
      await page.goto(`${stub.url}/calls`);
      await until(page, 'window.firstRows !== undefined');
      const time = await page.evaluate<number>('window.firstRows');
      if (round > 0) times.push(time);
    });
  }
  return times;
}

/** All calls are loaded, then the list is moved by 700 pixels before each frame. */
async function scrolling(browser: Browser, frames: number): Promise<number[]> {
  return onPage(browser, async (page, stub) => {
    await page.goto(`${stub.url}/calls`);
    await page.locator(ROW).first().waitFor();
    await page.keyboard.press('End');
    await page.locator('#call-1').waitFor({ timeout: 60_000 });
    return page.evaluate<number[]>(`new Promise((done) => {
      const box = document.querySelector('[role="grid"]').parentElement;
      box.scrollTop = 0;
      const times = [];
      let before = null;
      const step = (now) => {
        if (before !== null) times.push(now - before);
        before = now;
        if (times.length >= ${frames}) return done(times.slice(5));
        box.scrollTop += 700;
        requestAnimationFrame(step);
      };
      requestAnimationFrame(step);
    })`);
  });
}

/** A key moves the cursor; timed from the event's own stamp to the frame after it was handled. */
async function typing(browser: Browser, keys: number): Promise<number[]> {
  return onPage(browser, async (page, stub) => {
    await page.goto(`${stub.url}/calls`);
    await page.getByText('Live', { exact: true }).waitFor();
    await page.locator(ROW).first().waitFor();
    await page.evaluate(`window.delays = [];
      addEventListener('keydown', (event) => requestAnimationFrame(() => setTimeout(() => window.delays.push(performance.now() - event.timeStamp))), true)`);
    // As the engine does, at most ten events a second.
    const timer = setInterval(() => stub.pushMany(CALLS_A_SECOND / 10), 100);
    try {
      for (let key = 0; key < keys; key += 1) {
        await page.keyboard.press(key % 2 === 0 ? 'j' : 'k');
        await sleep(30);
      }
      await until(page, `window.delays.length >= ${keys}`);
    } finally {
      clearInterval(timer);
    }
    return page.evaluate<number[]>('window.delays');
  });
}

/** Looks before each frame. The page's policy forbids the browser driver's own way, which evaluates in the page. */
async function until(page: Page, condition: string): Promise<void> {
  await page.evaluate(`new Promise((done) => {
    const look = () => (${condition} ? done() : requestAnimationFrame(look));
    look();
  })`);
}
