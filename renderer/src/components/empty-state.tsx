import type { ReactNode } from 'react';

/** Says why there is nothing here, and what would change that. */
export function EmptyState({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className="mx-auto grid w-full max-w-2xl grid-cols-1 gap-3 px-6 py-14">
      <h2 className="text-lg font-semibold">{title}</h2>
      {children}
    </div>
  );
}
