import { useQuery } from '@tanstack/react-query';
import { ArrowRight } from 'lucide-react';
import type { ReactNode } from 'react';
import type { Status } from '../../../../bridges/contract/index.ts';
import { PracticeBadge } from '../../components/badge.tsx';
import { PRACTICE } from '../../components/call-bits.tsx';
import { CopyButton } from '../../components/copy-button.tsx';
import { StatusDot } from '../../components/status-dot.tsx';
import { engine } from '../../lib/engine.ts';

const SHOWN_CLIENTS = 3;

/** The way of a call, as it stands now: who calls, what they call, and where calls go next. */
export function WayMap({ status }: { status: Status }) {
  const { data: facets } = useQuery(engine.calls.facets.queryOptions());
  const companion = status.listeners.find((listener) => listener.name === 'companion');
  const clients = facets?.clients ?? [];
  const ready = status.upstreams.filter((upstream) => upstream.state === 'ready');
  return (
    <section
      aria-label="The way of a call"
      className="grid grid-cols-[1fr_auto_1fr_auto_1fr] items-center gap-x-3 gap-y-2 rounded-lg border bg-surface px-3.5 py-3 max-[900px]:grid-cols-1"
    >
      <Hop title="Clients">
        {clients.length === 0 ? (
          <span className="text-faint">none has called yet</span>
        ) : (
          <span>
            {clients.slice(0, SHOWN_CLIENTS).join(', ')}
            {clients.length > SHOWN_CLIENTS && <span className="text-faint"> and {clients.length - SHOWN_CLIENTS} more</span>}
          </span>
        )}
      </Hop>
      <Arrow />
      <Hop title="Companion">
        <StatusDot tone={companion?.state === 'listening' ? 'ok' : companion?.state === 'starting' ? 'warn' : 'bad'} />
        {companion?.state === 'listening' && companion.address !== null ? (
          <>
            <code className="font-mono text-xs">{companion.address}</code>
            <CopyButton text={`http://${companion.address}`} label="Copy the companion’s URL" />
          </>
        ) : (
          <span className="text-bad">{companion?.state === 'starting' ? 'starting' : 'not listening'}</span>
        )}
      </Hop>
      <Arrow />
      <Hop title="Upstreams">
        {ready.length === 0 && <span className="text-faint">none is set up</span>}
        <span className="flex flex-wrap items-center gap-x-2">
          {ready.map((upstream) =>
            upstream.kind === PRACTICE ? <PracticeBadge key={upstream.id} /> : <span key={upstream.id}>{upstream.label}</span>,
          )}
        </span>
      </Hop>
    </section>
  );
}

function Hop({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className="min-w-0">
      <p className="text-xs text-muted">{title}</p>
      <div className="flex min-h-6 items-center gap-2">{children}</div>
    </div>
  );
}

function Arrow() {
  return <ArrowRight aria-hidden size={16} className="text-faint max-[900px]:hidden" />;
}
