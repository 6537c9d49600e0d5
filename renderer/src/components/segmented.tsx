import { cn } from '../lib/cn.ts';

/** Two or three ways to look at the same thing. */
export function Segmented<T extends string>({
  label,
  value,
  options,
  onChange,
}: {
  label: string;
  value: T;
  options: readonly { value: T; label: string; disabled?: boolean }[];
  onChange: (value: T) => void;
}) {
  return (
    <div role="group" aria-label={label} className="inline-flex rounded-md border border-line-strong bg-raised p-px">
      {options.map((option) => (
        <button
          key={option.value}
          type="button"
          aria-pressed={option.value === value}
          disabled={option.disabled}
          onClick={() => onChange(option.value)}
          className={cn(
            'h-[22px] rounded-[5px] px-2 text-2xs font-medium text-muted transition-colors hover:text-ink disabled:opacity-50',
            option.value === value && 'bg-selected text-ink',
          )}
        >
          {option.label}
        </button>
      ))}
    </div>
  );
}
