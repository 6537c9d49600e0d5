import { describe, expect, it } from 'vitest';
import type { Call, UsageNumbers } from '../../../bridges/contract/index.ts';
import { mendOf } from '../../../renderer/src/features/bridges/mends.ts';
import { COLUMNS, columnsThatFit, placed, USUAL_COLUMNS } from '../../../renderer/src/features/calls/columns.ts';
import { layoutOf, step } from '../../../renderer/src/features/conversations/layout.ts';
import { bucketsOf, dayName, groupsOf, stacked } from '../../../renderer/src/features/usage/series.ts';
import { CallFeed, type CallPage } from '../../../renderer/src/lib/call-feed.ts';
import { sseFrames } from '../../../renderer/src/lib/sse.ts';
import { madeCall } from '../../fakes/made-calls.ts';
import { madeNodes } from '../../fakes/made-meaning.ts';

describe('the columns of the calls', () => {
  const usual = new Set(USUAL_COLUMNS);
  it('give way in a narrow list, the least used first, and two always stay', () => {
    expect(columnsThatFit(usual, 2000)).toHaveLength(USUAL_COLUMNS.length);
    expect(columnsThatFit(usual, 100).map(({ id }) => id)).toEqual(['model', 'status']);
  });
  it.each([700, 1240, 2000])('stand side by side in %i pixels, and none beyond the edge', (width) => {
    const columns = placed(columnsThatFit(usual, width), width);
    for (const [at, column] of columns.entries()) {
      expect(column.room).toBeGreaterThanOrEqual(column.width);
      const next = columns[at + 1];
      if (next) expect(next.left).toBeGreaterThanOrEqual(column.left + column.room);
      else expect(column.left + column.room).toBeLessThanOrEqual(width);
    }
  });
  it('share out what is left over', () => {
    const [only] = COLUMNS.filter(({ id }) => id === 'status');
    expect(placed(only ? [only] : [], 500)[0]?.room).toBe(500 - 28);
  });
});

describe('the tree of a conversation', () => {
  const layout = layoutOf(madeNodes(Date.UTC(2026, 10, 21)));
  it('gives each call a place of its own, below the one it follows', () => {
    expect(new Set(layout.placed.map(({ column, row }) => `${column} ${row}`)).size).toBe(layout.placed.length);
    for (const { row, parent } of layout.placed) if (parent) expect(row).toBeGreaterThan(parent.row);
  });
  it('is walked by arrow keys, and back', () => {
    const [first] = layout.placed;
    const second = first && step(layout, first, 'down');
    expect(second?.parent).toBe(first);
    expect(second && step(layout, second, 'up')).toBe(first);
    expect(first && step(layout, first, 'up')).toBeNull();
  });
});

describe('the values of a chart', () => {
  const numbers = (calls: number, output: number | null): UsageNumbers => ({
    calls,
    errors: 0,
    uncounted: 0,
    inputGross: null,
    inputNet: null,
    cached: null,
    cacheWrite: null,
    output,
    reasoning: null,
    toolCalls: null,
    cost: { usd: null, label: 'unknown', complete: false },
    ttfbMs: null,
    durationMs: null,
  });
  it('begin a day where the viewer’s day begins', () => {
    const now = Date.UTC(2026, 10, 21, 12);
    expect(bucketsOf('day', 2, now, 60).map((at) => new Date(at).toISOString())).toEqual([
      '2026-11-19T23:00:00.000Z',
      '2026-11-20T23:00:00.000Z',
    ]);
  });
  it.each([
    [330, '2026-11-20T19:00:00.000Z', '2026-11-21T18:00:00.000Z'],
    [345, '2026-11-20T19:00:00.000Z', '2026-11-21T18:00:00.000Z'],
    [-150, '2026-11-21T03:00:00.000Z', '2026-11-22T02:00:00.000Z'],
    [-210, '2026-11-21T04:00:00.000Z', '2026-11-22T03:00:00.000Z'],
  ])('begin a day with the first hour that begins in it, %i minutes from UTC', (offsetMinutes, first, last) => {
    for (const now of [first, last]) expect(bucketsOf('day', 1, Date.parse(now), offsetMinutes)).toEqual([Date.parse(first)]);
  });
  it.each([120, 330, -210])('have each day once by its name, whatever the clocks were then, %i minutes from UTC', (offsetMinutes) => {
    // In Berlin the clocks change on 29 March.
    const days = bucketsOf('day', 4, Date.UTC(2026, 2, 31, 12), offsetMinutes);
    const words = new Intl.DateTimeFormat(undefined, { weekday: 'short', month: 'short', day: 'numeric', timeZone: 'UTC' });
    expect(days.map((day) => dayName(day, offsetMinutes))).toEqual([28, 29, 30, 31].map((day) => words.format(Date.UTC(2026, 2, day))));
  });
  it('are nothing where there were no calls, and unknown where calls told nothing', () => {
    const at = ['2026-11-21T00:00:00.000Z', '2026-11-21T01:00:00.000Z'];
    const points = [{ ...numbers(2, null), at: at[0] ?? '', group: 'a' }];
    const [group] = groupsOf(
      at.map((time) => Date.parse(time)),
      points,
      [{ ...numbers(2, null), group: 'a' }],
      { read: ({ output }) => output, none: 0 },
      true,
    );
    expect(group?.values).toEqual([null, 0]);
  });
  it('stand on each other, what is unknown adding nothing', () => {
    const group = (values: (number | null)[]) => ({ name: 'a', rest: false, values });
    expect(stacked([group([1, null, null]), group([2, 3, null])])).toEqual([
      [1, null, null],
      [3, 3, null],
    ]);
  });
});

describe('the list of calls', () => {
  const call = (id: number, part: Partial<Call> = {}): Call => ({ ...madeCall(id, 0), ...part, id });
  const feedOf = (first?: Call[]) =>
    new CallFeed({
      load: async ({ before = 100 }) => ({ calls: [call(before - 1), call(before - 2)], more: true }),
      accepts: ({ client }) => client !== 'hidden',
      headPage: 2,
      ...(first === undefined ? {} : { first: { calls: first, more: true } }),
    });
  it('shows what came early at once, and joins what is asked for later', async () => {
    const feed = feedOf([call(97), call(96)]);
    expect(feed.view()).toMatchObject({ phase: 'ready', more: true });
    feed.apply([call(98)]);
    await feed.refresh();
    expect(feed.view().rows.map(({ id }) => id)).toEqual([99, 98, 97, 96]);
  });
  it('forgets what came while a page could not be loaded: a later page knows better', async () => {
    let answer = Promise.withResolvers<CallPage>();
    const feed = new CallFeed({ load: () => answer.promise, accepts: () => true, headPage: 2 });
    const failed = feed.refresh();
    feed.apply([call(5, { state: 'open' })]);
    answer.reject(new Error('the engine restarts'));
    await failed;
    feed.apply([call(5, { state: 'done' })]);
    answer = Promise.withResolvers();
    const loaded = feed.refresh();
    answer.resolve({ calls: [call(5, { state: 'done' })], more: false });
    await loaded;
    expect(feed.view().rows.map(({ state }) => state)).toEqual(['done']);
  });
  it('asks again for what could not be loaded where every older call is there already', async () => {
    let asked = 0;
    const feed = new CallFeed({
      load: async () => {
        asked += 1;
        if (asked === 2) throw new Error('the engine restarts');
        return { calls: [call(2), call(1)], more: false };
      },
      accepts: () => true,
      headPage: 2,
    });
    await feed.refresh();
    await feed.refresh();
    expect(feed.view().error).not.toBeNull();
    await feed.loadOlder();
    expect(feed.view().error).toBeNull();
  });
  it('holds nothing any more of what was removed', async () => {
    let kept = [call(4), call(3), call(2), call(1)];
    const feed = new CallFeed({
      load: async ({ limit, before = 100 }) => {
        const older = kept.filter(({ id }) => id < before);
        return { calls: older.slice(0, limit), more: older.length > limit };
      },
      accepts: () => true,
      headPage: 2,
    });
    await feed.refresh();
    await feed.loadOlder();
    expect(feed.view().rows).toHaveLength(4);
    kept = [call(4), call(2)];
    await feed.renew();
    expect(feed.view()).toMatchObject({ more: false, rows: kept });
  });
  describe('of thousands, from which some were removed,', () => {
    let kept: Call[];
    const thousands = async (): Promise<CallFeed> => {
      kept = Array.from({ length: 4000 }, (_, i) => call(4000 - i));
      const feed = new CallFeed({
        load: async ({ limit, before = Infinity }) => {
          const older = kept.filter(({ id }) => id < before);
          return { calls: older.slice(0, limit), more: older.length > limit };
        },
        accepts: () => true,
        headPage: 200,
      });
      await feed.refresh();
      await feed.loadOlder();
      await feed.loadOlder();
      kept = kept.filter(({ id }) => id !== 3990);
      return feed;
    };
    it('still holds those that were scrolled to', async () => {
      const feed = await thousands();
      await feed.renew();
      expect(feed.view().more).toBe(true);
      expect(feed.view().rows.map(({ id }) => id)).toEqual(kept.slice(0, feed.view().rows.length).map(({ id }) => id));
      expect(feed.view().rows.at(-1)?.id).toBeLessThanOrEqual(1801);
    });
    it('lacks none in between where older ones were on their way', async () => {
      const feed = await thousands();
      await Promise.all([feed.renew(), feed.loadOlder()]);
      const { rows } = feed.view();
      expect(rows.map(({ id }) => id)).toEqual(kept.slice(0, rows.length).map(({ id }) => id));
    });
  });
  it('takes a moved call in place, and leaves one out that no longer fits', async () => {
    const feed = feedOf();
    await feed.refresh();
    feed.apply([call(98, { status: 418 })]);
    expect(feed.view().rows[1]?.status).toBe(418);
    feed.apply([call(98, { client: 'hidden' })]);
    expect(feed.view().rows.map(({ id }) => id)).toEqual([99]);
  });
});

it('a frame of a stream has the time its last byte came', () => {
  const frames = sseFrames('event: a\ndata: 1\n\ndata: 2\n\n', [
    [0, 5],
    [12, 9],
    [25, 30],
  ]);
  expect(frames.map(({ event, data, atMs }) => ({ event, data, atMs }))).toEqual([
    { event: 'a', data: '1', atMs: 9 },
    { event: null, data: '2', atMs: 9 },
  ]);
});

it('a finding of a doctor has a button where this window can mend it', () => {
  expect(mendOf('enabled')).toEqual({ label: 'Switch it on', does: 'enable' });
  expect(mendOf('m365-consent')).toEqual({ label: 'Sign in', does: 'sign-in' });
  expect(mendOf('codex-keychain')).toBeNull();
});
