import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { Cable } from 'lucide-react';
import type { BridgeDetail } from '../../../../bridges/contract/index.ts';
import { Problem } from '../../components/problem.tsx';
import { Waiting } from '../../components/progress.tsx';
import { StatusDot } from '../../components/status-dot.tsx';
import { engine } from '../../lib/engine.ts';
import { BridgePane } from './bridge-pane.tsx';
import { ICONS, STATES } from './words.ts';

/** Every bridge: where it stands on the left, all about the chosen one on the right. */
export function BridgesPage() {
  const { name } = useParams({ strict: false });
  const { data: bridges, error, refetch } = useQuery(engine.bridges.list.queryOptions({ input: {} }));
  if (!bridges) {
    if (error === null) return <Waiting label="Asking how the bridges stand" />;
    return (
      <div className="p-6">
        <Problem title="The bridges cannot be read" error={error} onRetry={() => void refetch()} />
      </div>
    );
  }
  const chosen = bridges.find((bridge) => bridge.name === name) ?? bridges[0];
  return (
    <div className="flex h-full max-[760px]:flex-col">
      <nav
        aria-label="Bridges"
        className="flex w-60 shrink-0 flex-col gap-px overflow-y-auto border-r p-2 max-[760px]:w-auto max-[760px]:flex-row max-[760px]:overflow-x-auto max-[760px]:border-r-0 max-[760px]:border-b"
      >
        {bridges.map((bridge) => (
          <BridgeLink key={bridge.name} bridge={bridge} current={bridge.name === chosen?.name} />
        ))}
      </nav>
      <div className="min-h-0 min-w-0 flex-1">{chosen && <BridgePane key={chosen.name} bridge={chosen} />}</div>
    </div>
  );
}

function BridgeLink({ bridge, current }: { bridge: BridgeDetail; current: boolean }) {
  const Icon = ICONS[bridge.name] ?? Cable;
  const state = STATES[bridge.state];
  return (
    <Link
      to="/bridges/$name"
      params={{ name: bridge.name }}
      aria-current={current ? 'page' : undefined}
      className="flex min-h-12 shrink-0 items-center gap-2.5 rounded-md px-2.5 hover:bg-hover aria-[current=page]:bg-selected"
    >
      <Icon aria-hidden size={17} className="shrink-0 text-muted" />
      <span className="min-w-0">
        <span className="block truncate font-medium">{bridge.label}</span>
        <span className="flex items-center gap-1.5 text-xs text-muted">
          <StatusDot tone={bridge.enabled ? state.tone : 'idle'} breathing={bridge.state === 'signing_in'} className="size-1.5" />
          {bridge.enabled ? state.label : 'Switched off'}
        </span>
      </span>
    </Link>
  );
}
