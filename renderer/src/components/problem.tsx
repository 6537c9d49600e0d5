import { TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import { cn } from '../lib/cn.ts';
import { causeOf } from '../lib/errors.ts';
import { Button } from './button.tsx';

/** What failed, why, and the button that mends it. */
export function Problem({
  title,
  error,
  onRetry,
  children,
  className,
}: {
  title: string;
  error: unknown;
  onRetry?: () => void;
  children?: ReactNode;
  className?: string;
}) {
  return (
    <div role="alert" className={cn('flex items-start gap-2.5 rounded-lg border border-bad/30 bg-bad-soft px-3.5 py-2.5', className)}>
      <TriangleAlert aria-hidden size={15} className="mt-0.5 shrink-0 text-bad" />
      <div className="min-w-0 flex-1">
        <p className="font-medium">{title}</p>
        <p className="text-xs break-words text-muted">{causeOf(error)}</p>
        {children}
      </div>
      {onRetry && <Button onClick={onRetry}>Try again</Button>}
    </div>
  );
}

/** Why something failed, in a line where it was asked for; nothing where nothing did. */
export function Failed({ error, className }: { error: unknown; className?: string }) {
  if (error == null) return null;
  return (
    <p role="alert" className={cn('text-xs text-bad', className)}>
      {causeOf(error)}
    </p>
  );
}
