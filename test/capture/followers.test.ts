import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import type { StoredCallChange } from '../../bridges/capture/followers.ts';
import { Store } from '../../bridges/capture/store.ts';
import { callRow } from './rows.ts';

it('a follower hears of each change to a call inside its transaction, and what it writes goes with it', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-followers-'));
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
  rmSync(folder, { recursive: true, force: true });
});
