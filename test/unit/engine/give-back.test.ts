import { expect, test } from 'vitest';
import { giveBack, nursery } from '../../../bridges/engine/give-back.ts';

const WORTH_BYTES = 2 * 1024 * 1024;

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
