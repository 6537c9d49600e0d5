import type { ComponentProps, MouseEvent } from 'react';
import { cn } from '../lib/cn.ts';
import { Spinner } from './progress.tsx';

const LOOKS = {
  plain: 'border border-line-strong bg-raised text-ink hover:bg-hover',
  primary: 'bg-accent-fill text-white hover:bg-accent-fill-hover',
  danger: 'bg-bad-fill text-white hover:opacity-90',
  ghost: 'text-muted hover:bg-hover hover:text-ink',
} as const;

/**
 * A button. `busy` shows a spinner, says so to a screen reader, and takes no second press. It is then not `disabled`: that
 * would lose the keyboard's place, and a press that was down when the work began.
 */
export function Button({
  look = 'plain',
  busy = false,
  className,
  onClick,
  children,
  ...rest
}: ComponentProps<'button'> & { look?: keyof typeof LOOKS; busy?: boolean }) {
  return (
    <button
      type="button"
      aria-busy={busy}
      aria-disabled={busy}
      onClick={busy ? ignore : onClick}
      className={cn(
        'inline-flex h-7 shrink-0 items-center justify-center gap-1.5 rounded-md px-2.5 text-xs font-medium whitespace-nowrap select-none',
        'transition-colors disabled:opacity-55 aria-disabled:opacity-55',
        LOOKS[look],
        className,
      )}
      {...rest}
    >
      {busy && <Spinner />}
      {children}
    </button>
  );
}

/** Keeps a form from being sent, too. */
function ignore(event: MouseEvent): void {
  event.preventDefault();
}

/** A button that shows only an icon; `label` is read out and shown as a tooltip. `busy`: as a button's, without its spinner. */
export function IconButton({
  label,
  busy = false,
  className,
  onClick,
  ...rest
}: ComponentProps<'button'> & { label: string; busy?: boolean }) {
  return (
    <button
      type="button"
      aria-label={label}
      aria-busy={busy}
      aria-disabled={busy}
      title={label}
      onClick={busy ? ignore : onClick}
      className={cn(
        'inline-flex size-7 shrink-0 items-center justify-center rounded-md text-muted transition-colors hover:bg-hover hover:text-ink disabled:opacity-55 aria-disabled:opacity-55',
        className,
      )}
      {...rest}
    />
  );
}
