import { CircleAlert, CircleCheck } from 'lucide-react';
import { cn } from '../../lib/cn.ts';

/** What was found where something was tried before it is set. */
export function Found({ taken, found }: { taken: boolean; found: string }) {
  const Icon = taken ? CircleCheck : CircleAlert;
  return (
    <p className="flex items-start gap-1.5 text-xs">
      <Icon aria-hidden size={14} className={cn('mt-px shrink-0', taken ? 'text-ok' : 'text-bad')} />
      <span className="min-w-0 break-words">{found}</span>
    </p>
  );
}
