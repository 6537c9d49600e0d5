import type { Listener } from '../../../../bridges/contract/index.ts';
import { Unstated } from '../../components/call-bits.tsx';
import { Cell, Table } from '../../components/table.tsx';
import { cn } from '../../lib/cn.ts';
import { duration, number } from '../../lib/format.ts';
import type { Flow, Hop } from './flow.ts';
import type { Lent, Node } from './nodes.ts';

const COLUMNS = [
  { title: 'Hop', width: 'w-[30%]' },
  { title: 'What it is', width: 'w-[14%]' },
  { title: 'State', width: 'w-[22%]' },
  { title: 'Calls', right: true },
  { title: 'Failed', right: true },
  { title: 'Running', right: true },
  { title: '1st byte', right: true },
];

/** The map in words: one line for each hop, in the order in which a call passes them. */
export function WayList({
  clients,
  companion,
  flow,
  upstreams,
  lent,
}: {
  clients: readonly Node[];
  companion: Listener | undefined;
  flow: Flow;
  upstreams: readonly Node[];
  lent: readonly Lent[];
}) {
  return (
    <Table label="Hops on the way of a call" columns={COLUMNS}>
      {clients.map((node) => (
        <Line key={`c ${node.id}`} title={node.title} kind="client" state={node.state} hop={node.hop} />
      ))}
      <Line title={companion?.address ?? 'Companion'} kind="companion" state={companion?.state ?? 'stopped'} hop={flow.all} />
      {upstreams.map((node) => (
        <Line
          key={`u ${node.id}`}
          title={node.title}
          kind={node.to === '/bridges' ? 'bridge' : 'upstream'}
          state={node.state}
          hop={node.hop}
        />
      ))}
      {lent.map((tunnel) => (
        <Line
          key={`t ${tunnel.name}`}
          title={`${tunnel.gateway} → ${tunnel.name} → ${tunnel.offer}`}
          kind="tunnel"
          state={tunnel.state}
          hop={{ calls: tunnel.total, failed: 0, open: tunnel.open, firstByteMs: null }}
        />
      ))}
    </Table>
  );
}

function Line({ title, kind, state, hop }: { title: string; kind: string; state: string; hop: Hop | null }) {
  return (
    <tr>
      <Cell className="truncate font-medium" title={title}>
        {title}
      </Cell>
      <Cell className="text-muted">{kind}</Cell>
      <Cell className="truncate">{state}</Cell>
      <Cell className="tnum text-right">{hop === null ? <Unstated /> : number(hop.calls)}</Cell>
      <Cell className={cn('tnum text-right', hop !== null && hop.failed > 0 && 'text-bad')}>
        {hop === null ? <Unstated /> : number(hop.failed)}
      </Cell>
      <Cell className="tnum text-right">{hop === null ? <Unstated /> : number(hop.open)}</Cell>
      <Cell className="tnum text-right">{hop?.firstByteMs == null ? <Unstated /> : duration(hop.firstByteMs)}</Cell>
    </tr>
  );
}
