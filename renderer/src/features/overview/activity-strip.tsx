import type { Activity } from '../../../../bridges/contract/index.ts';
import { Unstated } from '../../components/call-bits.tsx';
import { cn } from '../../lib/cn.ts';
import { compact, duration, number } from '../../lib/format.ts';

/** The numbers of the last hour. */
export function ActivityStrip({ activity }: { activity: Activity }) {
  const cells: { label: string; value: string | null; className?: string }[] = [
    { label: 'Calls, last hour', value: number(activity.calls) },
    { label: 'Failed', value: number(activity.failed), className: activity.failed > 0 ? 'text-bad' : '' },
    { label: 'Running now', value: number(activity.open), className: activity.open > 0 ? 'text-accent' : '' },
    { label: 'First byte, median', value: activity.ttfbP50Ms === null ? null : duration(activity.ttfbP50Ms) },
    { label: 'Tokens in', value: activity.inputTokens === null ? null : compact(activity.inputTokens) },
    { label: 'Tokens out', value: activity.outputTokens === null ? null : compact(activity.outputTokens) },
  ];
  return (
    <section aria-label="Activity of the last hour" className="overflow-hidden rounded-lg border bg-surface">
      <dl className="-m-px grid grid-cols-6 max-[1000px]:grid-cols-3">
        {cells.map(({ label, value, className }) => (
          <div key={label} className="flex flex-col-reverse border-t border-l px-3.5 py-2.5">
            <dt className="text-xs text-muted">{label}</dt>
            <dd className={cn('tnum text-lg font-semibold', className)}>{value ?? <Unstated />}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
