import { cn } from '../lib/cn.ts';

const TONES = {
  ok: 'bg-ok',
  warn: 'bg-warn',
  bad: 'bg-bad',
  accent: 'bg-accent',
  idle: 'bg-line-strong',
} as const;

export type DotTone = keyof typeof TONES;

/** A state as colour. Always stands beside the word for it. */
export function StatusDot({ tone, breathing = false, className }: { tone: DotTone; breathing?: boolean; className?: string }) {
  return <span aria-hidden className={cn('size-2 shrink-0 rounded-full', TONES[tone], breathing && 'animate-breathe', className)} />;
}
