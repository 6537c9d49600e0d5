import type { ReactNode } from 'react';
import { cn } from '../lib/cn.ts';

/** A page that scrolls, of a width that stays readable. `width` is a class. */
export function Page({ children, width = 'max-w-[1180px]' }: { children: ReactNode; width?: string }) {
  return (
    <div className="h-full overflow-y-auto">
      <div className={cn('mx-auto grid grid-cols-[minmax(0,1fr)] gap-4 px-6 py-5 max-[760px]:px-4', width)}>{children}</div>
    </div>
  );
}
