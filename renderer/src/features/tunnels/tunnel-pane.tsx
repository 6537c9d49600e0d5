import { useNavigate } from '@tanstack/react-router';
import { ExternalLink, Pencil, Play, RefreshCw, Square } from 'lucide-react';
import { useRef, useState } from 'react';
import type { TunnelField, TunnelStatus } from '../../../../bridges/contract/index.ts';
import { Button, IconButton } from '../../components/button.tsx';
import { BUTTON_LINK } from '../../components/button-link.ts';
import { Page } from '../../components/page.tsx';
import { StatusDot } from '../../components/status-dot.tsx';
import { toast, toastError } from '../../components/toasts.tsx';
import { client } from '../../host.ts';
import { cn } from '../../lib/cn.ts';
import { ago, fullTime, time } from '../../lib/format.ts';
import { AccessCard } from './access-card.tsx';
import { HostKeyCard } from './host-key-card.tsx';
import { Install } from './install.tsx';
import { KitCard } from './kit-card.tsx';
import { LogCard } from './log-card.tsx';
import { NumbersCard } from './numbers-card.tsx';
import { ProofCard } from './proof-card.tsx';
import { RemoveTunnel } from './remove-tunnel.tsx';
import { useTunnelCommand } from './run.ts';
import { TunnelForm } from './tunnel-form.tsx';
import { STATES } from './words.ts';
import { Failed } from '../../components/problem.tsx';

/** All about one tunnel. */
export function TunnelPane({ tunnel }: { tunnel: TunnelStatus }) {
  const [editing, setEditing] = useState<{ field: TunnelField | undefined } | null>(null);
  /** How often the download was asked for; each begins anew. */
  const [installs, setInstalls] = useState(0);
  const kit = useRef<HTMLDivElement>(null);
  const log = useRef<HTMLDivElement>(null);
  const access = useRef<HTMLDivElement>(null);
  const host = useRef<HTMLDivElement>(null);
  const go = (part: 'kit' | 'log' | 'access' | 'host'): void => {
    const element = { kit, log, access, host }[part].current;
    element?.scrollIntoView({ block: 'start' });
    element?.focus({ preventScroll: true });
  };
  const { definition } = tunnel;
  if (editing)
    return (
      <Page>
        <TunnelForm editing={definition} focus={editing.field} onDone={() => setEditing(null)} />
      </Page>
    );
  return (
    <Page>
      <Head tunnel={tunnel} onEdit={() => setEditing({ field: undefined })} />
      <Standing tunnel={tunnel} onEdit={(field) => setEditing({ field })} onGo={go} onInstall={() => setInstalls(installs + 1)} />
      {installs > 0 && <Install key={installs} />}
      <ProofCard tunnel={tunnel} />
      <NumbersCard tunnel={tunnel} />
      <div className="grid items-start gap-4 min-[1180px]:grid-cols-2">
        <div ref={host} tabIndex={-1} className="outline-none">
          <HostKeyCard tunnel={tunnel} />
        </div>
        <div ref={access} tabIndex={-1} className="outline-none">
          <AccessCard tunnel={tunnel} />
        </div>
      </div>
      <div ref={log} tabIndex={-1} className="outline-none">
        <LogCard name={definition.name} />
      </div>
      <div ref={kit} tabIndex={-1} className="outline-none">
        <KitCard name={definition.name} />
      </div>
      <RemoveTunnel name={definition.name} />
    </Page>
  );
}

function Head({ tunnel, onEdit }: { tunnel: TunnelStatus; onEdit: () => void }) {
  const { name, offer, host, user, enabled } = tunnel.definition;
  const start = useTunnelCommand(() => client.tunnels.start({ name }));
  const stop = useTunnelCommand(() => client.tunnels.stop({ name }));
  const again = useTunnelCommand(() => client.tunnels.reconnect({ name }));
  const failed = (error: Error): void => toastError(`${name} did not do as told`, error);
  return (
    <div className="flex flex-wrap items-center gap-x-3 gap-y-2">
      <div className="mr-auto min-w-0">
        <h2 className="text-lg font-semibold">{name}</h2>
        <p className="text-xs break-words text-muted">
          Lends {offer === 'companion' ? 'the companion' : offer} to {user}@{host}
          {tunnel.farPort !== null && (
            <>
              {' '}
              as <code className="font-mono">127.0.0.1:{tunnel.farPort}</code>
            </>
          )}
        </p>
      </div>
      {enabled && (
        <IconButton label="Replace the session now" busy={again.isPending} onClick={() => again.mutate(undefined, { onError: failed })}>
          <RefreshCw aria-hidden size={14} />
        </IconButton>
      )}
      <Button onClick={onEdit}>
        <Pencil aria-hidden size={13} />
        Change
      </Button>
      {enabled ? (
        <Button
          busy={stop.isPending}
          onClick={() =>
            stop.mutate(undefined, {
              onSuccess: () => toast({ title: `${name} is stopped`, undo: () => start.mutateAsync(undefined) }),
              onError: failed,
            })
          }
        >
          <Square aria-hidden size={12} />
          Stop
        </Button>
      ) : (
        <Button look="primary" busy={start.isPending} onClick={() => start.mutate(undefined, { onError: failed })}>
          <Play aria-hidden size={13} />
          Start
        </Button>
      )}
    </div>
  );
}

const BOXES = {
  ok: 'bg-surface',
  idle: 'bg-surface',
  accent: 'bg-surface',
  warn: 'border-warn/30 bg-warn-soft',
  bad: 'border-bad/30 bg-bad-soft',
} as const;

/** The state, why, and the button that mends it. */
function Standing({
  tunnel,
  onEdit,
  onGo,
  onInstall,
}: {
  tunnel: TunnelStatus;
  onEdit: (field: TunnelField) => void;
  onGo: (part: 'kit' | 'log' | 'access' | 'host') => void;
  onInstall: () => void;
}) {
  const { name } = tunnel.definition;
  const state = STATES[tunnel.state];
  const { mend } = tunnel;
  const navigate = useNavigate();
  const act = useTunnelCommand(async (kind: 'reconnect' | 'login') => {
    if (kind === 'reconnect') await client.tunnels.reconnect({ name });
    else await client.tunnels.login({ name });
  });
  const press = (): void => {
    switch (mend?.action.kind) {
      case 'reconnect':
      case 'login':
        return act.mutate(mend.action.kind);
      case 'trust':
        return onGo('host');
      case 'token':
        return onGo('access');
      case 'serverKit':
        return onGo('kit');
      case 'logs':
        return onGo('log');
      case 'installCloudflared':
        return onInstall();
      case 'edit':
        return onEdit(mend.action.field);
      case 'network':
        return void navigate({ to: '/settings', hash: 'network' });
      case 'link':
      case undefined:
        return undefined;
    }
  };
  return (
    <section aria-label="State" className={cn('grid gap-1 rounded-lg border px-3.5 py-2.5', BOXES[state.tone])}>
      <div className="flex min-h-8 flex-wrap items-center gap-x-3 gap-y-2">
        <StatusDot tone={state.tone} breathing={state.moving} />
        <div className="min-w-0 flex-1 basis-72">
          <p>
            <span role="status" className="font-medium">
              {state.label}
            </span>
            <span className="ml-2 text-xs text-muted" title={fullTime(tunnel.since)}>
              since {ago(tunnel.since)}
            </span>
          </p>
          <p className="text-xs break-words text-muted">{tunnel.reason ?? state.sentence}</p>
          {mend !== null && <p className="text-xs text-pretty break-words">{mend.advice}</p>}
          {tunnel.retryAt !== null && <p className="tnum text-xs text-muted">Next attempt at {time(tunnel.retryAt)}.</p>}
        </div>
        {mend?.action.kind === 'link' && (
          <a href={mend.action.href} target="_blank" rel="noreferrer" className={BUTTON_LINK}>
            {mend.label}
            <ExternalLink aria-hidden size={13} />
          </a>
        )}
        {mend !== null && mend.action.kind !== 'link' && (
          <Button look={state.tone === 'bad' ? 'primary' : 'plain'} busy={act.isPending} onClick={press}>
            {mend.label}
          </Button>
        )}
      </div>
      <Failed error={act.error} />
    </section>
  );
}
