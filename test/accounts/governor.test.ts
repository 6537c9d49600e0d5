import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { createGovernor, nextStep, type Admission, type Governor, type GovernorLimits } from '../../bridges/accounts/governor.ts';
import { silentLogger } from '../../bridges/engine/log.ts';
import { testClock, type TestClock } from './keeper.support.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-governor-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let clock: TestClock;
let limits: GovernorLimits;
let timers: { at: number; work: () => void }[];
let file: string;
let n = 0;
beforeEach(() => {
  clock = testClock();
  limits = { concurrency: 2, paceMs: 0, dailyCalls: 100 };
  timers = [];
  file = path.join(folder, `count-${(n += 1)}.json`);
});

const make = (): Governor =>
  createGovernor({
    limits: () => limits,
    clock,
    log: silentLogger,
    file,
    later: (milliseconds, work) => {
      const timer = { at: clock.at + milliseconds, work };
      timers.push(timer);
      return () => void (timers = timers.filter((other) => other !== timer));
    },
  });
const pass = (milliseconds: number): void => {
  clock.at += milliseconds;
  const due = timers.filter(({ at }) => at <= clock.at);
  timers = timers.filter(({ at }) => at > clock.at);
  for (const { work } of due) work();
};
const never = (): AbortSignal => new AbortController().signal;
const isIn = async (entering: Promise<Admission>): Promise<boolean> => {
  const waiting = Symbol('waiting');
  const first = await Promise.race([entering, new Promise((resolve) => setImmediate(() => resolve(waiting)))]);
  return first !== waiting;
};
const release = async (entering: Promise<Admission>): Promise<void> => {
  const admission = await entering;
  if ('release' in admission) admission.release();
};

describe('the governor', () => {
  it.each([
    [{ running: 0, lastStart: -Infinity }, { kind: 'start' }],
    [{ running: 2, lastStart: 0 }, { kind: 'wait_for_end' }],
    [
      { running: 1, lastStart: 950 },
      { kind: 'wait', milliseconds: 50 },
    ],
    [{ running: 1, lastStart: 900 }, { kind: 'start' }],
  ])('%j: %j', (state, step) => expect(nextStep(state, { concurrency: 2, paceMs: 100, dailyCalls: 1 }, 1000)).toEqual(step));

  it('lets so many through at once, and the next when one ends, in their order', async () => {
    const governor = make();
    const [one, two, three, four] = [1, 2, 3, 4].map(() => governor.enter(never()));
    expect(await Promise.all([one, two, three, four].map((entering) => isIn(entering ?? Promise.reject())))).toEqual([
      true,
      true,
      false,
      false,
    ]);
    if (one !== undefined) {
      await release(one);
      await release(one);
    }
    expect(await Promise.all([three, four].map((entering) => isIn(entering ?? Promise.reject())))).toEqual([true, false]);
  });
  it('keeps a pace between starts', async () => {
    limits.paceMs = 100;
    const governor = make();
    const [one, two] = [governor.enter(never()), governor.enter(never())];
    expect([await isIn(one), await isIn(two)]).toEqual([true, false]);
    pass(99);
    expect(await isIn(two)).toBe(false);
    pass(1);
    expect(await isIn(two)).toBe(true);
  });
  it('forgets who left while waiting', async () => {
    limits.concurrency = 1;
    const governor = make();
    const one = governor.enter(never());
    const leaving = new AbortController();
    const two = governor.enter(leaving.signal);
    const three = governor.enter(never());
    leaving.abort();
    expect(await two).toEqual({ refused: 'queue' });
    await release(one);
    expect(await isIn(three)).toBe(true);
  });
  it('turns away what would wait too long', async () => {
    limits.concurrency = 1;
    const governor = make();
    for (let i = 0; i < 9; i++) void governor.enter(never());
    expect(await governor.enter(never())).toEqual({ refused: 'queue' });
  });
  it('goes on counting where the count can’t be written down', async () => {
    file = path.join(folder, 'gone', 'count.json');
    const governor = make();
    limits.concurrency = 100;
    for (let i = 0; i < 25; i++) expect(await governor.enter(never())).toHaveProperty('release');
    expect(governor.today()).toBe(25);
    governor.stop();
  });
  it('stops at the ceiling until the next day, also after a restart', async () => {
    limits.dailyCalls = 2;
    const governor = make();
    await governor.enter(never());
    await governor.enter(never());
    const midnight = Date.UTC(2026, 10, 21);
    expect(await governor.enter(never())).toEqual({ refused: 'ceiling', resetsAt: midnight });
    governor.stop();
    const again = make();
    expect(again.today()).toBe(2);
    expect(await again.enter(never())).toMatchObject({ refused: 'ceiling' });
    clock.at = midnight;
    expect(await isIn(again.enter(never()))).toBe(true);
    expect(again.today()).toBe(1);
  });
});
