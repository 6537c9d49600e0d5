import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { callLine } from '../../bridges/capture/export/jsonl.ts';
import { importLines } from '../../bridges/capture/import/import.ts';
import { idAt } from '../../bridges/capture/recorder.ts';
import { Store } from '../../bridges/capture/store.ts';
import type { Call, Imported } from '../../bridges/contract/index.ts';
import { callRow } from './rows.ts';

let folder: string;
let store: Store;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-import-'));
  store = Store.open(path.join(folder, 'captures.db'), 0).store;
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true, force: true });
});

const line = (call: Call, headers: [string, string][] = []): string =>
  callLine({ call, sides: [{ side: 'clientRequest', headers: JSON.stringify(headers), bytes: 0, body: null }], timeline: [] }, null, true);

function take(...lines: string[]): Imported {
  let imported: Imported | undefined;
  store.transaction(() => void (imported = importLines(store, lines, 1)));
  return imported ?? { stored: 0, duplicates: 0, bad: [] };
}

const ids = (): number[] => store.list({ limit: 1000, now: 0 }).map(({ id }) => id);

describe('the number of a call that comes in', () => {
  const at = '2026-01-02T03:04:05.678Z';
  const first = idAt(Date.parse(at));

  it('is kept where it fits its time, and is the first of its time where it is larger', () => {
    expect(take(line(callRow(first + 7)))).toMatchObject({ stored: 1 });
    expect(ids()).toEqual([first + 7]);
    const ahead = [Number.MAX_SAFE_INTEGER, 2 ** 52, idAt(Date.parse(at) + 2 * 86_400_000)].map((id, i) =>
      line(callRow(id, { client: `c${i}` })),
    );
    expect(take(...ahead)).toEqual({ stored: 3, duplicates: 0, bad: [] });
    expect(ids()).toEqual([first + 7, first + 2, first + 1, first]);
    expect(take(...ahead)).toEqual({ stored: 0, duplicates: 3, bad: [] });
  });

  it('is known where the call itself is here, however large it is', () => {
    // The clock went back by days while the engine ran: numbers rise nevertheless.
    const row = callRow(idAt(Date.parse(at) + 3 * 86_400_000));
    store.transaction(() => store.write({ call: row, ends: true, sides: [] }));
    expect(take(line(row))).toEqual({ stored: 0, duplicates: 1, bad: [] });
  });

  it('is not looked for without end', () => {
    const crowd = Array.from({ length: 103 }, (_, i) => line(callRow(5, { client: `c${i}` })));
    const taken = take(...crowd);
    expect(taken.stored).toBe(100);
    expect(taken.bad.map((one) => one.line)).toEqual([101, 102, 103]);
  });
});

describe('a line that no recorder would have written', () => {
  it.each<[string, Partial<Call>]>([
    ['a time there is not', { startedAt: 'never' }],
    ['a time beyond all numbers', { startedAt: '+275760-01-01T00:00:00.000Z' }],
    ['a size below nothing', { requestBytes: -1 }],
    ['tokens below nothing', { usage: { input: 1, cached: null, cacheWrite: null, output: -5, reasoning: null } }],
    ['a duration below nothing', { durationMs: -0.5 }],
  ])('is refused: %s', (_what, change) => {
    expect(take(line(callRow(1, change)))).toMatchObject({ stored: 0, bad: [{ line: 1 }] });
  });

  it.each(['Host\nUser-Agent', 'x-\u001b[31m', 'nul\u0000', ''])('is refused: a header with the name %j', (name) => {
    expect(take(line(callRow(1), [[name, 'x']]))).toMatchObject({ stored: 0, bad: [{ line: 1 }] });
  });

  it('has its texts without credentials and escapes', () => {
    const secret = `db_${'k7Rm2xQ9'.repeat(5)}`;
    const hostile = `\u001b]0;x\u0007 \u001b[31m${secret}`;
    const row = callRow(1, {
      client: hostile,
      clientVersion: hostile,
      caller: hostile,
      method: hostile,
      path: `/${hostile}`,
      route: hostile,
      upstream: hostile,
      modelRequested: hostile,
      modelUsed: hostile,
      lost: [{ path: hostile, why: hostile }],
      error: hostile,
    });
    expect(take(line(row))).toMatchObject({ stored: 1 });
    const kept = JSON.stringify(store.call(1));
    expect(kept).not.toContain(secret);
    expect(kept).not.toContain('\\u00');
    expect(take(line(row))).toMatchObject({ duplicates: 1 });
  });
});

it('what an earlier version exported packed is kept as what it says, without credentials', () => {
  const secret = `gho_${'a1B2c3D4'.repeat(5)}`;
  const body = gzipSync(`{"model":"m","messages":[{"role":"user","content":"my key is ${secret}"}]}`);
  const sides = [{ side: 'clientRequest' as const, headers: '[["content-encoding","gzip"]]', bytes: body.length, body }];
  expect(take(callLine({ call: callRow(1), sides, timeline: [] }, null, true))).toMatchObject({ stored: 1 });
  const [kept] = store.sides(1);
  expect(kept?.body?.toString()).toMatch(/^{"model":"m".*my key is \*{44}"/);
});

it('headers whose names hold a line feed are told from those that are two', () => {
  const names = (...all: string[]): string => JSON.stringify(all.map((name) => [name, 'v']));
  const heads = [names('a\nb', 'c'), names('a', 'b\nc'), names('a\nb\nc'), names('a', 'b', 'c')];
  heads.forEach((headers, i) => store.write({ call: callRow(i + 1), ends: true, sides: [{ side: 'clientRequest', headers, body: null }] }));
  expect(heads.map((_, i) => store.sides(i + 1)[0]?.headers)).toEqual(heads);
});
