import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { systemClock } from '../../bridges/engine/clock.ts';
import { startTestEngine, type TestEngine } from '../support/engine.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine({ headless: { clock: { ...systemClock, now: () => Date.UTC(2026, 10, 21) } } });
});
afterAll(() => engine.stop());

/** A folder in the way of a file: what root may not do either. */
function block(name: string): string {
  const file = path.join(engine.home, name);
  rmSync(file, { force: true });
  mkdirSync(path.join(file, 'held'), { recursive: true });
  return file;
}

it('a file that can not be written is told by its name and its fault', async () => {
  const file = block('keys.json');
  await expect(engine.control.keys.create({ name: 'a laptop' })).rejects.toMatchObject({
    code: 'failed',
    message: expect.stringContaining(`${file} can't be written: illegal operation on a directory (EISDIR).`),
  });
});

it('a broken file of settings that can not be moved aside is told, too', async () => {
  const file = path.join(engine.home, 'settings.json');
  writeFileSync(file, 'broken');
  block('settings.broken-2026-11-21T00-00-00-000Z.json');
  await expect(engine.control.settings.update({ patch: { ui: { theme: 'dark' } } })).rejects.toMatchObject({
    code: 'failed',
    message: expect.stringContaining(`${file} can't be written: illegal operation on a directory (EISDIR).`),
  });
});

it('whatever else the system refuses is told in its words', async () => {
  const refused = Object.assign(new Error('open'), { errno: -os.constants.errno.ENOSPC, code: 'ENOSPC', path: '/full/of/it' });
  const list = vi.spyOn(engine.headless.engine.capture, 'list').mockRejectedValueOnce(refused);
  await expect(engine.control.calls.list({})).rejects.toMatchObject({
    code: 'failed',
    message: 'The system refused this. /full/of/it: no space left on device (ENOSPC).',
  });
  list.mockRestore();
});
