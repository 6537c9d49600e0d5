import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import path from 'node:path';
import { z } from 'zod';
import { launchChromium } from '../support/chromium.ts';
import { makeFolders, watchPage } from './folders.ts';
import type { StartShell } from './shell.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const Ready = z.object({ event: z.literal('ready'), ui: z.string() });

/** The built command in plain Node, with its window in a browser. */
export const startHeadlessShell: StartShell = async (options = {}) => {
  const folders = makeFolders(options.firstRun);
  await options.prepare?.(folders);
  const child = spawn(
    process.execPath,
    [
      '--max-semi-space-size=8',
      '--v8-pool-size=1',
      path.join(ROOT, 'scripts/drawbridge.mjs'),
      'start',
      '--headless',
      '--no-open',
      '--json',
    ],
    { env: { ...folders.env, ...options.env }, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const first = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    child.once('exit', (code) => reject(new Error(`the command ended with ${code}`)));
  });
  const { ui } = Ready.parse(JSON.parse(first));
  const browser = await launchChromium();
  const complaints: string[] = [];
  let quits = false;
  let page: ReturnType<typeof browser.newPage> | undefined;
  return {
    ...folders,
    // A window that outlives its engine looks for it; the browser notes that nobody is there.
    get complaints() {
      return quits ? complaints.filter((text) => !text.includes('ERR_CONNECTION_REFUSED')) : complaints;
    },
    desktop: null,
    ended,
    page: () =>
      (page ??= browser.newPage().then(async (made) => {
        watchPage(made, complaints);
        await made.goto(ui);
        return made;
      })),
    processes: async () => [child.pid ?? 0],
    quit() {
      quits = true;
      child.kill('SIGTERM');
      return ended;
    },
    async clear() {
      await browser.close();
      child.kill('SIGKILL');
      await ended;
      folders.clear();
    },
  };
};
