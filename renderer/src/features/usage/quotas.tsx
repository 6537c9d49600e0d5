import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { QuotaPoint } from '../../../../bridges/contract/index.ts';
import { Card } from '../../components/card.tsx';
import { Problem } from '../../components/problem.tsx';
import { engine } from '../../lib/engine.ts';
import { fullTime } from '../../lib/format.ts';
import { Chart } from './chart.tsx';
import type { Group } from './series.ts';

const FULL = [0, 100] as const;
const percentWords = (value: number): string => `${Math.round(value)} %`;

/** How much of each limit was used, each time its provider said something new. */
export function Quotas({ from }: { from: string }) {
  const { data, error, refetch } = useQuery(engine.usage.quotas.queryOptions({ input: { from } }));
  const { times, groups } = useMemo(() => linesOf(data ?? []), [data]);
  if (error !== null || groups.length === 0) {
    return (
      <Card title="Quotas over time">
        {error !== null ? (
          <Problem title="The quotas cannot be read" error={error} onRetry={() => void refetch()} className="m-3.5" />
        ) : (
          <p className="px-3.5 py-3 text-xs text-muted">
            {data ? 'No provider has said anything of its limits in this time. They are told with the replies of a signed-in bridge.' : ''}
          </p>
        )}
      </Card>
    );
  }
  return (
    <Chart
      title="Quotas over time"
      times={times}
      groups={groups}
      kind="steps"
      format={percentWords}
      timeWords={(at) => fullTime(new Date(at).toISOString())}
      range={FULL}
      unknown="nothing new"
      note="Used of each limit, as its provider said it with a reply or when asked."
    />
  );
}

/** One line for each bridge, account and window. */
function linesOf(points: readonly QuotaPoint[]): { times: number[]; groups: Group[] } {
  const times = [...new Set(points.map(({ at }) => Date.parse(at)))].sort((a, b) => a - b);
  const names = new Set(points.map(nameOf));
  const groups = [...names].map((name): Group => {
    const said = new Map(points.filter((point) => nameOf(point) === name).map(({ at, usedPercent }) => [Date.parse(at), usedPercent]));
    return { name, rest: false, values: times.map((at) => said.get(at) ?? null) };
  });
  return { times, groups };
}

function nameOf({ bridge, account, window }: QuotaPoint): string {
  return [bridge, ...(account === null ? [] : [account]), window].join(' · ');
}
