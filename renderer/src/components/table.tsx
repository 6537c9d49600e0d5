import type { ComponentProps, ReactNode } from 'react';
import { cn } from '../lib/cn.ts';

/** One column of a small table. `width` is a class; `hidden` is for a heading that only a screen reader needs. */
export type Column = { title: string; width?: string; right?: boolean; hidden?: boolean };

/** A small table, all of its rows in the document. It scrolls sideways in itself where the window is narrow. */
export function Table({
  label,
  columns,
  className,
  children,
}: {
  label: string;
  columns: readonly Column[];
  /** Of the table itself, for another least width. */
  className?: string;
  children: ReactNode;
}) {
  return (
    // What only a screen reader sees stands in the box that scrolls, not in the page.
    <div className="relative overflow-x-auto" role="region" aria-label={label} tabIndex={0}>
      <table className={cn('w-full min-w-[34rem] table-fixed text-xs', className)}>
        <thead>
          <tr className="h-7 border-b text-left text-2xs text-faint">
            {columns.map(({ title, width, right, hidden }) => (
              <th key={title} className={cn('px-2 font-normal first:pl-3.5 last:pr-3.5', width, right && 'text-right')}>
                {hidden ? <span className="sr-only">{title}</span> : title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="divide-y divide-line/60">{children}</tbody>
      </table>
    </div>
  );
}

/** A cell of such a table. */
export function Cell({ className, ...rest }: ComponentProps<'td'>) {
  return <td className={cn('h-9 px-2 first:pl-3.5 last:pr-3.5', className)} {...rest} />;
}
