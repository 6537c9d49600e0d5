import { expect, test } from 'vitest';
import { Bus } from '../../../bridges/engine/events.ts';

test('a subscription that was given up before anybody read it ends, and lets what it heard go', async () => {
  let heard = 0;
  const bus = new Bus<{ n: number }>(() => {
    heard += 1;
    return () => (heard -= 1);
  });
  const given = new AbortController();
  const events = bus.subscribe(given.signal);
  given.abort();
  expect(await events.next()).toEqual({ value: undefined, done: true });
  expect(heard).toBe(0);
});

test('a reader that falls too far behind gets what was kept for it without a gap, and is told that there was more', async () => {
  const bus = new Bus<{ n: number }>();
  const events = bus.subscribe(undefined);
  const first = events.next();
  for (let n = 0; n < 2_000; n += 1) bus.emit({ n });
  expect(await first).toEqual({ value: { n: 0 }, done: false });
  const read: number[] = [];
  const rest = (async () => {
    for await (const { n } of events) {
      read.push(n);
      if (n < 500) bus.emit({ n: 2_000 });
    }
  })();
  await expect(rest).rejects.toMatchObject({ code: 'failed', message: expect.stringContaining('left out') });
  expect(read).toEqual(read.map((_, index) => index + 1));
});
