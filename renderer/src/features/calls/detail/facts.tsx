import type { ReactNode } from 'react';
import { NOT_STATED } from '../../../lib/format.ts';

/** A few facts under a heading. */
export function Group({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section aria-label={title}>
      <h3 className="pb-1.5 text-xs font-semibold">{title}</h3>
      <dl className="divide-y divide-line/60 border-y border-line/60">{children}</dl>
    </section>
  );
}

/** A fact whose value is a number, or that nobody stated. */
export function Fact({
  name,
  value,
  show,
  unknown = NOT_STATED,
  inner = false,
}: {
  name: string;
  value: number | null | undefined;
  show: (value: number) => string;
  unknown?: string;
  inner?: boolean;
}) {
  return (
    <Line name={name} inner={inner}>
      {value === null || value === undefined ? <span className="text-faint">{unknown}</span> : show(value)}
    </Line>
  );
}

/** A fact in words. */
export function Line({ name, inner = false, children }: { name: string; inner?: boolean; children: ReactNode }) {
  return (
    <div className="flex min-h-7 items-center gap-4 py-1 text-xs">
      <dt className={inner ? 'mr-auto shrink-0 pl-4 text-faint' : 'mr-auto shrink-0 text-muted'}>{name}</dt>
      <dd className="tnum min-w-0 text-right [overflow-wrap:anywhere]">{children}</dd>
    </div>
  );
}
