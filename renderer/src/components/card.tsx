import { useId, type ReactNode } from 'react';
import { cn } from '../lib/cn.ts';

/** A titled region of a page. */
export function Card({
  title,
  actions,
  children,
  className,
}: {
  title: string;
  actions?: ReactNode;
  children: ReactNode;
  className?: string;
}) {
  const id = useId();
  return (
    <section aria-labelledby={id} className={cn('overflow-hidden rounded-lg border bg-surface', className)}>
      <header className="flex min-h-10 items-center gap-2 border-b px-3.5 py-0.5">
        <h2 id={id} className="mr-auto text-xs font-semibold">
          {title}
        </h2>
        {actions}
      </header>
      {children}
    </section>
  );
}
