import type { ReactNode } from 'react';

/** Figures in a row, each under what it counts. */
export function Figures({ label, children }: { label: string; children: ReactNode }) {
  return (
    <dl
      aria-label={label}
      className="tnum grid grid-cols-[repeat(auto-fit,minmax(7.5rem,1fr))] gap-px overflow-hidden rounded-lg border bg-surface"
    >
      {children}
    </dl>
  );
}

/** One of them. `note` says more in small print. */
export function Figure({ title, note, children }: { title: string; note?: ReactNode; children: ReactNode }) {
  return (
    <div className="flex flex-col px-3.5 py-2.5 ring ring-line">
      <dt className="text-2xs text-faint">{title}</dt>
      <dd className="text-lg leading-6 font-semibold">{children}</dd>
      {note !== undefined && <dd className="text-2xs text-muted">{note}</dd>}
    </div>
  );
}
