import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EngineClient } from '../../bridges/contract/index.ts';
import { startFakeShell } from '../behaviour/fake-shell.ts';
import { startHeadlessShell } from '../behaviour/headless-shell.ts';
import type { Shell, StartShell } from '../behaviour/shell.ts';
import { PATHS } from './paths.ts';

/** Every page's main path, over the desktop's MessagePort and over the headless host's HTTP: one start of each, the built programs. */
const CARRIERS: readonly (readonly [string, StartShell])[] = [
  ['the fake desktop shell', (options) => startFakeShell(options)],
  ['plain Node', startHeadlessShell],
];

describe.each(CARRIERS)('on %s', (_name, start) => {
  let shell: Shell;
  let page: Page;
  let engine: EngineClient;
  beforeAll(async () => {
    shell = await start();
    page = await shell.page();
    engine = await shell.engine();
    await page.getByText('Live', { exact: true }).waitFor();
  });
  afterAll(() => shell.clear());

  test.each(Object.entries(PATHS))('%s', async (_path, walk) => {
    await walk({ page, engine });
    expect(shell.complaints).toEqual([]);
  });
});
