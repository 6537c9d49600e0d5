import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createCapture, type Capture, type CaptureOptions } from '../../bridges/capture/capture.ts';
import { systemClock } from '../../bridges/engine/clock.ts';
import { silentLogger } from '../../bridges/engine/log.ts';
import { beginCall, endCall } from '../support/capture.ts';

let folder: string;
let file: string;
let capture: Capture;
let ahead: number;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-window-'));
  file = path.join(folder, 'captures.db');
  ahead = 0;
});
afterEach(async () => {
  await capture.stop();
  rmSync(folder, { recursive: true, force: true });
});

function made(options: Pick<CaptureOptions, 'sealKey'> = {}): Capture {
  return createCapture({
    file,
    clock: { now: () => systemClock.now(), monotonic: () => systemClock.monotonic() + ahead },
    log: silentLogger,
    settings: () => ({ enabled: true, maxBodyBytes: 1_000_000, seal: options.sealKey !== undefined }),
    ...options,
  });
}

it('keeps the calls that came while an encrypted history waited for its key', async () => {
  const key = Promise.withResolvers<Buffer>();
  capture = made({ sealKey: () => key.promise });
  const started = capture.start();
  // As many as make a full batch, which does not wait for its time.
  const ids = Array.from({ length: 32 }, () => endCall(beginCall(capture)));
  key.resolve(Buffer.alloc(32, 7));
  await started;
  expect((await capture.list(99, undefined, {})).map((call) => call.id)).toEqual(ids.toReversed());
  expect(capture.status().dropped).toBe(0);
});

it('tells that calls were removed where as many came meanwhile', async () => {
  capture = made();
  await capture.start();
  for (let i = 0; i < 1000; i += 1) endCall(beginCall(capture));
  const all = await capture.list(1000, undefined, {});
  let told = 0;
  capture.onRemoved(() => (told += 1));
  const coming = setInterval(() => endCall(beginCall(capture)), 1);
  await expect.poll(() => capture.status().calls).toBeGreaterThan(1000);
  for (const { id } of all.slice(0, 3)) await capture.purge({ kind: 'calls', ids: [id] }, false);
  clearInterval(coming);
  expect(told).toBeGreaterThanOrEqual(3);
});

it('goes on where a call whose end was lost can not be marked as cut either', async () => {
  capture = made();
  await capture.start();
  const damaged = beginCall(capture);
  await expect.poll(() => capture.get(damaged.id)).not.toBeNull();
  const db = new Database(file);
  db.exec(`create trigger damaged before update on calls when new.id = ${damaged.id} begin select raise(abort, 'damaged'); end`);
  db.close();
  endCall(damaged);
  await expect.poll(() => capture.status().state).toBe('failed');
  for (let i = 0; i < 2; i += 1) {
    ahead += 10_000;
    const id = endCall(beginCall(capture));
    await expect.poll(() => capture.get(id)).not.toBeNull();
  }
  expect(capture.status().state).toBe('recording');
});
