import { cn } from '../lib/cn.ts';

/** The look of a link that stands where a button would: it leads somewhere instead of doing something. */
export const BUTTON_LINK = cn(
  'inline-flex h-7 shrink-0 items-center justify-center gap-1.5 rounded-md border border-line-strong bg-raised px-2.5',
  'text-xs font-medium whitespace-nowrap text-ink transition-colors hover:bg-hover',
);
