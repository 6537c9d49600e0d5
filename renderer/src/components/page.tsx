import type { ReactNode } from 'react';

/** A page that scrolls, of a width that stays readable. */
export function Page({ children }: { children: ReactNode }) {
  return (
    <div className="h-full overflow-y-auto">
      <div className="mx-auto grid max-w-[1180px] gap-4 px-6 py-5">{children}</div>
    </div>
  );
}
