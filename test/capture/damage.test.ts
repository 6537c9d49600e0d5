import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import os from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { salvage } from '../../bridges/capture/salvage.ts';
import { openly } from '../../bridges/capture/seal.ts';
import { Store } from '../../bridges/capture/store.ts';
import { check } from '../../bridges/capture/health.ts';
import type { Slices } from '../../bridges/capture/jobs.ts';
import { createCapture, type Capture } from '../../bridges/capture/capture.ts';
import type { BridgeReport } from '../../bridges/capture/usage/quotas.ts';
import { systemClock } from '../../bridges/engine/clock.ts';
import { silentLogger, type Logger } from '../../bridges/engine/log.ts';
import { callStart, captureReached } from '../support/capture.ts';
import { startTestEngine, type TestEngine } from '../support/engine.ts';
import { callRow, conversationOf } from './rows.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-damage-'));
  file = path.join(folder, 'captures.db');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function run<T>(work: Slices<T>): T {
  let step = work.next();
  while (step.done !== true) step = work.next();
  return step.value;
}

const CALLS = 160;
const PAGE = 4096;

/** A store of some conversations, closed. Returns the number of its pages. */
function fill(): number {
  const { store } = Store.open(file, 0);
  const bodies = conversationOf(20);
  for (let id = 1; id <= CALLS; id += 4) {
    store.transaction(() => {
      for (let n = id; n < id + 4; n += 1) {
        const sides = [
          { side: 'clientRequest' as const, headers: '[["x-a","b"]]', body: bodies[n % bodies.length] ?? Buffer.alloc(0) },
          { side: 'clientReply' as const, headers: '[]', body: Buffer.from(`reply ${n} ${'and so on '.repeat(n % 30)}`) },
        ];
        store.write({ call: callRow(n), ends: true, sides });
      }
    });
  }
  store.close();
  return statSync(file).size / PAGE;
}

function damage(page: number): void {
  const handle = openSync(file, 'r+');
  writeSync(handle, Buffer.alloc(PAGE, 0xa5), 0, PAGE, (page - 1) * PAGE);
  closeSync(handle);
}

/** A page in the middle of each of these tables. */
function leaves(...tables: string[]): number[] {
  const db = new Database(file, { readonly: true });
  const pages = db.prepare<[string], number>("select pageno from dbstat where name = ? and pagetype = 'leaf' order by path").pluck();
  const found = tables.map((table) => {
    const all = pages.all(table);
    return all[all.length >> 1] ?? 0;
  });
  db.close();
  return found;
}

describe('a store that was not closed', () => {
  it('is looked through when it is opened again; one that was closed is not', () => {
    damage(fill() >> 1);
    // As after a regular end: what is damaged shows when it is read.
    const calm = Store.open(file, 0);
    expect(calm.movedAside).toBeNull();
    calm.store.close();
    writeFileSync(`${file}-open`, '');
    const { store, movedAside } = Store.open(file, 0);
    expect(movedAside).not.toBeNull();
    expect(store.count).toBe(0);
    store.close();
    expect(existsSync(`${file}-open`)).toBe(false);
  });
});

describe('a damaged store', () => {
  it('gives back most of its calls, wherever the damage is, and never wrong bytes', () => {
    fill();
    const places = leaves('calls', 'exchanges', 'recipes', 'blocks', 'search_data');
    const whole = path.join(folder, 'whole.db');
    const copy = (from: string, to: string): void => void spawnSync('cp', [from, to]);
    copy(file, whole);
    const bodies = conversationOf(20);
    let saved = 0;
    for (const place of places) {
      copy(whole, file);
      damage(place);
      const { store } = Store.open(path.join(folder, `new-${place}.db`), 0);
      const result = run(salvage(store, file, openly));
      expect(result.calls).toBe(store.count);
      saved += result.calls;
      for (const call of store.list({ limit: 1000, now: 0 })) {
        const [request] = store.sides(call.id);
        if (request !== undefined) expect(request.body?.equals(bodies[call.id % bodies.length] ?? Buffer.alloc(0))).toBe(true);
      }
      expect(run(check(store, 0)).problems).toEqual([]);
      store.close();
    }
    expect(saved).toBeGreaterThan(places.length * CALLS * 0.7);
  });

  it('is moved aside, and its calls are there again while new ones are kept', async () => {
    fill();
    damage(leaves('exchanges')[0] ?? 0);
    writeFileSync(`${file}-open`, '');
    const warned = Promise.withResolvers<string>();
    const log: Logger = {
      ...silentLogger,
      warn(event, values) {
        if (event === 'capture.warned') warned.resolve(JSON.stringify(values));
      },
    };
    const settings = () => ({ enabled: true, maxBodyBytes: 1_000_000 });
    const capture = createCapture({ file, clock: systemClock, log, settings });
    await capture.start();
    expect(capture.status().state).toBe('recording');
    expect(capture.movedAside()).toContain('.damaged-');
    expect(await warned.promise).toContain('calls were taken over');
    expect((await capture.list(1000, undefined, {})).length).toBeGreaterThan(CALLS / 2);
    expect(capture.status().calls).toBeGreaterThan(CALLS / 2);
    await capture.stop();
  });

  it.each([
    { table: 'exchanges', closed: false, atLeast: CALLS / 2 },
    { table: 'calls', closed: true, atLeast: CALLS / 2 },
    { table: 'blocks', closed: true, atLeast: CALLS },
    { table: 'exchanges', closed: true, atLeast: CALLS },
  ])('can still be encrypted, and is kept as it was ($table, closed: $closed)', async ({ table, closed, atLeast }) => {
    fill();
    damage(leaves(table)[0] ?? 0);
    if (!closed) writeFileSync(`${file}-open`, '');
    const warned = Promise.withResolvers<string>();
    const start = async (): Promise<Capture> => {
      const capture = createCapture({
        file,
        clock: systemClock,
        log: { ...silentLogger, warn: (event, values) => void (event === 'capture.warned' && warned.resolve(JSON.stringify(values))) },
        sealKey: async () => Buffer.alloc(32, 7),
        settings: () => ({ enabled: true, maxBodyBytes: 1_000_000, seal: true }),
      });
      await capture.start();
      return capture;
    };
    const first = await start();
    const aside = first.movedAside() ?? 'none';
    expect(await warned.promise).toContain(aside);
    const { calls, encrypted } = await first.sizes();
    expect(encrypted).toBe(true);
    expect(calls).toBeGreaterThanOrEqual(atLeast);
    expect(first.status()).toMatchObject({ state: 'recording', calls });
    expect(await first.check()).toMatchObject({ ok: true });
    await first.stop();
    expect(existsSync(aside)).toBe(true);
    const second = await start();
    expect(second.movedAside()).toBeNull();
    expect(second.status()).toMatchObject({ state: 'recording', calls });
    await second.stop();
  });

  it('gives back its other calls where the row of one can’t be read', () => {
    fill();
    const db = new Database(file);
    db.exec(`update calls set lost = '[{"path' where id = 20`);
    db.close();
    const { store } = Store.open(path.join(folder, 'new.db'), 0);
    expect(run(salvage(store, file, openly))).toEqual({ calls: CALLS - 1, partly: 0 });
    expect(store.call(20)).toBeUndefined();
    store.close();
  });

  it('gives back when the pieces of its streams came', () => {
    const points: [number, number][] = [
      [0, 1.5],
      [40, 12],
    ];
    const { store: before } = Store.open(file, 0);
    const sides = [{ side: 'clientReply' as const, headers: '[]', body: Buffer.from('data: {}\n\n'.repeat(8)) }];
    before.write({ call: callRow(1, { streamed: true }), ends: true, sides, timeline: Float64Array.from(points.flat()) });
    before.close();
    const { store } = Store.open(path.join(folder, 'new.db'), 0);
    expect(run(salvage(store, file, openly))).toEqual({ calls: 1, partly: 0 });
    expect(store.timeline(1)).toEqual(points);
    store.close();
  });

  it('gives nothing where not even its beginning can be read, and says so', () => {
    fill();
    damage(1);
    const { store } = Store.open(path.join(folder, 'new.db'), 0);
    expect(run(salvage(store, file, openly))).toEqual({ calls: 0, partly: 0 });
    store.close();
  });
});

/** A small disk of its own, made in memory: only root may. */
function smallDisk(): { place: string; remove(): void } | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return undefined;
  const place = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-disk-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=12m', 'drawbridge-test', place]).status === 0;
  const remove = (): void => {
    if (mounted) spawnSync('umount', ['-l', place]);
    rmSync(place, { recursive: true, force: true });
  };
  if (mounted) return { place, remove };
  remove();
  return undefined;
}

/** Fills a disk to its last byte; the result makes room again. */
function fillUp(place: string): () => void {
  const filler = path.join(place, 'filler');
  const handle = openSync(filler, 'w');
  for (const size of [64 * 1024, 4096]) {
    expect(() => {
      for (;;) writeSync(handle, Buffer.alloc(size));
    }).toThrow(/ENOSPC/);
  }
  closeSync(handle);
  return () => rmSync(filler);
}

describe('capture on a full disk', () => {
  const until = async (isSo: () => boolean): Promise<void> => expect.poll(isSo, { interval: 20 }).toBe(true);
  const report = (percent: number): BridgeReport => ({
    bridge: 'codex',
    account: 'a',
    billing: 'plan',
    plan: 'plus',
    asOf: new Date(0).toISOString(),
    windows: Array.from({ length: 200 }, (_, i) => ({ name: `w${i}`, usedPercent: percent, minutes: 300, resetsAt: null })),
  });

  it.for(['its log is folded in', 'the limits of bridges are told', 'it is opened'])(
    'goes on by itself where the disk is full when %s',
    async (when, { skip }) => {
      const disk = smallDisk();
      if (disk === undefined) return skip('only root can mount a small disk');
      let ahead = 0;
      const warnings: string[] = [];
      const capture = createCapture({
        file: path.join(disk.place, 'captures.db'),
        clock: { now: () => systemClock.now(), monotonic: () => systemClock.monotonic() + ahead },
        log: { ...silentLogger, warn: (_event, values) => void warnings.push(JSON.stringify(values)) },
        settings: () => ({ enabled: true, maxBodyBytes: 1_000_000 }),
      });
      const call = (bytes: number): number => {
        const one = capture.recorder.begin(callStart({ body: randomBytes(bytes) }));
        one.replyStart(200, {});
        one.end({ cut: false });
        return one.id;
      };
      try {
        let makeRoom = (): void => undefined;
        if (when === 'it is opened') makeRoom = fillUp(disk.place);
        await capture.start();
        if (when === 'it is opened') {
          expect(capture.status()).toMatchObject({ state: 'failed', reason: expect.stringContaining('The disk is full') });
        } else {
          for (let i = 0; i < 4; i += 1) call(800_000);
          await until(() => capture.status().calls === 4 && capture.status().pendingBytes === 0);
          makeRoom = fillUp(disk.place);
          for (let told = 1; warnings.length === 0; told += 1) {
            if (when === 'the limits of bridges are told') capture.bridges([report(told)]);
            await capture.activity();
          }
        }
        makeRoom();
        ahead += 60_000;
        const id = call(100);
        await until(() => capture.status().state === 'recording' && capture.status().pendingBytes === 0);
        expect(await capture.get(id)).toMatchObject({ call: { state: 'done' } });
      } finally {
        await capture.stop();
        disk.remove();
      }
    },
  );
});

describe('an engine whose disk is full', () => {
  it('serves its calls, says that none is kept, and keeps them again when there is room', async ({ skip }) => {
    const disk = smallDisk();
    if (disk === undefined) return skip('only root can mount a small disk');
    let ahead = 0;
    const clock = { now: () => systemClock.now(), monotonic: () => systemClock.monotonic() + ahead };
    let engine: TestEngine | undefined;
    try {
      engine = await startTestEngine({ home: disk.place, headless: { clock } });
      const { capture } = engine.headless.engine;
      const to = engine;
      const say = async (): Promise<void> => {
        const reply = await fetch(`${to.origin}/v1/chat/completions`, {
          method: 'POST',
          headers: { authorization: `Bearer ${to.key}`, 'content-type': 'application/json' },
          body: JSON.stringify({
            model: 'practice/echo',
            messages: [{ role: 'user', content: Array.from({ length: 40_000 }, Math.random).join() }],
          }),
        });
        expect(reply.status).toBe(200);
        await reply.text();
      };
      const notices = async (): Promise<string[]> => (await to.control.status.get({})).notices.map(({ id }) => id);
      await captureReached(capture, 'recording');
      const makeRoom = fillUp(disk.place);
      const failed = captureReached(capture, 'failed');
      await say();
      await failed;
      expect(capture.status().reason).toContain('The disk is full');
      expect(await notices()).toContain('capture');
      // It is tried again, fails again, and the call is served again.
      ahead += 10_000;
      const dropped = capture.status().dropped;
      await say();
      await capture.list(1, undefined, {});
      expect(capture.status()).toMatchObject({ state: 'failed' });
      expect(capture.status().dropped).toBeGreaterThan(dropped);
      makeRoom();
      ahead += 10_000;
      const recording = captureReached(capture, 'recording');
      await say();
      await recording;
      expect(await notices()).not.toContain('capture');
      const [newest] = await capture.list(1, undefined, {}, 'is:ok');
      expect(newest).toMatchObject({ status: 200, state: 'done' });
      expect(await capture.check()).toMatchObject({ ok: true });
    } finally {
      await engine?.stop();
      disk.remove();
    }
  });
});
