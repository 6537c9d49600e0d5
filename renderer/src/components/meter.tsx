import { Meter as Base } from '@base-ui/react/meter';
import { cn } from '../lib/cn.ts';

/** A bar that fills. Past four fifths it warns, at the end it is red. */
export function Meter({ label, percent }: { label: string; percent: number | null }) {
  const value = Math.min(100, percent ?? 0);
  return (
    <Base.Root aria-label={label} value={value} className="block">
      <Base.Track className="block h-1.5 overflow-hidden rounded-full bg-line">
        <Base.Indicator className={cn('block h-full rounded-full', value >= 100 ? 'bg-bad' : value >= 80 ? 'bg-warn' : 'bg-accent')} />
      </Base.Track>
    </Base.Root>
  );
}
