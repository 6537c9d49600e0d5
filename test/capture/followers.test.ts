import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FollowerMaker, StoredCallChange } from '../../bridges/capture/followers.ts';
import { callLine } from '../../bridges/capture/export/jsonl.ts';
import { importLines } from '../../bridges/capture/import/import.ts';
import { idAt } from '../../bridges/capture/recorder.ts';
import { Store } from '../../bridges/capture/store.ts';
import { PriceTable } from '../../bridges/capture/usage/prices.ts';
import { readSeries, readWindow, Rollup } from '../../bridges/capture/usage/rollup.ts';
import { callRow } from './rows.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-followers-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('a follower hears of each change to a call inside its transaction, and what it writes goes with it', () => {
  const heard: StoredCallChange[] = [];
  const { store } = Store.open(path.join(folder, 'captures.db'), 0, {
    followers: [
      (db) => {
        db.exec('create table if not exists sums (n integer)');
        return {
          stored(change) {
            heard.push(change);
            db.prepare('insert into sums values (?)').run(change.call.id);
            if (change.call.id === 2) throw new Error('no');
          },
          removed: () => undefined,
        };
      },
    ],
  });
  const request = { side: 'clientRequest' as const, headers: '[]', body: Buffer.from('{}') };
  const reply = { side: 'clientReply' as const, headers: '[]', body: Buffer.from('yes') };
  store.transaction(() => store.write({ call: callRow(1, { state: 'open' }), ends: false, sides: [request] }));
  store.transaction(() => store.write({ call: callRow(1), ends: true, sides: [reply] }));
  expect(() => store.transaction(() => store.write({ call: callRow(2), ends: true, sides: [request, reply] }))).toThrow('no');
  expect(heard.map(({ begins, ends, sides }) => [begins, ends, sides.map(({ side }) => side)])).toEqual([
    [true, false, ['clientRequest']],
    [false, true, ['clientReply']],
    [true, true, ['clientRequest', 'clientReply']],
  ]);
  expect(store.call(2)).toBeUndefined();
  store.close();
});

it('an imported call is put down to nobody who is signed in here', () => {
  const follow: FollowerMaker = (db) => {
    const rollup = new Rollup(db);
    rollup.bridges([{ bridge: 'codex', account: 'me@example.com', billing: 'plan' }]);
    return rollup;
  };
  const { store } = Store.open(path.join(folder, 'captures.db'), 0, { followers: [follow] });
  const call = callRow(7, { upstream: 'codex' });
  const line = callLine({ call, sides: [], timeline: [] }, null, true);
  store.transaction(() => void importLines(store, [line], 1));
  store.transaction(() => store.write({ call: { ...call, id: 8 }, ends: true, sides: [] }));
  const input = { fromMs: 0, toMs: NOW, bucket: 'day', by: 'account', where: {}, offsetMinutes: 0 } as const;
  const { totals } = readSeries(store.read, new PriceTable(), input);
  expect(totals.map(({ group, calls }) => [group, calls])).toEqual([
    [null, 1],
    ['me@example.com', 1],
  ]);
  store.close();
});

const NOW = Date.UTC(2026, 5, 1, 12, 30);

describe('a call whose end was not written down', () => {
  const began = (minute: number): number => NOW + minute * 60_000;
  const call = (minute: number, change: Parameters<typeof callRow>[1] = {}): ReturnType<typeof callRow> =>
    callRow(idAt(began(minute)), { startedAt: new Date(began(minute)).toISOString(), ...change });
  const openCall = (minute: number): ReturnType<typeof callRow> => call(minute, { state: 'open', status: null, durationMs: null });
  const heard: StoredCallChange[] = [];
  const followers: FollowerMaker[] = [
    (db) => new Rollup(db),
    () => ({ stored: (change) => void heard.push(change), removed: () => undefined }),
  ];
  const open = (): Store => Store.open(path.join(folder, 'captures.db'), 0, { followers }).store;
  const told = (): unknown[] =>
    heard.splice(0).map(({ call: { id, state, cut }, begins, ends, sides }) => ({ id, state, cut, begins, ends, sides }));
  const cutNow = (minute: number): object => ({ id: call(minute).id, state: 'cut', cut: true, begins: false, ends: true, sides: [] });
  const counted = (store: Store): number[] => {
    const input = { fromMs: NOW - 3_600_000, toMs: NOW + 3_600_000, bucket: 'hour', by: undefined, where: {}, offsetMinutes: 0 } as const;
    const { all } = readSeries(store.read, new PriceTable(), input);
    const [window] = readWindow(store.read, new PriceTable(), undefined, NOW);
    expect(window?.numbers).toEqual(all);
    return [all.calls, all.errors];
  };

  it('is told of as cut, and counted once, when the store is opened again', () => {
    let store = open();
    store.transaction(() => {
      for (const minute of [1, 2, 3]) store.write({ call: openCall(minute), ends: false, sides: [] });
      store.write({ call: call(3), ends: true, sides: [] });
    });
    expect(counted(store)).toEqual([1, 0]);
    store.close();
    told();
    store = open();
    expect(told()).toEqual([cutNow(1), cutNow(2)]);
    expect(counted(store)).toEqual([3, 2]);
    store.close();
    store = open();
    expect(told()).toEqual([]);
    expect(counted(store)).toEqual([3, 2]);
    store.close();
  });
  it('is told of as cut, and counted once, when it is known that its end is lost', () => {
    const store = open();
    store.transaction(() => {
      for (const minute of [1, 2]) store.write({ call: openCall(minute), ends: false, sides: [] });
      store.write({ call: call(2), ends: true, sides: [] });
    });
    told();
    // The second has ended, and of the third not even the beginning was written.
    store.transaction(() => store.cut([1, 2, 3].map((minute) => call(minute).id)));
    expect(told()).toEqual([cutNow(1)]);
    expect(counted(store)).toEqual([2, 1]);
    store.close();
  });
});
