import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { getRouteApi, useNavigate } from '@tanstack/react-router';
import { useMemo, useSyncExternalStore } from 'react';
import type { UsageNumbers, UsageTotal } from '../../../../bridges/contract/index.ts';
import { groupName } from '../../../../bridges/contract/usage-names.ts';
import { Unstated } from '../../components/call-bits.tsx';
import { Card } from '../../components/card.tsx';
import { CostValue } from '../../components/cost.tsx';
import { EmptyState } from '../../components/empty-state.tsx';
import { Figure, Figures } from '../../components/figure.tsx';
import { Page } from '../../components/page.tsx';
import { Problem } from '../../components/problem.tsx';
import { Waiting } from '../../components/progress.tsx';
import { Segmented } from '../../components/segmented.tsx';
import { Cell, Table } from '../../components/table.tsx';
import { engine } from '../../lib/engine.ts';
import { compact, dollars, duration, number } from '../../lib/format.ts';
import { PlaceLink } from '../../shell/place-link.tsx';
import { Chart } from './chart.tsx';
import { Credits } from './credits.tsx';
import { Prices } from './prices.tsx';
import { Quotas } from './quotas.tsx';
import { DIMENSIONS, searchOfUsage, SPANS, type Dimension, type Span, type UsageSearch } from './search.ts';
import { bucketsOf, dayName, groupsOf, type Measure } from './series.ts';
import { WindowCard } from './window-card.tsx';

const route = getRouteApi('/usage');

const MEASURES = {
  tokens: {
    read: ({ inputGross, output }) => (inputGross === null && output === null ? null : (inputGross ?? 0) + (output ?? 0)),
    none: 0,
  },
  cost: { read: ({ cost }) => cost.usd, none: 0 },
  calls: { read: ({ calls }) => calls, none: 0 },
  errors: { read: ({ errors }) => errors, none: 0 },
  ttfb: { read: ({ ttfbMs }) => ttfbMs, none: null },
  duration: { read: ({ durationMs }) => durationMs, none: null },
} as const satisfies Record<string, Measure>;

const CHARTS = [
  { key: 'tokens', title: 'Tokens', kind: 'columns', format: compact },
  { key: 'cost', title: 'Cost', kind: 'columns', format: dollars },
  { key: 'calls', title: 'Calls', kind: 'columns', format: compact },
  { key: 'errors', title: 'Errors', kind: 'columns', format: compact },
  { key: 'ttfb', title: 'Time to the first byte', kind: 'lines', format: duration },
  { key: 'duration', title: 'Duration', kind: 'lines', format: duration },
] as const;

const hourWords = new Intl.DateTimeFormat(undefined, {
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
});

const startOfHour = (): number => Math.floor(Date.now() / 3_600_000) * 3_600_000;

function everyMinute(tell: () => void): () => void {
  const timer = setInterval(tell, 60_000);
  return () => clearInterval(timer);
}

/** What was used: tokens, cost, calls, errors and times, over time and by who or what. */
export function UsagePage() {
  const search = route.useSearch();
  const navigate = useNavigate();
  const span: Span = SPANS.find(({ value }) => value === (search.span ?? '30d')) ?? SPANS[2];
  const by: Dimension = search.by ?? 'client';
  // A range that began anew with each drawing would be asked for anew each time: it moves with the hour.
  const now = useSyncExternalStore(everyMinute, startOfHour);
  const offsetMinutes = -new Date(now).getTimezoneOffset();
  const buckets = useMemo(() => bucketsOf(span.bucket, span.buckets, now, offsetMinutes), [span, now, offsetMinutes]);
  const from = new Date(buckets[0] ?? 0).toISOString();
  const {
    data: sums,
    error,
    refetch,
  } = useQuery({
    ...engine.usage.series.queryOptions({ input: { from, bucket: span.bucket, by, offsetMinutes } }),
    placeholderData: keepPreviousData,
  });
  const { data: bridges } = useQuery({ ...engine.bridges.list.queryOptions({ input: {} }), enabled: by === 'account' });
  const data = useMemo(() => {
    const named = <Of extends { group: string | null }>(of: readonly Of[]): Of[] =>
      of.map((one) => ({ ...one, group: groupName(by, one.group, bridges ?? []) }));
    return sums && { points: named(sums.points), totals: named(sums.totals), all: sums.all };
  }, [by, sums, bridges]);
  const change = (part: UsageSearch): void => void navigate({ to: '/usage', search: searchOfUsage({ ...search, ...part }), replace: true });
  const timeWords = (time: number): string => (span.bucket === 'hour' ? hourWords.format(time) : dayName(time, offsetMinutes));
  const groups = useMemo(
    () =>
      new Map(
        CHARTS.map(({ key, kind }) => [key, groupsOf(buckets, data?.points ?? [], data?.totals ?? [], MEASURES[key], kind === 'columns')]),
      ),
    [buckets, data],
  );
  return (
    <Page width="max-w-[1480px]">
      <div className="flex flex-wrap items-center gap-3">
        <Segmented label="Span" value={span.value} options={SPANS} onChange={(value) => change({ span: value })} />
        <span className="text-xs text-muted">by</span>
        <Segmented label="By" value={by} options={DIMENSIONS} onChange={(value) => change({ by: value })} />
      </div>
      {!data ? (
        error === null ? (
          <Waiting label="Adding up the calls" />
        ) : (
          <Problem title="Usage cannot be read" error={error} onRetry={() => void refetch()} />
        )
      ) : data.all.calls === 0 ? (
        <EmptyState title={`No calls in the last ${span.label}`}>
          <p className="text-muted">Tokens, cost and times are added up here as calls end.</p>
          <p>
            <PlaceLink to="/clients" className="rounded text-accent hover:underline">
              Connect a client
            </PlaceLink>
          </p>
        </EmptyState>
      ) : (
        <>
          <Sums all={data.all} />
          <div className="grid grid-cols-2 gap-4 max-[1080px]:grid-cols-[minmax(0,1fr)]">
            {CHARTS.map(({ key, title, kind, format }) => (
              <Chart
                key={key}
                title={title}
                times={buckets}
                groups={groups.get(key) ?? []}
                kind={kind}
                format={format}
                timeWords={timeWords}
                unknown={kind === 'lines' ? 'no successful call' : 'unknown'}
                {...(key === 'cost' && { note: <CostNote totals={data.totals} /> })}
              />
            ))}
          </div>
          <Totals totals={data.totals} by={by} />
        </>
      )}
      <WindowCard />
      <Credits />
      <Quotas from={from} />
      <Prices />
    </Page>
  );
}

/** Which groups the chart of costs cannot show: an unknown cost is no column, and not a zero. */
function CostNote({ totals }: { totals: readonly UsageTotal[] }) {
  const unknown = totals.filter(({ cost }) => cost.usd === null).map(({ group }) => group ?? 'not stated');
  const partly = totals.filter(({ cost }) => cost.usd !== null && !cost.complete).map(({ group }) => group ?? 'not stated');
  return (
    <>
      At the price table, also where a plan pays.
      {unknown.length > 0 && ` Unknown, and not drawn: ${unknown.join(', ')}.`}
      {partly.length > 0 && ` Known in part: ${partly.join(', ')}.`}
    </>
  );
}

function Sums({ all }: { all: UsageNumbers }) {
  const share = all.cached !== null && all.inputGross ? Math.round((100 * all.cached) / all.inputGross) : null;
  return (
    <Figures label="Sums">
      <Figure title="Calls" note={all.uncounted > 0 ? `${number(all.uncounted)} without counts` : 'all with counts'}>
        {compact(all.calls)}
      </Figure>
      <Figure title="Tool calls" note={all.toolCalls === null ? 'not stated' : `${perCall(all.toolCalls, all.calls)} a call`}>
        {all.toolCalls === null ? <Unstated /> : compact(all.toolCalls)}
      </Figure>
      <Figure title="Errors" note={`${percent(all.errors, all.calls)} of the calls`}>
        {compact(all.errors)}
      </Figure>
      <Figure title="Tokens in" note={share === null ? 'cache not stated' : `${share} % from the cache`}>
        {all.inputGross === null ? <Unstated /> : compact(all.inputGross)}
      </Figure>
      <Figure title="Tokens out" note={all.reasoning === null ? undefined : `${compact(all.reasoning)} reasoning`}>
        {all.output === null ? <Unstated /> : compact(all.output)}
      </Figure>
      <Figure title="Cost">
        <CostValue cost={all.cost} />
      </Figure>
      <Figure title="First byte" note="on average">
        {all.ttfbMs === null ? <Unstated /> : duration(all.ttfbMs)}
      </Figure>
      <Figure title="Duration" note="on average">
        {all.durationMs === null ? <Unstated /> : duration(all.durationMs)}
      </Figure>
    </Figures>
  );
}

const TOTALS = [
  { title: 'Calls', width: 'w-20', right: true },
  { title: 'Tool calls', width: 'w-24', right: true },
  { title: 'Errors', width: 'w-24', right: true },
  { title: 'Tokens in', width: 'w-24', right: true },
  { title: 'Cached', width: 'w-24', right: true },
  { title: 'Tokens out', width: 'w-24', right: true },
  { title: 'Cost', width: 'w-40', right: true },
  { title: 'First byte', width: 'w-24', right: true },
  { title: 'Duration', width: 'w-24', right: true },
] as const;

function Totals({ totals, by }: { totals: readonly UsageTotal[]; by: Dimension }) {
  const name = DIMENSIONS.find(({ value }) => value === by)?.label ?? by;
  return (
    <Card title={`By ${name.toLowerCase()}`}>
      <Table label={`Usage by ${name.toLowerCase()}`} columns={[{ title: name }, ...TOTALS]} className="min-w-[62rem]">
        {totals
          .toSorted((a, b) => b.calls - a.calls)
          .map((total) => (
            <tr key={total.group}>
              <Cell className="truncate font-medium">{total.group ?? <span className="text-faint">not stated</span>}</Cell>
              <NumberCells numbers={total} />
            </tr>
          ))}
      </Table>
    </Card>
  );
}

function NumberCells({ numbers }: { numbers: UsageNumbers }) {
  const count = (value: number | null, format = compact) => (
    <Cell className="tnum text-right">{value === null ? <Unstated /> : format(value)}</Cell>
  );
  return (
    <>
      {count(numbers.calls)}
      {count(numbers.toolCalls)}
      <Cell className="tnum text-right">
        {numbers.errors > 0 ? <span className="text-bad">{compact(numbers.errors)}</span> : 0}
        <span className="text-faint"> {percent(numbers.errors, numbers.calls)}</span>
      </Cell>
      {count(numbers.inputGross)}
      {count(numbers.cached)}
      {count(numbers.output)}
      <Cell className="text-right">
        <CostValue cost={numbers.cost} />
      </Cell>
      {count(numbers.ttfbMs, duration)}
      {count(numbers.durationMs, duration)}
    </>
  );
}

function perCall(count: number, calls: number): string {
  return (count / Math.max(1, calls)).toFixed(1);
}

function percent(part: number, whole: number): string {
  if (whole === 0) return '0 %';
  const share = (100 * part) / whole;
  return `${share > 0 && share < 10 ? share.toFixed(1) : Math.round(share)} %`;
}
