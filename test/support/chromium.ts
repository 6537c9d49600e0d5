import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';

/** A headless browser that talks to nobody but us: the system's Chromium, else the one Playwright downloaded. */
export function launchChromium(): Promise<Browser> {
  const system = [process.env['CHROMIUM_PATH'], '/usr/bin/chromium'].find((file) => file !== undefined && existsSync(file));
  return chromium.launch({
    ...(system === undefined ? {} : { executablePath: system }),
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ],
  });
}
