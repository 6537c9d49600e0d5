import { AsyncIteratorClass } from '@orpc/client';
import { expect, test } from 'vitest';
import { Settings } from '../../../bridges/contract/settings.ts';
import { watchEngine, type Facts, type Source } from '../../../electron/main/snapshot.ts';

/** An engine with so many calls in the last hour, that tells of nothing by itself. */
function quietEngine(callsInHour: () => number): Source {
  return {
    events: async (_input, options) =>
      new AsyncIteratorClass(
        () => new Promise((resolve) => options?.signal?.addEventListener('abort', () => resolve({ done: true, value: undefined }))),
        () => Promise.resolve(),
      ),
    status: {
      get: async () => ({
        version: '1',
        host: 'desktop',
        pid: 1,
        node: '24',
        startedAt: '2026-05-01T10:00:00.000Z',
        home: '/home/u/drawbridge',
        listeners: [],
        bridges: [],
        tunnels: [],
        upstreams: [],
        capture: { state: 'recording', reason: null, calls: 0, dropped: 0, pendingBytes: 0, storeBytes: 0 },
        activity: { calls: callsInHour(), failed: 0, open: 0, ttfbP50Ms: null, inputTokens: null, outputTokens: null },
        notices: [],
      }),
    },
    bridges: { list: async () => [] },
    tunnels: { list: async () => [] },
    calls: { list: async () => ({ calls: [], more: false }) },
    loginItem: { get: async () => ({ state: 'off', reason: null }) },
    settings: { get: async () => ({ settings: Settings.parse({}), path: '', problem: null }) },
  };
}

test('where nothing happens the facts are read each minute, and no more once that is stopped', async () => {
  let calls = 3;
  const timers: { ms: number; ring: () => void }[] = [];
  const read: Facts[] = [];
  const after = (ms: number, ring: () => void): (() => void) => {
    const timer = { ms, ring };
    timers.push(timer);
    return () => void (timers.includes(timer) && timers.splice(timers.indexOf(timer), 1));
  };
  const watch = watchEngine(
    quietEngine(() => calls),
    after,
    (facts) => read.push(facts),
    (error) => expect.unreachable(String(error)),
  );
  const ring = (): number => {
    const timer = timers.shift();
    expect(timers).toEqual([]);
    timer?.ring();
    return timer?.ms ?? 0;
  };
  watch.refresh();
  for (let minute = 1; minute <= 3; minute += 1) {
    await expect.poll(() => timers.length).toBe(1);
    expect(read.at(-1)?.status.activity.calls).toBe(calls);
    expect(read).toHaveLength(minute);
    calls -= 1;
    expect(ring() + ring()).toBe(60_000);
  }
  await expect.poll(() => timers.length).toBe(1);
  watch.stop();
  expect(timers).toEqual([]);
});

test('where the login item cannot be read, the rest is told all the same', async () => {
  const loginItem = { get: () => Promise.reject(new Error('EACCES')) };
  const read = Promise.withResolvers<Facts>();
  const watch = watchEngine({ ...quietEngine(() => 1), loginItem }, () => () => {}, read.resolve, read.reject);
  watch.refresh();
  expect((await read.promise).loginItem).toEqual({ state: 'unsupported', reason: null });
  watch.stop();
});

test('an engine that cut the events off is listened to again', async () => {
  let streams = 0;
  const engine = quietEngine(() => 1);
  const cut = new AsyncIteratorClass<never, void>(
    () => Promise.resolve({ done: true, value: undefined }),
    () => Promise.resolve(),
  );
  const events: Source['events'] = (input, options) => (++streams === 1 ? Promise.resolve(cut) : engine.events(input, options));
  const timers: (() => void)[] = [];
  const watch = watchEngine(
    { ...engine, events },
    (_ms, ring) => {
      timers.push(ring);
      return () => {};
    },
    () => {},
    (error) => expect.unreachable(String(error)),
  );
  await expect.poll(() => timers.length).toBe(1);
  timers[0]?.();
  expect(streams).toBe(2);
  watch.stop();
});
