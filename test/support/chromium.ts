import { existsSync } from 'node:fs';
import { chromium, type Browser, type BrowserContext } from 'playwright-core';

/**
 * The address bar's pages, which a headless browser loads for each new window too, at twice the CPU of a page of ours; and
 * what Playwright switches off that matters here, as a later list takes the place of its own.
 */
const OFF =
  'WebUIOmniboxPopup,WebUIOmniboxFullPopup,WebUIOmniboxAimPopup,' +
  'AvoidUnnecessaryBeforeUnloadCheckSync,DestroyProfileOnBrowserClose,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,' +
  'LensOverlay,MediaRouter,PaintHolding,ThirdPartyStoragePartitioning,AvoidCorsURLLoaderRestartOnRedirect,' +
  'OptimizationHints,NetworkTimeServiceQuerying,AimEnabled,PreconnectToSearch';

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
      `--disable-features=${OFF}`,
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
