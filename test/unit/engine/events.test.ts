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
