import v8 from 'node:v8';
import { expect, test } from 'vitest';
import { giveAllBack, giveBack, nursery } from '../../../bridges/engine/give-back.ts';

const WORTH_BYTES = 4 * 1024 * 1024;

test('a thread at rest collects a nursery that has grown, and leaves it to V8 to return it', () => {
  let kept: object[] = [];
  const full = (): boolean => nursery().physical > WORTH_BYTES && nursery().used > WORTH_BYTES / 2;
  for (let i = 0; !full() && i < 2_000; i += 1) {
    kept = kept.length > 20 ? [] : kept;
    kept.push(Array.from({ length: 2_000 }, (_, at) => ({ at })));
  }
  expect(full()).toBe(true);
  kept = [];
  const { used } = nursery();
  giveBack();
  expect(nursery().used).toBeLessThan(used / 2);
});

test('after the start all that is not used is returned at once', () => {
  let kept: number[][] = Array.from({ length: 200 }, () => Array.from({ length: 20_000 }, (_, at) => at));
  expect(kept).toHaveLength(200);
  kept = [];
  const { total_physical_size: before } = v8.getHeapStatistics();
  giveAllBack();
  expect(v8.getHeapStatistics().total_physical_size).toBeLessThan(before - 16 * 1024 * 1024);
});
