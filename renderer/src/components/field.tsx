import { useId, type ComponentProps } from 'react';
import { cn } from '../lib/cn.ts';

/** The look of every text field. */
export const FIELD = cn(
  'h-7 rounded-md border border-line-strong bg-raised px-2 text-xs text-ink placeholder:text-faint',
  'focus-visible:border-accent focus-visible:outline-1 focus-visible:outline-offset-0',
);

/** A text field under its label. */
export function TextField({ label, hint, className, ...rest }: ComponentProps<'input'> & { label: string; hint?: string }) {
  const id = useId();
  const hintId = useId();
  return (
    <div className="grid gap-1">
      <label htmlFor={id} className="text-xs font-medium">
        {label}
      </label>
      <input
        id={id}
        aria-describedby={hint === undefined ? undefined : hintId}
        className={cn(FIELD, 'h-8 w-full text-sm', className)}
        {...rest}
      />
      {hint !== undefined && (
        <p id={hintId} className="text-xs text-faint">
          {hint}
        </p>
      )}
    </div>
  );
}
