import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { Listener, Status } from '../../../../bridges/contract/index.ts';
import { Card } from '../../components/card.tsx';
import { CopyButton } from '../../components/copy-button.tsx';
import { Segmented } from '../../components/segmented.tsx';
import { StatusDot, type DotTone } from '../../components/status-dot.tsx';
import { cn } from '../../lib/cn.ts';
import { engine } from '../../lib/engine.ts';
import { compact, duration, plural } from '../../lib/format.ts';
import { PlaceLink } from '../../shell/place-link.tsx';
import { Edges, NODE_GAP, NODE_HEIGHT, type Edge } from './edges.tsx';
import type { Flow, Hop } from './flow.ts';
import { clientNodes, lentOf, upstreamNodes, type Lent, type Node } from './nodes.ts';
import { WayList } from './way-list.tsx';

const LISTENING: Readonly<Record<Listener['state'], { tone: DotTone; word: string }>> = {
  starting: { tone: 'warn', word: 'starting' },
  listening: { tone: 'ok', word: 'listening' },
  failed: { tone: 'bad', word: 'not listening' },
  stopped: { tone: 'bad', word: 'stopped' },
};

/** The way of a call as it stands now: every hop with its health and its numbers. As a map, or as a list. */
export function WayMap({ status, flow }: { status: Status; flow: Flow }) {
  const [look, setLook] = useState<'map' | 'list'>('map');
  const { data: facets } = useQuery(engine.calls.facets.queryOptions());
  const { data: tunnels = [] } = useQuery(engine.tunnels.list.queryOptions());
  const companion = status.listeners.find((listener) => listener.name === 'companion');
  const clients = clientNodes(flow, facets?.clients ?? []);
  const upstreams = upstreamNodes(status, flow);
  const lent = lentOf(tunnels);
  return (
    <Card
      title="The way of a call"
      actions={
        <>
          <span className="text-2xs text-faint">Numbers of the {flow.span}</span>
          <Segmented
            label="Look"
            value={look}
            options={[
              { value: 'map', label: 'Map' },
              { value: 'list', label: 'List' },
            ]}
            onChange={setLook}
          />
        </>
      }
    >
      {look === 'list' ? (
        <WayList clients={clients} companion={companion} flow={flow} upstreams={upstreams} lent={lent} />
      ) : (
        <div className="grid gap-4 p-4">
          <Local clients={clients} companion={companion} flow={flow} upstreams={upstreams} />
          <LentRows lent={lent} />
        </div>
      )}
    </Card>
  );
}

function Local({
  clients,
  companion,
  flow,
  upstreams,
}: {
  clients: readonly Node[];
  companion: Listener | undefined;
  flow: Flow;
  upstreams: readonly Node[];
}) {
  const listens = companion?.state === 'listening';
  const rows = Math.max(clients.length, upstreams.length, 1);
  const into = clients.map(({ hop }): Edge => edgeOf(hop, !listens));
  const out = upstreams.map(({ hop, shut }): Edge => edgeOf(hop, shut || !listens));
  return (
    <div className="grid grid-cols-[minmax(9rem,1fr)_minmax(3rem,0.7fr)_minmax(12rem,1.1fr)_minmax(3rem,0.7fr)_minmax(11rem,1.2fr)] items-center gap-y-2 max-[980px]:grid-cols-1">
      <Column label="Clients">
        {clients.length === 0 ? (
          <li className="flex flex-col justify-center rounded-lg border border-dashed px-3 text-xs" style={{ height: NODE_HEIGHT }}>
            <span className="text-muted">No client has called yet</span>
            <PlaceLink to="/clients" className="w-fit rounded text-accent hover:underline">
              Connect one
            </PlaceLink>
          </li>
        ) : (
          clients.map((node) => <NodeBox key={node.id} node={node} />)
        )}
      </Column>
      <Edges from={into.length === 0 ? [{ calls: 0, open: 0, failing: false, shut: true }] : into} rows={rows} />
      <Column label="Companion">
        <CompanionBox companion={companion} all={flow.all} />
      </Column>
      <Edges to={out} rows={rows} />
      <Column label="Upstreams">
        {upstreams.map((node) => (
          <NodeBox key={node.id} node={node} />
        ))}
      </Column>
    </div>
  );
}

function Column({ label, children }: { label: string; children: React.ReactNode }) {
  return (
    <ul
      aria-label={label}
      className={cn('grid min-w-0 grid-cols-[minmax(0,1fr)]', label !== 'Companion' && 'max-[980px]:grid-cols-2')}
      style={{ gap: NODE_GAP }}
    >
      {children}
    </ul>
  );
}

function NodeBox({ node }: { node: Node }) {
  return (
    <li
      className={cn(
        'flex min-w-0 flex-col justify-center rounded-lg border bg-raised px-3 transition-colors',
        node.shut && 'border-dashed bg-transparent',
      )}
      style={{ height: NODE_HEIGHT }}
    >
      <div className="flex min-w-0 items-center gap-2">
        <StatusDot tone={node.tone} breathing={(node.hop?.open ?? 0) > 0} />
        <PlaceLink
          to={node.to}
          className="min-w-0 truncate rounded font-medium hover:underline"
          or={<span className="min-w-0 truncate font-medium">{node.title}</span>}
        >
          {node.title}
        </PlaceLink>
      </div>
      <p className="truncate pl-4 text-2xs text-muted">
        {node.hop !== null && node.hop.calls > 0 ? <Numbers hop={node.hop} /> : node.state}
      </p>
    </li>
  );
}

function CompanionBox({ companion, all }: { companion: Listener | undefined; all: Hop }) {
  const state = LISTENING[companion?.state ?? 'stopped'];
  return (
    <li
      className={cn(
        'grid gap-1 rounded-xl border-2 bg-raised px-4 py-3.5',
        companion?.state === 'listening' ? 'border-accent/40' : 'border-bad/40 bg-bad-soft',
      )}
    >
      <div className="flex items-center gap-2">
        <StatusDot tone={state.tone} breathing={all.open > 0} />
        <span className="font-semibold">Companion</span>
        <span className="ml-auto text-2xs text-muted">{state.word}</span>
      </div>
      {companion?.address != null && (
        <div className="flex items-center gap-1">
          <code className="min-w-0 truncate font-mono text-xs">{companion.address}</code>
          <CopyButton text={`http://${companion.address}`} label="Copy the companion’s URL" />
        </div>
      )}
      <p className="text-2xs text-muted">{all.calls === 0 ? 'no call lately' : <Numbers hop={all} />}</p>
    </li>
  );
}

function Numbers({ hop }: { hop: Hop }) {
  return (
    <span className="tnum">
      {hop.open > 0 && <span className="text-accent">{compact(hop.open)} running · </span>}
      {plural(hop.calls, 'call')}
      {hop.failed > 0 && <span className="text-bad"> · {compact(hop.failed)} failed</span>}
      {hop.firstByteMs !== null && <span title="Time to the first byte, median"> · {duration(hop.firstByteMs)}</span>}
    </span>
  );
}

function LentRows({ lent }: { lent: readonly Lent[] }) {
  return (
    <section aria-label="Tunnels" className="border-t pt-3 empty:hidden">
      {lent.length === 0 ? (
        <p className="text-xs text-muted">
          No tunnel lends anything to a gateway.{' '}
          <PlaceLink to="/tunnels" className="rounded text-accent underline">
            Add one
          </PlaceLink>
        </p>
      ) : (
        <ul className="grid gap-2">
          {lent.map((tunnel) => (
            <li key={tunnel.name} className="flex flex-wrap items-center gap-x-2 gap-y-1 text-xs">
              <span className="rounded-lg border bg-raised px-3 py-1.5">
                <span className="text-2xs text-muted">Gateway</span> <span className="font-medium">{tunnel.gateway}</span>
              </span>
              <Line live={tunnel.live} />
              <span className="flex items-center gap-2 rounded-lg border bg-raised px-3 py-1.5">
                <StatusDot tone={tunnel.tone} breathing={tunnel.open > 0} />
                <PlaceLink
                  to="/tunnels"
                  className="rounded font-medium hover:underline"
                  or={<span className="font-medium">{tunnel.name}</span>}
                >
                  {tunnel.name}
                </PlaceLink>
                <span className="text-2xs text-muted">{tunnel.state}</span>
              </span>
              <Line live={tunnel.live} />
              <span className="rounded-lg border bg-raised px-3 py-1.5 font-medium capitalize">{tunnel.offer}</span>
              <span className="tnum text-2xs text-muted">
                {tunnel.open > 0 && `${compact(tunnel.open)} running · `}
                {plural(tunnel.total, 'request')}
              </span>
              {tunnel.reason !== null && <span className="basis-full text-2xs text-muted">{tunnel.reason}</span>}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Line({ live }: { live: boolean }) {
  return <span aria-hidden className={cn('h-0 w-8 border-t-2', live ? 'border-ok/60' : 'border-dashed border-line-strong')} />;
}

function edgeOf(hop: Hop | null, shut: boolean): Edge {
  const { calls, failed, open } = hop ?? { calls: 0, failed: 0, open: 0 };
  return { calls, open, failing: failed > 0 && failed * 2 >= calls, shut };
}
