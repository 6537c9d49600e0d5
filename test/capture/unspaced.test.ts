import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Store } from '../../bridges/capture/store.ts';
import { callRow } from './rows.ts';

const TEXTS = {
  1: '数据库连接超时了，请重试',
  2: 'データベースの接続がタイムアウトしました',
  3: 'ฐานข้อมูลหมดเวลา',
  4: 'an error: 超时 in node',
  5: '한국어 데이터베이스를 연결',
} as const;

let folder: string;
let store: Store;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-unspaced-'));
  store = Store.open(path.join(folder, 'captures.db'), 0).store;
  store.transaction(() => {
    for (const [id, text] of Object.entries(TEXTS)) {
      const body = Buffer.from(JSON.stringify({ model: 'm', messages: [{ role: 'user', content: text }] }));
      store.write({ call: callRow(Number(id)), ends: true, sides: [{ side: 'clientRequest', headers: '[]', body }] });
    }
  });
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true, force: true });
});

const find = (query: string): number[] => store.list({ limit: 10, before: undefined, query, now: 0 }).map(({ id }) => id);

describe('words of a script that puts no blanks between them', () => {
  it.each([
    ['数据库', [1]],
    ['超时', [4, 1]],
    ['超时 node', [4]],
    ['"数据库 连接"', [1]],
    ['库数', []],
    ['数据 -重试', []],
    ['接続', [2]],
    ['タイムアウト', [2]],
    ['デー*', [2]],
    ['ข้อมูล', [3]],
    ['เวลา', [3]],
    ['데이터*', [5]],
    ['데이터', []],
  ])('are found wherever they stand: %s', (query, wanted) => {
    expect(find(query)).toEqual(wanted);
  });

  it('are found by their beginning where an earlier version indexed a whole row of them as one', () => {
    const row = store.read.prepare<[], number>('select id from exchanges where call = 3').pluck().get() ?? 0;
    store.db.prepare('insert or replace into search (rowid, text) values (?, ?)').run(2 * row, '数据集很大');
    expect(find('数据')).toEqual([3, 1]);
    expect(find('很大')).toEqual([]);
  });
});
