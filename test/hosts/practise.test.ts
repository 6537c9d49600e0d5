import { expect, it, vi } from 'vitest';
import { startTestEngine } from '../support/engine.ts';

it('tells at once that a practice call can not be made, and nothing comes of it later', async () => {
  const engine = await startTestEngine();
  const off = vi.fn<() => void>();
  const listening = vi.spyOn(engine.headless.engine.capture, 'onCalls').mockReturnValue(off);
  // Somebody else's listener by now: nothing answers there.
  vi.spyOn(engine.headless.engine, 'companionAddress').mockReturnValue('127.0.0.1:1');
  await expect(engine.control.practice.call({ model: 'practice/echo' })).rejects.toThrow();
  expect(listening).toHaveBeenCalledOnce();
  expect(off).toHaveBeenCalledOnce();
  expect(engine.headless.engine.keys.list().some((key) => key.name === 'Drawbridge itself')).toBe(false);
  vi.restoreAllMocks();
  await engine.stop();
});

it('makes practice calls that are asked for at once one after the other', async () => {
  const engine = await startTestEngine();
  const ask = (): ReturnType<typeof engine.control.practice.call> => engine.control.practice.call({ model: 'practice/echo' });
  const calls = await Promise.all([ask(), ask(), ask()]);
  expect(new Set(calls.map(({ id }) => id)).size).toBe(3);
  expect(calls.map(({ status }) => status)).toEqual([200, 200, 200]);
  await engine.stop();
});
