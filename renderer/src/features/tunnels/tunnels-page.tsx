import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { Plus } from 'lucide-react';
import { useState } from 'react';
import type { TunnelStatus } from '../../../../bridges/contract/index.ts';
import { Button } from '../../components/button.tsx';
import { EmptyState } from '../../components/empty-state.tsx';
import { Page } from '../../components/page.tsx';
import { Problem } from '../../components/problem.tsx';
import { Waiting } from '../../components/progress.tsx';
import { StatusDot } from '../../components/status-dot.tsx';
import { engine } from '../../lib/engine.ts';
import { TunnelForm } from './tunnel-form.tsx';
import { TunnelPane } from './tunnel-pane.tsx';
import { STATES } from './words.ts';

/** Every tunnel on the left, all about the chosen one on the right. */
export function TunnelsPage() {
  const { name } = useParams({ strict: false });
  const navigate = useNavigate();
  const [adding, setAdding] = useState(false);
  const { data: tunnels, error, refetch } = useQuery(engine.tunnels.list.queryOptions({ input: {} }));
  if (!tunnels) {
    if (error === null) return <Waiting label="Asking how the tunnels stand" />;
    return (
      <div className="p-6">
        <Problem title="The tunnels cannot be read" error={error} onRetry={() => void refetch()} />
      </div>
    );
  }
  const form = (
    <TunnelForm
      editing={null}
      onDone={(added) => {
        setAdding(false);
        if (added !== null) void navigate({ to: '/tunnels/$name', params: { name: added } });
      }}
    />
  );
  if (tunnels.length === 0 && !adding) return <NoTunnels onAdd={() => setAdding(true)} />;
  const chosen = name === undefined ? tunnels[0] : tunnels.find(({ definition }) => definition.name === name);
  return (
    <div className="flex h-full max-[760px]:flex-col">
      {/* The form stays where it is when the first tunnel joins the list: it still shows the key. */}
      {tunnels.length > 0 && (
        <nav
          aria-label="Tunnels"
          className="flex w-60 shrink-0 flex-col gap-px overflow-y-auto border-r p-2 max-[760px]:w-auto max-[760px]:flex-row max-[760px]:overflow-x-auto max-[760px]:border-r-0 max-[760px]:border-b"
        >
          {tunnels.map((tunnel) => (
            <TunnelLink
              key={tunnel.definition.name}
              tunnel={tunnel}
              current={!adding && tunnel === chosen}
              onChoose={() => setAdding(false)}
            />
          ))}
          <Button className="mt-2 w-full max-[760px]:mt-0 max-[760px]:w-auto max-[760px]:self-center" onClick={() => setAdding(true)}>
            <Plus aria-hidden size={13} />
            Add tunnel
          </Button>
        </nav>
      )}
      <div className="min-h-0 min-w-0 flex-1">
        {adding ? (
          <Page>{form}</Page>
        ) : chosen ? (
          <TunnelPane key={chosen.definition.name} tunnel={chosen} />
        ) : (
          <EmptyState title={`There is no tunnel “${name}”`}>
            <p className="text-muted">It may have been removed. Choose another one, or add it anew.</p>
          </EmptyState>
        )}
      </div>
    </div>
  );
}

function TunnelLink({ tunnel, current, onChoose }: { tunnel: TunnelStatus; current: boolean; onChoose: () => void }) {
  const { name, host } = tunnel.definition;
  const state = STATES[tunnel.state];
  return (
    <Link
      to="/tunnels/$name"
      params={{ name }}
      onClick={onChoose}
      aria-current={current ? 'page' : undefined}
      className="grid min-h-14 shrink-0 content-center rounded-md px-2.5 py-1.5 hover:bg-hover aria-[current=page]:bg-selected"
    >
      <span className="truncate font-medium">{name}</span>
      <span className="truncate text-2xs text-muted">{host}</span>
      <span className="flex items-center gap-1.5 text-xs text-muted">
        <StatusDot tone={state.tone} breathing={state.moving} className="size-1.5" />
        {state.label}
      </span>
    </Link>
  );
}

function NoTunnels({ onAdd }: { onAdd: () => void }) {
  return (
    <EmptyState title="No tunnel yet">
      <p className="text-muted">
        A tunnel lends a bridge of this machine to your own gateway. The gateway sees it as a port on its loopback, where nobody else can
        reach it, and that it is so is proved, not assumed.
      </p>
      <ol className="grid list-decimal gap-1 pl-5 text-muted">
        <li>Name the gateway, and what is to be lent.</li>
        <li>Set the gateway up with the lines you are given.</li>
        <li>Compare the gateway’s host key once, and start.</li>
      </ol>
      <Button look="primary" onClick={onAdd} className="mt-1 h-8 w-fit px-3.5">
        <Plus aria-hidden size={13} />
        Add tunnel
      </Button>
    </EmptyState>
  );
}
