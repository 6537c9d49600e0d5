import { useQuery } from '@tanstack/react-query';
import type { TunnelStatus } from '../../../../bridges/contract/index.ts';
import { Card } from '../../components/card.tsx';
import { engine } from '../../lib/engine.ts';
import { bytes, number } from '../../lib/format.ts';
import { Sparkline } from './sparkline.tsx';

const NONE: readonly never[] = [];

/** What passes through: now, in all, and over the last half hour. */
export function NumbersCard({ tunnel }: { tunnel: TunnelStatus }) {
  const { traffic, latencyMs } = tunnel;
  const { data } = useQuery({
    ...engine.tunnels.numbers.queryOptions({ input: { name: tunnel.definition.name } }),
    // Samples are taken by the clock, not by events.
    refetchInterval: ({ state }) => (tunnel.farPort === null ? false : (state.data?.everyMs ?? 10_000)),
  });
  const samples = data?.samples ?? NONE;
  return (
    <Card title="Numbers" actions={<span className="text-2xs text-faint">the last half hour</span>}>
      <dl className="grid divide-y min-[640px]:grid-cols-2 min-[640px]:divide-y-0 min-[1020px]:grid-cols-4 min-[1020px]:divide-x">
        <Figure title="From the gateway" value={bytes(traffic.bytesIn)} points={samples.map(({ bytesIn }) => bytesIn)} />
        <Figure title="To the gateway" value={bytes(traffic.bytesOut)} points={samples.map(({ bytesOut }) => bytesOut)} />
        <Figure
          title="Requests"
          value={number(traffic.total)}
          more={`${traffic.open} under way, at most ${traffic.peak}`}
          points={samples.map(({ open }) => open)}
        />
        <Figure
          title="Answer time"
          value={latencyMs === null ? 'not measured' : `${Math.round(latencyMs)} ms`}
          points={samples.map((sample) => sample.latencyMs)}
        />
      </dl>
    </Card>
  );
}

function Figure({ title, value, more, points }: { title: string; value: string; more?: string; points: readonly (number | null)[] }) {
  return (
    <div className="grid content-start gap-1 px-3.5 py-3">
      <dt className="text-xs text-muted">{title}</dt>
      <dd className="tnum text-base font-semibold">{value}</dd>
      <dd>
        <Sparkline label={`${title}, the last half hour`} points={points} />
      </dd>
      {more !== undefined && <dd className="tnum text-2xs text-faint">{more}</dd>}
    </div>
  );
}
