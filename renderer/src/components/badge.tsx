import type { ReactNode } from 'react';
import { cn } from '../lib/cn.ts';

const TONES = {
  neutral: 'bg-sunken text-muted ring-line',
  ok: 'bg-ok-soft text-ok ring-ok/25',
  warn: 'bg-warn-soft text-warn ring-warn/25',
  bad: 'bg-bad-soft text-bad ring-bad/25',
  accent: 'bg-accent-soft text-accent ring-accent/25',
  practice: 'bg-practice-soft text-practice ring-practice/25',
} as const;

export type Tone = keyof typeof TONES;

/** A short word about a thing. */
export function Badge({
  tone = 'neutral',
  title,
  children,
  className,
}: {
  tone?: Tone;
  title?: string;
  children: ReactNode;
  className?: string | undefined;
}) {
  return (
    <span
      title={title}
      className={cn(
        'inline-flex h-[18px] shrink-0 items-center gap-1 rounded px-1.5 text-2xs font-medium whitespace-nowrap ring-1 ring-inset',
        TONES[tone],
        className,
      )}
    >
      {children}
    </span>
  );
}

/** Marks what the practice model answered, so that nobody takes it for a real reply. */
export function PracticeBadge({ className }: { className?: string | undefined }) {
  return (
    <Badge tone="practice" title="Answered by the built-in practice model: no provider was called." className={className}>
      Practice
    </Badge>
  );
}
