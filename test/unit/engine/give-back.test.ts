import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, test, vi } from 'vitest';
import { giveBack, looker, nursery } from '../../../bridges/engine/give-back.ts';

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

test('threads that give back at the same time do not get in each other’s way', async () => {
  const source = new URL('../../../bridges/engine/give-back.ts', import.meta.url).href;
  const code = `
    const { parentPort } = require('node:worker_threads');
    import(${JSON.stringify(source)}).then(({ giveBack }) => {
      for (let round = 0; round < 40; round += 1) {
        for (let i = 0; i < 60; i += 1) globalThis.kept = Array.from({ length: 2_000 }, (_, at) => ({ at }));
        giveBack();
      }
      parentPort.postMessage('done');
    });`;
  const threads = Array.from({ length: 4 }, () => new Worker(code, { eval: true, execArgv: [] }));
  const answers = await Promise.all(threads.map(async (thread) => (await once(thread, 'message'))[0]));
  expect(answers).toEqual(['done', 'done', 'done', 'done']);
  await Promise.all(threads.map((thread) => thread.terminate()));
});

function watched() {
  const keepOptimised = vi.fn<() => void>();
  const collected = vi.fn<() => void>();
  return { keepOptimised, collected, look: looker({ giveBack: collected, keepOptimised }) };
}

test('V8 is told to keep what it optimised once, when the first calls come to a thread that has rested', () => {
  const { keepOptimised, collected, look } = watched();
  for (const busy of [0.05, 0.02, 0.0005, 0.005, 0]) look(busy);
  expect(keepOptimised).not.toHaveBeenCalled();
  expect(collected).toHaveBeenCalledTimes(2);
  for (const busy of [0.02, 0, 0.9]) look(busy);
  expect(keepOptimised).toHaveBeenCalledTimes(1);
  expect(collected).toHaveBeenCalledTimes(3);
});

test('many calls right after the start are reason enough', () => {
  const { keepOptimised, look } = watched();
  for (const busy of [0.05, 0.4, 0.4]) look(busy);
  expect(keepOptimised).toHaveBeenCalledTimes(1);
});
