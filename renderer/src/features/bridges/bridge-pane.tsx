import { Cable, ExternalLink } from 'lucide-react';
import { useState } from 'react';
import type { BridgeDetail } from '../../../../bridges/contract/index.ts';
import { Badge } from '../../components/badge.tsx';
import { Button } from '../../components/button.tsx';
import { BUTTON_LINK } from '../../components/button-link.ts';
import { Page } from '../../components/page.tsx';
import { StatusDot } from '../../components/status-dot.tsx';
import { Switch } from '../../components/switch.tsx';
import { toastError } from '../../components/toasts.tsx';
import { client } from '../../host.ts';
import { cn } from '../../lib/cn.ts';
import { AccountsCard } from './accounts-card.tsx';
import { AddressCard } from './address-card.tsx';
import { BridgeDoctor } from './doctor-card.tsx';
import { LimitsCard } from './limits-card.tsx';
import { ModelsCard } from './models-card.tsx';
import { OfferPanel } from './offer-panel.tsx';
import { QuotaCard } from './quota-card.tsx';
import { useBridgeCommand } from './run.ts';
import { ScopeCard } from './scope-card.tsx';
import { SignInCard } from './sign-in-card.tsx';
import { ICONS, routeInUse, standingTone, STATES } from './words.ts';
import { Failed } from '../../components/problem.tsx';

/** All about one bridge, what needs a person first. */
export function BridgePane({ bridge }: { bridge: BridgeDetail }) {
  const [adding, setAdding] = useState(false);
  const route = routeInUse(bridge);
  const held = bridge.accounts.length > 0;
  // Once signed in, the way to do so is put away.
  const signsIn = bridge.state !== 'signing_in' && (!held || adding);
  return (
    <Page>
      <Head bridge={bridge} />
      <Standing bridge={bridge} onSignIn={() => setAdding(true)} signsIn={signsIn} />
      {bridge.offer !== null && <OfferPanel label={bridge.label} offer={bridge.offer} />}
      {signsIn && <SignInCard bridge={bridge} onCancel={held ? () => setAdding(false) : undefined} onBegun={() => setAdding(false)} />}
      <div className="grid items-start gap-4 min-[1180px]:grid-cols-2">
        <div className="grid gap-4">
          {held && <AccountsCard bridge={bridge} onAdd={() => setAdding(true)} />}
          {held && <QuotaCard bridge={bridge} />}
          {route && <ScopeCard bridge={bridge} route={route} />}
          {held && <ModelsCard bridge={bridge.name} />}
          {!held && <LimitsCard bridge={bridge} />}
        </div>
        <div className="grid gap-4">
          {held && <LimitsCard bridge={bridge} />}
          <AddressCard bridge={bridge} />
          <BridgeDoctor bridge={bridge.name} onSignIn={() => setAdding(true)} />
        </div>
      </div>
    </Page>
  );
}

function Head({ bridge }: { bridge: BridgeDetail }) {
  const Icon = ICONS[bridge.name] ?? Cable;
  const route = routeInUse(bridge);
  const enable = useBridgeCommand((enabled: boolean) => client.bridges.enable({ bridge: bridge.name, enabled }));
  return (
    <div className="flex flex-wrap items-center gap-x-3 gap-y-2">
      <span className="grid size-9 shrink-0 place-items-center rounded-lg border bg-raised">
        <Icon aria-hidden size={18} />
      </span>
      <div className="mr-auto min-w-0">
        <h2 className="flex items-center gap-2 text-lg font-semibold">
          {bridge.label}
          {route && <Badge tone={standingTone(route.standing)}>{route.standing}</Badge>}
        </h2>
        <p className="text-xs text-muted">{route?.label ?? 'Not signed in'}</p>
      </div>
      <span className="flex items-center gap-2 text-xs text-muted">
        {bridge.enabled ? 'Serves calls' : 'Switched off'}
        <Switch
          label={`${bridge.label} serves calls`}
          checked={bridge.enabled}
          busy={enable.isPending}
          onChange={(next) => enable.mutate(next, { onError: (error) => toastError('The bridge could not be switched', error) })}
        />
      </span>
    </div>
  );
}

const BOXES = {
  ok: 'bg-surface',
  idle: 'bg-surface',
  warn: 'border-warn/30 bg-warn-soft',
  bad: 'border-bad/30 bg-bad-soft',
  accent: 'bg-surface',
} as const;

/** The state, why, and the one thing to do about it. */
function Standing({ bridge, signsIn, onSignIn }: { bridge: BridgeDetail; signsIn: boolean; onSignIn: () => void }) {
  const state = STATES[bridge.state];
  const act = useBridgeCommand((kind: 'cancel' | 'retry') =>
    kind === 'cancel' ? client.bridges.cancelSignIn({ bridge: bridge.name }) : client.bridges.retry({ bridge: bridge.name }),
  );
  const action = bridge.mend?.action ?? null;
  return (
    <section aria-label="State" className={cn('grid gap-1 rounded-lg border px-3.5 py-2.5', BOXES[bridge.enabled ? state.tone : 'warn'])}>
      <div className="flex min-h-8 flex-wrap items-center gap-x-3 gap-y-2">
        <StatusDot tone={bridge.enabled ? state.tone : 'warn'} breathing={bridge.state === 'signing_in'} />
        <div className="min-w-0 flex-1 basis-72">
          <p role="status" className="font-medium">
            {state.label}
          </p>
          <p className="text-xs break-words text-muted">{bridge.reason ?? state.sentence}</p>
        </div>
        {action === null && bridge.mend !== null && <p className="text-xs text-muted">{bridge.mend.label}</p>}
        {action?.kind === 'sign_in' && !signsIn && (
          <Button look="primary" onClick={onSignIn}>
            {bridge.mend?.label}
          </Button>
        )}
        {(action?.kind === 'cancel' || action?.kind === 'retry') && (
          <Button busy={act.isPending} onClick={() => act.mutate(action.kind)}>
            {bridge.mend?.label}
          </Button>
        )}
        {action?.kind === 'link' && (
          <a href={action.href} target="_blank" rel="noreferrer" className={BUTTON_LINK}>
            {bridge.mend?.label}
            <ExternalLink aria-hidden size={13} />
          </a>
        )}
      </div>
      <Failed error={act.error} />
      {!bridge.enabled && <p className="text-xs text-warn">It is switched off: every call is refused, and those under way were ended.</p>}
      {bridge.lastError !== null && (
        <p className="text-xs break-words text-muted">
          <span className="font-medium">What the provider said last: </span>
          {bridge.lastError}
        </p>
      )}
    </section>
  );
}
