import { useMutation } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { CircleAlert, CircleCheck, CircleDashed, Stethoscope, TriangleAlert, type LucideIcon } from 'lucide-react';
import type { BridgeName, DoctorCheck } from '../../../../bridges/contract/index.ts';
import { Button } from '../../components/button.tsx';
import { Card } from '../../components/card.tsx';
import { LinkedText } from '../../components/linked-text.tsx';
import { toastError } from '../../components/toasts.tsx';
import { client } from '../../host.ts';
import { cn } from '../../lib/cn.ts';
import { mendOf } from './mends.ts';
import { useBridgeCommand } from './run.ts';
import { Failed } from '../../components/problem.tsx';

const LOOKS: Readonly<Record<DoctorCheck['state'], { icon: LucideIcon; ink: string; word: string }>> = {
  ok: { icon: CircleCheck, ink: 'text-ok', word: 'Fine' },
  warning: { icon: TriangleAlert, ink: 'text-warn', word: 'Warning' },
  failed: { icon: CircleAlert, ink: 'text-bad', word: 'Failed' },
  skipped: { icon: CircleDashed, ink: 'text-faint', word: 'Skipped' },
};

/** Runs the bridge's own doctor: what was looked at, what was found, and what mends it. */
export function DoctorCard({ bridge, onSignIn }: { bridge: BridgeName; onSignIn: () => void }) {
  const run = useMutation({ mutationFn: () => client.doctor.run({ bridge }) });
  return (
    <Card
      title="Doctor"
      actions={
        <Button busy={run.isPending} onClick={() => run.mutate()} className="h-6.5">
          <Stethoscope aria-hidden size={13} />
          {run.isPending ? 'Examining…' : run.data ? 'Examine again' : 'Examine'}
        </Button>
      }
    >
      <Failed error={run.error} className="px-3.5 py-3" />
      {!run.data && !run.isError && (
        <p className="px-3.5 py-3 text-xs text-pretty text-muted">
          Tells apart why this bridge would not serve: keychain, account, listener, limits, scope, models. Nothing is changed.
        </p>
      )}
      {run.data && (
        <ul aria-label="Findings" className="divide-y">
          {run.data.map((check) => {
            const { icon: Icon, ink, word } = LOOKS[check.state];
            return (
              <li key={check.id} className="flex items-start gap-2.5 px-3.5 py-2">
                <Icon aria-hidden size={15} className={cn('mt-0.5 shrink-0', ink)} />
                <div className="min-w-0">
                  <p className="font-medium">
                    <span className="sr-only">{word}: </span>
                    {check.title}
                  </p>
                  <p className="text-xs break-words text-muted">{check.found}</p>
                  {check.mend !== null && (
                    <p className="text-xs text-pretty break-words">
                      <LinkedText text={check.mend} />
                    </p>
                  )}
                </div>
                {check.mend !== null && <Mend bridge={bridge} check={check.id} onSignIn={onSignIn} onMended={() => run.mutate()} />}
              </li>
            );
          })}
        </ul>
      )}
    </Card>
  );
}

/** The button that mends a finding, where this window can. The doctor looks again after. */
function Mend({ bridge, check, onSignIn, onMended }: { bridge: BridgeName; check: string; onSignIn: () => void; onMended: () => void }) {
  const navigate = useNavigate();
  const act = useBridgeCommand((kind: 'enable' | 'retry') =>
    kind === 'enable' ? client.bridges.enable({ bridge, enabled: true }) : client.bridges.retry({ bridge }),
  );
  const mend = mendOf(check);
  if (mend === null) return null;
  const press = (): void => {
    if (mend.does === 'sign-in') onSignIn();
    else if (mend.does === 'settings') void navigate({ to: '/settings' });
    else if (mend.does === 'scope' || mend.does === 'limits') focusCard(mend.does === 'scope' ? 'Scope of use' : 'Safety limits');
    else act.mutate(mend.does, { onSuccess: onMended, onError: (error) => toastError('This could not be mended', error) });
  };
  return (
    <Button className="ml-auto" busy={act.isPending} onClick={press}>
      {mend.label}
    </Button>
  );
}

/** Brings a card of this page into sight, and the keyboard to its first control. */
function focusCard(name: string): void {
  const heading = [...document.querySelectorAll('h2')].find(({ textContent }) => textContent === name);
  const card = heading?.closest('section');
  card?.scrollIntoView({ block: 'nearest' });
  card?.querySelector<HTMLElement>('input, button, [role="switch"]')?.focus();
}
