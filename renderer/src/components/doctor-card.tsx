import { useMutation } from '@tanstack/react-query';
import { CircleAlert, CircleCheck, CircleDashed, Stethoscope, TriangleAlert, type LucideIcon } from 'lucide-react';
import { useEffect, useRef, type ReactNode } from 'react';
import type { DoctorCheck } from '../../../bridges/contract/index.ts';
import { cn } from '../lib/cn.ts';
import { Button } from './button.tsx';
import { Card } from './card.tsx';
import { LinkedText } from './linked-text.tsx';
import { Failed } from './problem.tsx';

const LOOKS: Readonly<Record<DoctorCheck['state'], { icon: LucideIcon; ink: string; word: string }>> = {
  ok: { icon: CircleCheck, ink: 'text-ok', word: 'Fine' },
  warning: { icon: TriangleAlert, ink: 'text-warn', word: 'Warning' },
  failed: { icon: CircleAlert, ink: 'text-bad', word: 'Failed' },
  skipped: { icon: CircleDashed, ink: 'text-faint', word: 'Skipped' },
};

/** The button that mends a finding, where this window can. `again` has the doctor look once more. */
type RenderMend = (check: DoctorCheck, again: () => void) => ReactNode;

/** A doctor: what was looked at, what was found, and what mends it. `wanted` has it look at once, and brings it into sight. */
export function DoctorCard({
  about,
  examine,
  wanted = false,
  renderMend,
}: {
  /** What it looks at, while it has not. */
  about: string;
  examine: () => Promise<DoctorCheck[]>;
  wanted?: boolean;
  renderMend: RenderMend;
}) {
  const run = useMutation({ mutationFn: examine });
  const { mutate } = run;
  const button = useRef<HTMLButtonElement>(null);
  const again = (): void => {
    // The button that mended is gone with its finding; the keyboard goes on from here.
    button.current?.focus();
    mutate();
  };
  useEffect(() => {
    if (!wanted) return;
    mutate();
    button.current?.focus();
    button.current?.closest('section')?.scrollIntoView({ block: 'start' });
  }, [wanted, mutate]);
  return (
    <Card
      title="Doctor"
      actions={
        // Not disabled while it looks: that would take the keyboard's place away.
        <Button ref={button} aria-busy={run.isPending} onClick={() => !run.isPending && mutate()} className="h-6.5">
          <Stethoscope aria-hidden size={13} />
          {run.isPending ? 'Examining…' : run.data ? 'Examine again' : 'Examine'}
        </Button>
      }
    >
      <Failed error={run.error} className="px-3.5 py-3" />
      {!run.data && !run.isError && <p className="px-3.5 py-3 text-xs text-pretty text-muted">{about} Nothing is changed.</p>}
      {run.data && (
        <ul aria-label="Findings" className="divide-y">
          {run.data.map((check) => (
            <Finding key={check.id} check={check} renderMend={renderMend} onMended={again} />
          ))}
        </ul>
      )}
    </Card>
  );
}

function Finding({ check, renderMend, onMended }: { check: DoctorCheck; renderMend: RenderMend; onMended: () => void }) {
  const { icon: Icon, ink, word } = LOOKS[check.state];
  return (
    <li className="flex items-start gap-2.5 px-3.5 py-2">
      <Icon aria-hidden size={15} className={cn('mt-0.5 shrink-0', ink)} />
      <div className="mr-auto min-w-0">
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
      {check.mend !== null && renderMend(check, onMended)}
    </li>
  );
}
