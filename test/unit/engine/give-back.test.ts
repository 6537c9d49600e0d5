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

test('memory is given back at each rest, and a start that takes long is no reason to keep what it optimised', () => {
  const { keepOptimised, collected, look } = watched();
  for (const busy of [0.9, 0.4, 0.0005, 0.05, 0]) look(busy, 0);
  expect(keepOptimised).not.toHaveBeenCalled();
  expect(collected).toHaveBeenCalledTimes(2);
});

test('V8 is told once to keep what it optimised, when many calls have come', () => {
  const { keepOptimised, collected, look } = watched();
  look(0.4, 499);
  expect(keepOptimised).not.toHaveBeenCalled();
  look(0, 500);
  look(0.4, 900);
  look(0, 900);
  expect(keepOptimised).toHaveBeenCalledTimes(1);
  expect(collected).toHaveBeenCalledTimes(2);
});
