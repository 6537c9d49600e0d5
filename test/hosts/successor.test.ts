import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startTestEngine } from '../support/engine.ts';

let home: string;

beforeEach(() => {
  home = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-successor-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

it('an engine waits for one that is stopping still, and then takes its place', async () => {
  const run = path.join(home, 'run');
  mkdirSync(run, { mode: 0o700 });
  // It has taken its running file away, and answers still.
  const stopping = net.createServer().listen(path.join(run, 'control.sock'));
  await once(stopping, 'listening');
  const looked = once(stopping, 'connection');
  const starting = startTestEngine({ home });
  await looked;
  stopping.close();
  const engine = await starting;
  expect(engine.headless.companion).not.toBeNull();
  await engine.stop();
});

it('an engine that runs keeps its place', async () => {
  const first = await startTestEngine({ home });
  await expect(startTestEngine({ home })).rejects.toMatchObject({ code: 'already_running' });
  await first.stop();
});
