import { setImmediate as afterReading } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { callBegan, callOver, CROWD, departTogether, isCrowded } from '../../../bridges/http/departures.ts';

let begun = 0;
const begin = (count: number): void => {
  for (let i = 0; i < count; i += 1) callBegan();
  begun += count;
};
afterEach(() => {
  for (; begun > 0; begun -= 1) callOver();
});

test('a few calls are no crowd, many are, until enough of them are over', () => {
  begin(CROWD - 1);
  expect(isCrowded()).toBe(false);
  begin(1);
  expect(isCrowded()).toBe(true);
  callOver();
  begun -= 1;
  expect(isCrowded()).toBe(false);
});

test('what departs together does so once everything that has come was read, in the order it was told', async () => {
  const departed: number[] = [];
  for (let i = 0; i < 3; i += 1) departTogether(() => departed.push(i));
  await Promise.resolve();
  expect(departed).toEqual([]);
  await afterReading();
  expect(departed).toEqual([0, 1, 2]);
});

test('what is told while others depart leaves with the next', async () => {
  const departed: string[] = [];
  departTogether(() => {
    departed.push('first');
    departTogether(() => departed.push('second'));
  });
  await afterReading();
  expect(departed).toEqual(['first']);
  await afterReading();
  expect(departed).toEqual(['first', 'second']);
});
