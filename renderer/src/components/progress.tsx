import { Progress as Bar } from '@base-ui/react/progress';
import { LoaderCircle } from 'lucide-react';
import { useEffect, useState, type ReactNode } from 'react';
import { cn } from '../lib/cn.ts';

/** How long something may take before it is worth a word. */
const SLOW_MS = 1000;

/** How far something is. `value` goes from 0 to 1; null where nobody knows. */
export function Progress({ label, value, className }: { label: string; value: number | null; className?: string }) {
  return (
    <Bar.Root aria-label={label} value={value === null ? null : Math.round(value * 100)} className={cn('block', className)}>
      <Bar.Track className="block h-1 overflow-hidden rounded-full bg-line">
        <Bar.Indicator className="block h-full rounded-full bg-accent transition-[width] duration-300 data-indeterminate:w-1/3 data-indeterminate:animate-pass" />
      </Bar.Track>
    </Bar.Root>
  );
}

/** Turns. Stands beside the word for what is going on. */
export function Spinner({ size = 13 }: { size?: number }) {
  return <LoaderCircle aria-hidden size={size} className="shrink-0 animate-spin" />;
}

/** What is being waited for, said once it has taken longer than a second. */
export function Waiting({ label, children }: { label: string; children?: ReactNode }) {
  const slow = useSlow(true);
  if (!slow) return null;
  return (
    <div role="status" className="mx-auto grid w-full max-w-xs gap-2 px-6 py-14 text-center text-xs text-muted">
      {label}
      <Progress label={label} value={null} />
      {children}
    </div>
  );
}

/** True once `active` has held for longer than a second. */
function useSlow(active: boolean): boolean {
  const [slow, setSlow] = useState(false);
  useEffect(() => {
    if (!active) return undefined;
    const timer = setTimeout(() => setSlow(true), SLOW_MS);
    return () => {
      clearTimeout(timer);
      setSlow(false);
    };
  }, [active]);
  return slow;
}
