import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Meaning } from '../../../bridges/capture/meaning.ts';
import { migrate } from '../../../bridges/capture/migrate.ts';
import { MIGRATIONS } from '../../../bridges/capture/migrations/index.ts';
import { NO_PLACES } from '../../../bridges/capture/places.ts';
import { parsePrices, writePrices } from '../../../bridges/capture/usage/price-file.ts';
import { PriceTable, type Spent } from '../../../bridges/capture/usage/prices.ts';
import { keepQuotas, readQuotas, type BridgeReport } from '../../../bridges/capture/usage/quotas.ts';
import { readSeries, Rollup, type SeriesInput } from '../../../bridges/capture/usage/rollup.ts';
import type { Call, Price, RequestKind } from '../../../bridges/contract/index.ts';

const price = (model: string, change: Partial<Price> = {}): Price => ({
  model,
  input: 2,
  cached: 0.5,
  cacheWrite: 3,
  output: 10,
  source: 'a test',
  date: '2026-11-21',
  ...change,
});
const spent = (change: Partial<Spent> = {}): Spent => ({
  model: 'm-1',
  billing: 'use',
  calls: 1,
  uncounted: 0,
  input: 1_000_000,
  cached: null,
  cacheWrite: null,
  output: 0,
  ...change,
});

describe('the price of a model', () => {
  it('is the one with the longest pattern, and the user’s before ours', () => {
    const table = new PriceTable([price('m-*', { input: 1 }), price('m-1*', { input: 7 }), price('claude-opus-4-5*', { input: 99 })]);
    expect(table.of('m-12')?.input).toBe(7);
    expect(table.of('lab/m-3')?.input).toBe(1);
    expect(table.of('claude-opus-4-5-20251101')).toMatchObject({ input: 99, from: 'user' });
    expect(table.of('claude-opus-4-6')).toMatchObject({ input: 5, from: 'built-in' });
    expect(table.of('nobody knows it')).toBeNull();
  });
  it('tells where each row of ours is from, and when', () => {
    for (const row of new PriceTable().prices) {
      expect(row.date).toMatch(/^\d{4}-\d\d-\d\d$/);
      if (row.input !== null) expect(row.source).toMatch(/^https:/);
      else expect(row.source).toMatch(/^unknown/);
    }
  });
  it('is refused, with the field, where a file of the user’s is wrong', () => {
    expect(() => parsePrices('{"version":1,"prices":[{"model":"m","input":-1}]}', 'prices.json')).toThrow(
      /prices.json is wrong at "prices.0/,
    );
    expect(() => parsePrices('{', 'prices.json')).toThrow(/not valid JSON/);
  });
});

describe('the price file of the user', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-prices-'));
    file = path.join(folder, 'prices.json');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const save = (): void => writePrices(file, [price('new')], Date.UTC(2026, 10, 21));

  it('is written anew, and read with a byte order mark, too', () => {
    save();
    save();
    expect(readdirSync(folder)).toEqual(['prices.json']);
    expect(parsePrices(`\ufeff${readFileSync(file, 'utf8')}`, file)).toEqual([price('new')]);
  });
  it.each(['{"version":1,"prices":[],}', '{"version":1,"prices":[{"model":"m"}]}'])(
    'is kept beside the new one where it has a slip: %s',
    (broken) => {
      writeFileSync(file, broken);
      save();
      expect(readFileSync(path.join(folder, 'prices.broken-2026-11-21T00-00-00-000Z.json'), 'utf8')).toBe(broken);
      expect(parsePrices(readFileSync(file, 'utf8'), file)).toEqual([price('new')]);
    },
  );
});

describe('what calls cost', () => {
  const table = new PriceTable([price('m-1'), price('half', { cached: null })]);
  it('is net input, cached input, cache writes and output, each at its price', () => {
    const cost = table.cost([spent({ input: 1_000_000, cached: 400_000, cacheWrite: 100_000, output: 200_000 })]);
    expect(cost).toEqual({ usd: 0.5 * 2 + 0.4 * 0.5 + 0.1 * 3 + 0.2 * 10, label: 'list price', complete: true });
  });
  it('is unknown, and never nothing, without a price or without counts', () => {
    expect(table.cost([spent({ model: 'other' })])).toEqual({ usd: null, label: 'unknown', complete: false });
    expect(table.cost([spent({ input: null, output: null, uncounted: 1 })])).toEqual({ usd: null, label: 'unknown', complete: false });
    expect(table.cost([spent({ model: 'half', cached: 5 })]).usd).toBeNull();
    expect(table.cost([])).toEqual({ usd: null, label: 'unknown', complete: false });
  });
  it('is told to be a part where only some of it is known', () => {
    expect(table.cost([spent(), spent({ model: 'other' })])).toEqual({ usd: 2, label: 'list price', complete: false });
    expect(table.cost([spent({ uncounted: 1, calls: 2 })]).complete).toBe(false);
  });
  it('is not told to be a part for calls that were refused', () => {
    const refused = spent({ model: 'other', input: null, output: null });
    expect(table.cost([spent(), refused])).toEqual({ usd: 2, label: 'list price', complete: true });
    expect(table.cost([spent({ billing: 'plan' }), refused]).label).toBe('plan');
    expect(table.cost([refused])).toEqual({ usd: null, label: 'unknown', complete: false });
  });
  it('says whether a plan pays', () => {
    expect(table.cost([spent({ billing: 'plan' })])).toEqual({ usd: 2, label: 'plan', complete: true });
    expect(table.cost([spent({ billing: 'plan', model: 'other' })])).toEqual({ usd: null, label: 'plan', complete: false });
    expect(table.cost([spent(), spent({ billing: 'plan' })]).label).toBe('mixed');
    expect(table.cost([spent({ billing: 'free', model: 'practice', input: null, output: null, uncounted: 1 })])).toEqual({
      usd: 0,
      label: 'list price',
      complete: true,
    });
  });
});

const BEGAN = Date.UTC(2026, 10, 20, 22, 30);

function call(change: Partial<Call> & { minute?: number } = {}): Call {
  const { minute = 0, ...rest } = change;
  return {
    id: 1,
    startedAt: new Date(BEGAN + minute * 60_000).toISOString(),
    state: 'done',
    client: 'curl',
    clientVersion: null,
    caller: 'tests',
    method: 'POST',
    path: '/',
    route: null,
    upstream: 'gateway',
    wireIn: 'chat',
    wireOut: 'chat',
    modelRequested: 'm-1',
    modelUsed: null,
    status: 200,
    streamed: false,
    cut: false,
    ttfbMs: 10,
    durationMs: 30,
    requestBytes: 1,
    replyBytes: 1,
    usage: { input: 100, cached: 40, cacheWrite: null, output: 10, reasoning: 4 },
    lost: [],
    error: null,
    ...rest,
  };
}

function open(): { db: Database.Database; rollup: Rollup; read: (change?: Partial<SeriesInput>) => ReturnType<typeof readSeries> } {
  const db = new Database(':memory:');
  migrate(db, MIGRATIONS);
  const input: SeriesInput = {
    fromMs: BEGAN - 86_400_000,
    toMs: BEGAN + 86_400_000,
    bucket: 'hour',
    by: undefined,
    where: {},
    offsetMinutes: 0,
  };
  const rollup = new Rollup(db);
  const read = (change: Partial<SeriesInput> = {}): ReturnType<typeof readSeries> => {
    rollup.flush();
    return readSeries(db, new PriceTable([price('m-1')]), { ...input, ...change });
  };
  return { db, rollup, read };
}

describe('usage over time', () => {
  it('sums calls by the hour they began in, tokens net and gross', () => {
    const { rollup, read } = open();
    for (const minute of [0, 5, 40]) rollup.stored({ call: call({ minute }), ends: true });
    const { points, all } = read();
    expect(points.map(({ at, calls }) => [at, calls])).toEqual([
      ['2026-11-20T22:00:00.000Z', 2],
      ['2026-11-20T23:00:00.000Z', 1],
    ]);
    expect(all).toMatchObject({
      calls: 3,
      errors: 0,
      inputGross: 300,
      inputNet: 180,
      cached: 120,
      cacheWrite: null,
      output: 30,
      reasoning: 12,
      ttfbMs: 10,
      durationMs: 30,
    });
    expect(all.cost).toMatchObject({ label: 'list price', complete: true });
  });
  it('tells what kind of requests the calls were, and how many tools their replies called', () => {
    const { db, read } = open();
    const kinds = new Map<number, RequestKind>([
      [1, 'turn'],
      [2, 'side'],
      [3, 'subtask'],
    ]);
    const rollup = new Rollup(db, (id) => kinds.get(id) ?? null);
    for (const [id, toolCalls] of [1, 3, 0, undefined].entries())
      rollup.stored({ call: call({ id: id + 1, ...(toolCalls !== undefined && { toolCalls }) }), ends: true });
    rollup.flush();
    const { totals, all } = read({ by: 'kind' });
    expect(new Map(totals.map(({ group, calls, toolCalls }) => [group, [calls, toolCalls]]))).toEqual(
      new Map([
        ['turn', [1, 1]],
        ['side', [1, 3]],
        ['subtask', [1, 0]],
        [null, [1, null]],
      ]),
    );
    expect(all.toolCalls).toBe(4);
    expect(read({ where: { kind: 'side' } }).all.calls).toBe(1);
  });
  it('keeps the sums of a store whose calls had no kinds yet', () => {
    const db = new Database(':memory:');
    migrate(
      db,
      MIGRATIONS.filter(({ id }) => id < 27),
    );
    db.exec(`insert into usage_names (name) values ('curl');
      insert into usage_hours values (${Math.floor(BEGAN / 3_600_000)}, 1, 0, 0, 0, 0, 0, 5, 1, 0, 100, 40, null, 10, 4, 4, 40, 120)`);
    migrate(db, MIGRATIONS);
    const input = { fromMs: BEGAN - 3_600_000, toMs: BEGAN + 3_600_000, bucket: 'hour', by: 'kind', where: {}, offsetMinutes: 0 } as const;
    expect(readSeries(db, new PriceTable(), input).totals).toMatchObject([
      { group: null, calls: 5, errors: 1, inputGross: 100, output: 10, toolCalls: null, ttfbMs: 10, durationMs: 30 },
    ]);
  });
  it('does not count a call that is still open', () => {
    const { rollup, read } = open();
    rollup.stored({ call: call({ state: 'open' }), ends: false });
    expect(read().all.calls).toBe(0);
  });
  it('begins a day where its viewer is', () => {
    const { rollup, read } = open();
    for (const minute of [0, 120]) rollup.stored({ call: call({ minute }), ends: true });
    expect(read({ bucket: 'day' }).points.map(({ at }) => at)).toEqual(['2026-11-20T00:00:00.000Z', '2026-11-21T00:00:00.000Z']);
    expect(read({ bucket: 'day', offsetMinutes: 120 }).points.map(({ at }) => at)).toEqual(['2026-11-20T22:00:00.000Z']);
  });
  it.each([-570, -210, -150, 60, 330, 345])('puts an hour with the day it began in, %i minutes from UTC', (offsetMinutes) => {
    const { rollup, read } = open();
    const dayOf = (at: number): string => new Date(at + offsetMinutes * 60_000).toISOString().slice(0, 10);
    const hours = Array.from({ length: 40 }, (_, hour) => Date.UTC(2026, 10, 20, hour));
    for (const [id, at] of hours.entries())
      rollup.stored({ call: call({ id, startedAt: new Date(at + 600_000).toISOString() }), ends: true });
    const { points } = read({ bucket: 'day', offsetMinutes, toMs: BEGAN + 3 * 86_400_000 });
    const days = Map.groupBy(hours, dayOf);
    expect(points.map(({ at, calls }) => [dayOf(Date.parse(at)), calls])).toEqual([...days].map(([day, of]) => [day, of.length]));
  });
  it('is grouped and filtered by any dimension', () => {
    const { rollup, read } = open();
    rollup.bridges([{ bridge: 'codex', account: 'me@example.com', billing: 'plan' }]);
    rollup.stored({ call: call(), ends: true });
    rollup.stored({ call: call({ id: 2, caller: 'ci', upstream: 'codex', client: 'codex' }), ends: true });
    expect(read({ by: 'bridge' }).totals.map(({ group, cost }) => [group, cost.label])).toEqual([
      ['gateway', 'list price'],
      ['codex', 'plan'],
    ]);
    expect(read({ by: 'account' }).totals.map(({ group }) => group)).toEqual([null, 'me@example.com']);
    expect(read({ where: { caller: 'ci' } }).all.calls).toBe(1);
    expect(read({ where: { caller: 'nobody' } }).all.calls).toBe(0);
  });
  it('puts no imported call down to who is signed in here', () => {
    const { db, rollup, read } = open();
    rollup.bridges([{ bridge: 'codex', account: 'me@example.com', billing: 'plan' }]);
    rollup.stored({ call: call({ upstream: 'codex' }), ends: true, imported: true });
    rollup.stored({ call: call({ id: 2, upstream: 'practice' }), ends: true, imported: true });
    expect(read({ by: 'account' }).totals.map(({ group, calls }) => [group, calls])).toEqual([[null, 2]]);
    expect(read({ by: 'bridge' }).totals.map(({ group, cost }) => [group, cost.label, cost.complete])).toEqual([
      ['codex', 'list price', true],
      ['practice', 'list price', true],
    ]);
    expect(db.prepare('select * from usage_accounts').all()).toEqual([]);
  });
  it('keeps what no reply told unknown, and counts the calls that told nothing', () => {
    const { rollup, read } = open();
    rollup.stored({ call: call({ usage: null }), ends: true });
    rollup.stored({ call: call({ usage: null, status: 500 }), ends: true });
    expect(read().all).toMatchObject({
      calls: 2,
      errors: 1,
      uncounted: 1,
      inputGross: null,
      output: null,
      cost: { usd: null, label: 'unknown' },
    });
  });
});

it('a call that was refused does not leave the cost of the others a part', () => {
  const { rollup, read } = open();
  rollup.stored({ call: call({ usage: { input: 1_000_000, cached: null, cacheWrite: null, output: 0, reasoning: null } }), ends: true });
  rollup.stored({ call: call({ id: 2, modelRequested: 'm-2', status: 429, usage: null }), ends: true });
  expect(read().all).toMatchObject({ calls: 2, errors: 1, uncounted: 0, cost: { usd: 2, label: 'list price', complete: true } });
});

describe('the limits of bridges', () => {
  const report = (usedPercent: number, minute: number): BridgeReport => ({
    bridge: 'codex',
    account: 'a',
    billing: 'plan',
    plan: 'plus',
    windows: [{ name: 'primary', usedPercent, minutes: 300, resetsAt: '2026-11-21T00:00:00.000Z' }],
    asOf: new Date(BEGAN + minute * 60_000).toISOString(),
  });
  it('are a series that grows only when something new is said', () => {
    const { db } = open();
    for (const [used, minute] of [
      [1, 0],
      [1, 1],
      [2, 2],
    ] as const)
      keepQuotas(db, [report(used, minute)]);
    expect(readQuotas(db, 'codex', 0, BEGAN * 2).map(({ at, usedPercent }) => [at.slice(11, 16), usedPercent])).toEqual([
      ['22:30', 1],
      ['22:32', 2],
    ]);
    expect(readQuotas(db, 'copilot', 0, BEGAN * 2)).toEqual([]);
  });
  it('tell the newest where there are too many', () => {
    const { db } = open();
    db.exec(`with recursive n (i) as (select 0 union all select i + 1 from n where i < 20000)
      insert into usage_quotas (at_ms, bridge, window, used_percent) select ${BEGAN} + i, 'codex', 'primary', i / 1000.0 from n`);
    const points = readQuotas(db, 'codex', 0, BEGAN * 2);
    expect(points).toHaveLength(20_000);
    expect([points[0]?.usedPercent, points.at(-1)?.usedPercent]).toEqual([0.001, 20]);
  });
  it('say nothing new where only the moment they begin anew is reckoned anew', () => {
    const { db } = open();
    const moved = (minute: number, seconds: number): BridgeReport => ({
      ...report(1, minute),
      windows: [{ name: 'primary', usedPercent: 1, minutes: 300, resetsAt: new Date(BEGAN + seconds * 1000).toISOString() }],
    });
    for (const [minute, seconds] of [
      [0, 0],
      [1, 1],
      [2, -1],
      [3, 30],
      [4, 60],
      [5, 61],
    ] as const)
      keepQuotas(db, [moved(minute, seconds)]);
    expect(readQuotas(db, 'codex', 0, BEGAN * 2).map(({ at, resetsAt }) => [at.slice(14, 16), resetsAt?.slice(14, 19)])).toEqual([
      ['30', '30:00'],
      ['34', '31:00'],
    ]);
  });
});

it('a changed price file is read before any question is answered, also while another waits for it', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-prices-'));
  const { db } = open();
  try {
    const file = path.join(folder, 'prices.json');
    writePrices(file, [price('mine')], 0);
    const meaning = new Meaning({ ...NO_PLACES, prices: file }, (warning) => expect.fail(warning));
    const own = () => {
      const answer = meaning.answer(db, { call: () => undefined, sides: () => [] }, { kind: 'prices' });
      return answer.kind === 'prices' ? answer.prices.filter(({ from }) => from === 'user').map(({ model }) => model) : [];
    };
    void meaning.refresh();
    await meaning.refresh();
    expect(own()).toEqual(['mine']);
    expect(meaning.refresh()).toBeUndefined();
  } finally {
    db.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
