import { Switch as Base } from '@base-ui/react/switch';

/** On or off, at once. `label` is read out; what is seen stands beside it. `busy`: it keeps the focus, and can't be turned. */
export function Switch({
  label,
  checked,
  disabled = false,
  busy = false,
  onChange,
}: {
  label: string;
  checked: boolean;
  disabled?: boolean;
  busy?: boolean;
  onChange: (checked: boolean) => void;
}) {
  return (
    <Base.Root
      aria-label={label}
      checked={checked}
      disabled={disabled}
      readOnly={busy}
      onCheckedChange={(next) => onChange(next)}
      className="inline-flex h-[18px] w-8 shrink-0 items-center rounded-full bg-line-strong p-0.5 transition-colors hover:bg-faint data-checked:bg-accent-fill data-checked:hover:bg-accent-fill-hover data-disabled:opacity-55 data-readonly:opacity-55"
    >
      <Base.Thumb className="size-3.5 rounded-full bg-white shadow-sm transition-transform data-checked:translate-x-3.5" />
    </Base.Root>
  );
}
