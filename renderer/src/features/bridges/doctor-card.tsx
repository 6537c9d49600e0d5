import { useMutation } from '@tanstack/react-query';
import { CircleAlert, CircleCheck, CircleDashed, Stethoscope, TriangleAlert, type LucideIcon } from 'lucide-react';
import type { BridgeName, DoctorCheck } from '../../../../bridges/contract/index.ts';
import { Button } from '../../components/button.tsx';
import { Card } from '../../components/card.tsx';
import { client } from '../../host.ts';
import { cn } from '../../lib/cn.ts';
import { causeOf } from '../../lib/errors.ts';

const LOOKS: Readonly<Record<DoctorCheck['state'], { icon: LucideIcon; ink: string; word: string }>> = {
  ok: { icon: CircleCheck, ink: 'text-ok', word: 'Fine' },
  warning: { icon: TriangleAlert, ink: 'text-warn', word: 'Warning' },
  failed: { icon: CircleAlert, ink: 'text-bad', word: 'Failed' },
  skipped: { icon: CircleDashed, ink: 'text-faint', word: 'Skipped' },
};

/** Runs the bridge's own doctor: what was looked at, what was found, and what mends it. */
export function DoctorCard({ bridge }: { bridge: BridgeName }) {
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
      {run.isError && (
        <p role="alert" className="px-3.5 py-3 text-xs text-bad">
          {causeOf(run.error)}
        </p>
      )}
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
                  {check.mend !== null && <p className="text-xs text-pretty break-words">{check.mend}</p>}
                </div>
              </li>
            );
          })}
        </ul>
      )}
    </Card>
  );
}
