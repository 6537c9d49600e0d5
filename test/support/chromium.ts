import { existsSync } from 'node:fs';
import { chromium, type Browser, type BrowserContext } from 'playwright-core';

/** The system's Chromium, else the one Playwright downloaded; it talks to nobody but us. */
const options = () => {
  const system = [process.env['CHROMIUM_PATH'], '/usr/bin/chromium'].find((file) => file !== undefined && existsSync(file));
  return {
    ...(system === undefined ? {} : { executablePath: system }),
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ],
  };
};

/** A headless browser. */
export function launchChromium(): Promise<Browser> {
  return chromium.launch(options());
}

/** A headless browser with its data in this folder, that others may connect to: `DevToolsActivePort` there says where. */
export function launchChromiumIn(folder: string): Promise<BrowserContext> {
  const { args, ...rest } = options();
  return chromium.launchPersistentContext(folder, { ...rest, args: [...args, '--remote-debugging-port=0'] });
}
