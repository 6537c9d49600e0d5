import type { Database } from 'better-sqlite3';
import type { Call, RequestKind, UsageDimension, UsageNumbers, UsagePoint, UsageTotal, Window5h } from '../../contract/index.ts';
import { KIND_SQL } from '../conversations/graph.ts';
import type { Follower } from '../followers.ts';
import { idAt } from '../recorder.ts';
import { BILLING, type Billing, type PriceTable, type Spent } from './prices.ts';

const HOUR_MS = 3_600_000;
const NONE = '';
const MOST_NAMES = 1000;

/** What is added to one row of the sums: its key, then its counts. */
type Sum = { key: number[]; values: (number | null)[] };

/** How the engine's bridges are signed in; told by the engine whenever it changes. */
export type BridgeState = { bridge: string; account: string | null; billing: Billing };

/** Where a client's own plan pays: its credential is passed on. */
const OWN_PLAN: ReadonlySet<string> = new Set(['chatgpt']);

/**
 * Keeps sums by the hour, so that a month is read from a few thousand rows. Sums outlive the calls they were made of:
 * retention takes calls away, not what they cost.
 */
export class Rollup implements Follower {
  readonly #sql: ReturnType<typeof prepare>;
  readonly #kindOf: (call: number) => RequestKind | null;
  #bridges = new Map<string, BridgeState>();
  readonly #names = new Map<string, number>();
  /** What the calls of this transaction add, by the row they add it to. */
  #sums = new Map<string, Sum>();

  /** `kindOf` is asked of each call that ends. */
  constructor(db: Database, kindOf: (call: number) => RequestKind | null = () => null) {
    this.#sql = prepare(db);
    this.#kindOf = kindOf;
  }

  bridges(states: readonly BridgeState[]): void {
    this.#bridges = new Map(states.map((state) => [state.bridge, state]));
  }

  stored({ call, ends, imported = false }: { call: Call; ends: boolean; imported?: boolean }): void {
    if (!ends) return;
    const bridge = imported || call.upstream === null ? undefined : this.#bridges.get(call.upstream);
    const billing = billingOf(call, bridge);
    const failed = call.status === null || call.status >= 400 || call.cut;
    const usage = call.usage;
    const untold = (call.status === null || call.status < 400) && (usage?.input == null || usage.output === null);
    const timed = !failed && call.ttfbMs !== null && call.durationMs !== null;
    const account = this.#name(bridge?.account ?? null);
    if (bridge !== undefined) this.#sql.putAccount.run(call.id, account, BILLING.indexOf(billing));
    const key = [
      Math.floor(Date.parse(call.startedAt) / HOUR_MS),
      this.#name(call.client),
      this.#name(call.caller),
      this.#name(call.modelUsed ?? call.modelRequested),
      this.#name(call.upstream),
      account,
      BILLING.indexOf(billing),
      this.#name(this.#kindOf(call.id)),
    ];
    const own = [
      1,
      failed ? 1 : 0,
      untold ? 1 : 0,
      usage?.input ?? null,
      usage?.cached ?? null,
      usage?.cacheWrite ?? null,
      usage?.output ?? null,
      usage?.reasoning ?? null,
      call.toolCalls ?? null,
      timed ? 1 : 0,
      timed ? (call.ttfbMs ?? 0) : 0,
      timed ? (call.durationMs ?? 0) : 0,
    ];
    const name = key.join();
    const sum = this.#sums.get(name);
    // A sum stays null until a call tells something.
    this.#sums.set(name, {
      key,
      values: sum === undefined ? own : own.map((value, i) => (value === null ? (sum.values[i] ?? null) : value + (sum.values[i] ?? 0))),
    });
  }

  flush(): void {
    for (const { key, values } of this.#sums.values()) this.#sql.add.run(...key, ...values);
    this.#sums.clear();
  }

  forget(): void {
    this.#names.clear();
    this.#sums.clear();
  }

  removed(ids: readonly number[]): void {
    for (const id of ids) this.#sql.dropAccount.run(id);
  }

  #name(name: string | null): number {
    if (name === null || name === NONE) return 0;
    let id = this.#names.get(name);
    if (id === undefined) {
      id = this.#sql.nameId.get(name)?.id ?? Number(this.#sql.putName.run(name).lastInsertRowid);
      if (this.#names.size > MOST_NAMES) this.#names.clear();
      this.#names.set(name, id);
    }
    return id;
  }
}

/** How a call is paid for: by what was used, by a plan, or not at all. */
function billingOf(call: Call, bridge: BridgeState | undefined): Billing {
  if (call.upstream === 'practice') return 'free';
  if (bridge !== undefined) return bridge.billing;
  return call.upstream !== null && OWN_PLAN.has(call.upstream) ? 'plan' : 'use';
}

/** The same of a stored row; `p` is its row in usage_accounts. */
export const BILLING_SQL = `case when c.upstream = 'practice' then 2 else coalesce(p.billing, c.upstream = 'chatgpt', 0) end`;

function prepare(db: Database) {
  const sums = ['input', 'cached', 'cache_write', 'output', 'reasoning', 'tool_calls'];
  const counts = ['calls', 'errors', 'uncounted', 'timed', 'ttfb_ms', 'duration_ms'];
  // A sum stays null until a call tells something.
  const updates = [
    ...counts.map((column) => `${column} = ${column} + excluded.${column}`),
    ...sums.map(
      (column) => `${column} = case when excluded.${column} is null then ${column} else coalesce(${column}, 0) + excluded.${column} end`,
    ),
  ];
  return {
    nameId: db.prepare<[string], { id: number }>('select id from usage_names where name = ?'),
    putName: db.prepare<[string]>('insert into usage_names (name) values (?)'),
    putAccount: db.prepare<[number, number, number]>('insert or replace into usage_accounts (call, account, billing) values (?, ?, ?)'),
    dropAccount: db.prepare<[number]>('delete from usage_accounts where call = ?'),
    add: db.prepare<(number | null)[]>(
      `insert into usage_hours (hour, client, caller, model, bridge, account, billing, kind, calls, errors, uncounted,
         input, cached, cache_write, output, reasoning, tool_calls, timed, ttfb_ms, duration_ms)
       values (${Array.from({ length: 20 }, () => '?').join(', ')})
       on conflict do update set ${updates.join(', ')}`,
    ),
  };
}

// ---------------------------------------------------------------------------------------------- reading

export type SeriesInput = {
  /** Unix milliseconds. */
  fromMs: number;
  toMs: number;
  bucket: 'hour' | 'day';
  by: UsageDimension | undefined;
  where: Partial<Record<UsageDimension, string | undefined>>;
  offsetMinutes: number;
};

type SumRow = {
  bucket: number;
  group: string | null;
  model: string | null;
  billing: number;
  calls: number;
  errors: number;
  uncounted: number;
  input: number | null;
  cached: number | null;
  cacheWrite: number | null;
  output: number | null;
  reasoning: number | null;
  toolCalls: number | null;
  timed: number;
  ttfb: number;
  duration: number;
};

const DIMENSIONS: readonly UsageDimension[] = ['client', 'caller', 'model', 'bridge', 'account', 'kind'];

/** Usage over time, from the sums by the hour. An hour belongs to the day it began in, `offsetMinutes` from UTC. */
export function readSeries(
  db: Database,
  prices: PriceTable,
  input: SeriesInput,
): { points: UsagePoint[]; totals: UsageTotal[]; all: UsageNumbers } {
  const perBucket = input.bucket === 'day' ? 24 : 1;
  const shift = input.bucket === 'day' ? Math.floor(input.offsetMinutes / 60) : 0;
  const where = ['h.hour >= ?', 'h.hour < ?'];
  const values: (number | string)[] = [Math.floor(input.fromMs / HOUR_MS), Math.ceil(input.toMs / HOUR_MS)];
  for (const dimension of DIMENSIONS) {
    const value = input.where[dimension];
    if (value === undefined) continue;
    where.push(`h.${dimension} = (select id from usage_names where name = ?)`);
    values.push(value);
  }
  const group = input.by === undefined ? '0' : `h.${input.by}`;
  const rows = db
    .prepare<(number | string)[], SumRow>(
      `select s.*, g.name as "group", m.name as model from (
         select (h.hour + ${shift}) / ${perBucket} as bucket, ${group} as groupId, h.model as modelId, h.billing as billing,
           sum(h.calls) as calls, sum(h.errors) as errors, sum(h.uncounted) as uncounted, sum(h.input) as input,
           sum(h.cached) as cached, sum(h.cache_write) as cacheWrite, sum(h.output) as output, sum(h.reasoning) as reasoning,
           sum(h.tool_calls) as toolCalls,
           sum(h.timed) as timed, sum(h.ttfb_ms) as ttfb, sum(h.duration_ms) as duration
         from usage_hours h where ${where.join(' and ')} group by 1, 2, 3, 4) s
       left join usage_names g on g.id = s.groupId left join usage_names m on m.id = s.modelId order by s.bucket`,
    )
    .all(...values);
  const points = [...grouped(rows, (row) => `${row.bucket} ${row.group ?? NONE}`).values()].map((of): UsagePoint => {
    const [first] = of;
    return {
      at: new Date(((first?.bucket ?? 0) * perBucket - shift) * HOUR_MS).toISOString(),
      group: first?.group ?? null,
      ...numbersOf(of, prices),
    };
  });
  return { points, totals: totalsOf(rows, prices), all: numbersOf(rows, prices) };
}

function totalsOf(rows: readonly SumRow[], prices: PriceTable): UsageTotal[] {
  return [...grouped(rows, (row) => row.group ?? NONE).values()]
    .map((of): UsageTotal => ({ group: of[0]?.group ?? null, ...numbersOf(of, prices) }))
    .toSorted((a, b) => b.calls - a.calls);
}

const WINDOW_MS = 5 * HOUR_MS;

/** The calls of the last five hours, from their rows: sums by the hour are too coarse for a window that moves. */
export function readWindow(db: Database, prices: PriceTable, by: UsageDimension | undefined, nowMs: number): Window5h[] {
  const column = {
    client: 'c.client',
    caller: 'c.caller',
    model: 'coalesce(c.model_used, c.model_requested)',
    bridge: 'c.upstream',
    account: 'a.name',
    kind: KIND_SQL,
  };
  const group = by === undefined ? 'null' : column[by];
  const rows = db
    .prepare<[number], SumRow & { first: number }>(
      `select 0 as bucket, ${group} as "group", coalesce(c.model_used, c.model_requested) as model, min(c.started_ms) as first,
         ${BILLING_SQL} as billing,
         count(*) as calls, sum(c.status is null or c.status >= 400 or c.state = 2) as errors,
         sum((c.status is null or c.status < 400) and (c.tokens_input is null or c.tokens_output is null)) as uncounted,
         sum(c.tokens_input) as input, sum(c.tokens_cached) as cached, sum(c.tokens_cache_write) as cacheWrite,
         sum(c.tokens_output) as output, sum(c.tokens_reasoning) as reasoning, sum(c.tool_calls) as toolCalls,
         sum(c.status < 400 and c.state = 1 and c.ttfb_ms is not null) as timed,
         total(case when c.status < 400 and c.state = 1 then c.ttfb_ms end) as ttfb,
         total(case when c.status < 400 and c.state = 1 and c.ttfb_ms is not null then c.duration_ms end) as duration
       from calls c left join usage_accounts p on p.call = c.id left join usage_names a on a.id = p.account
         ${by === 'kind' ? 'left join conv_nodes n on n.call = c.id' : ''}
       where c.id >= ? and c.state <> 0 group by 2, 3, 5`,
    )
    .all(idAt(nowMs - WINDOW_MS));
  const windows = [...grouped(rows, (row) => row.group ?? NONE).values()].map((of): Window5h => {
    const first = Math.min(...of.map((row) => row.first));
    return {
      startedAt: new Date(first).toISOString(),
      endsAt: new Date(first + WINDOW_MS).toISOString(),
      group: of[0]?.group ?? null,
      numbers: numbersOf(of, prices),
    };
  });
  if (windows.length === 0 && by === undefined) return [{ startedAt: null, endsAt: null, group: null, numbers: numbersOf([], prices) }];
  return windows.toSorted((a, b) => b.numbers.calls - a.numbers.calls);
}

function grouped<Row>(rows: readonly Row[], key: (row: Row) => string): Map<string, Row[]> {
  return Map.groupBy(rows, key);
}

function numbersOf(rows: readonly SumRow[], prices: PriceTable): UsageNumbers {
  const add = (pick: (row: SumRow) => number): number => rows.reduce((sum, row) => sum + pick(row), 0);
  const told = (pick: (row: SumRow) => number | null): number | null => {
    const values = rows.map(pick).filter((value) => value !== null);
    return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0);
  };
  const input = told((row) => row.input);
  const cached = told((row) => row.cached);
  const timed = add((row) => row.timed);
  return {
    calls: add((row) => row.calls),
    errors: add((row) => row.errors),
    uncounted: add((row) => row.uncounted),
    inputGross: input,
    inputNet: input === null ? null : Math.max(0, input - (cached ?? 0)),
    cached,
    cacheWrite: told((row) => row.cacheWrite),
    output: told((row) => row.output),
    reasoning: told((row) => row.reasoning),
    toolCalls: told((row) => row.toolCalls),
    cost: prices.cost(rows.map(spentOf)),
    ttfbMs: timed === 0 ? null : add((row) => row.ttfb) / timed,
    durationMs: timed === 0 ? null : add((row) => row.duration) / timed,
  };
}

function spentOf(row: SumRow): Spent {
  const { model, calls, uncounted, input, cached, cacheWrite, output } = row;
  return { model, billing: BILLING[row.billing] ?? 'use', calls, uncounted, input, cached, cacheWrite, output };
}
