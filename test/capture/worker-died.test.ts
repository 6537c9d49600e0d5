import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCapture, type Capture } from '../../bridges/capture/capture.ts';
import type { OpenCall } from '../../bridges/capture/recorder.ts';
import type { Settings } from '../../bridges/contract/index.ts';
import { systemClock } from '../../bridges/engine/clock.ts';
import { silentLogger } from '../../bridges/engine/log.ts';
import { beginCall, captureReached, endCall } from '../support/capture.ts';

let folder: string;
let capture: Capture;
let ahead: number;
let folders: Settings['capture']['folders'];
/** Ends the worker's thread with the call that says so. */
const DEADLY = `export default { api: 1, name: 'deadly', priority: 99, match: (x) => x.path === '/deadly', project: () => process.exit(3) };`;

beforeEach(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-died-'));
  ahead = 0;
  folders = [];
  const adapters = path.join(folder, 'adapters');
  mkdirSync(adapters, { mode: 0o700 });
  writeFileSync(path.join(adapters, 'deadly.mjs'), DEADLY, { mode: 0o600 });
  capture = createCapture({
    file: path.join(folder, 'captures.db'),
    clock: { now: () => systemClock.now(), monotonic: () => systemClock.monotonic() + ahead },
    log: silentLogger,
    settings: () => ({ enabled: true, maxBodyBytes: 1_000_000, folders }),
    places: { adapters, contexts: '', prices: '', homes: { claude: undefined, codex: undefined, copilot: undefined } },
  });
  await capture.start();
  await ready();
});
afterEach(async () => {
  await capture.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** The adapter is loaded beside the first calls. */
async function ready(): Promise<void> {
  const isLoaded = async (): Promise<boolean> =>
    (await capture.ask({ kind: 'adapters' })).adapters.some(({ name, state }) => name === 'deadly' && state === 'ready');
  await expect.poll(isLoaded).toBe(true);
}

function begin(target = '/v1/messages', said = 'hello'): OpenCall {
  return beginCall(capture, { target, body: Buffer.from(JSON.stringify({ model: 'm', messages: [{ role: 'user', content: said }] })) });
}

async function die(): Promise<void> {
  const failed = captureReached(capture, 'failed');
  endCall(begin('/deadly'));
  await failed;
}

describe('a capture worker that died', () => {
  it('is started again after a while; what was lost with it is counted, and no call suffers', async () => {
    const before = endCall(begin());
    expect(await capture.list(1, undefined, {})).toHaveLength(1);
    await die();
    expect(capture.status()).toMatchObject({ dropped: 1, pendingBytes: 0, reason: expect.stringContaining('worker stopped') });
    await expect(capture.list(1, undefined, {})).rejects.toMatchObject({ code: 'store_unavailable' });
    endCall(begin());
    ahead += 10_000;
    const recording = captureReached(capture, 'recording');
    const after = endCall(begin());
    await recording;
    expect((await capture.list(9, undefined, {})).map(({ id }) => id)).toEqual([after, before]);
    expect((await capture.get(after))?.sides).toHaveLength(2);
  });

  it('is started again for who asks, too', async () => {
    await die();
    ahead += 10_000;
    expect(await capture.list(9, undefined, {})).toEqual([]);
    expect(capture.status().state).toBe('recording');
  });

  it('rests longer each time it dies again', async () => {
    for (const wait of [5_000, 10_000, 20_000]) {
      await die();
      ahead += wait - 1_000;
      await expect(capture.list(9, undefined, {})).rejects.toMatchObject({ code: 'store_unavailable' });
      ahead += 1_000;
      await ready();
    }
  });

  it('leaves nothing of an ignored call that was under way', async () => {
    folders = [{ folder: '/private', keep: 'ignore' }];
    const hidden = begin('/v1/messages', 'Working directory: /private/x\nhi');
    const open = begin();
    const isStored = async (): Promise<boolean> => (await capture.get(open.id)) !== null;
    await expect.poll(isStored).toBe(true);
    await die();
    ahead += 10_000;
    endCall(hidden);
    endCall(open);
    const after = endCall(begin());
    expect(await capture.get(after)).toMatchObject({ call: { state: 'done' } });
    expect(await capture.get(hidden.id)).toBeNull();
    expect(await capture.get(open.id)).toMatchObject({ call: { state: 'cut' } });
  });
});
