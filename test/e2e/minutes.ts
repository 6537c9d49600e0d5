import type { Page } from 'playwright-core';
import { expect } from 'vitest';

/** Lets minutes of the page's clock pass until it asks for this anew: one that ends while an answer is under way asks for nothing. */
export async function minutesUntilAsked(page: Page, url: string): Promise<void> {
  let asked = false;
  const asking = page.waitForRequest(url).then(() => (asked = true));
  const anotherMinute = async (): Promise<boolean> => {
    await page.clock.fastForward(61_000);
    return asked;
  };
  await expect.poll(anotherMinute).toBe(true);
  await asking;
}
