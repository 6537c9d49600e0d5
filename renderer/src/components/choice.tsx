import { Select } from '@base-ui/react/select';
import { Check, ChevronDown } from 'lucide-react';
import { cn } from '../lib/cn.ts';

const ANY = '';

/** A menu that picks one value or any. */
export function Choice({
  label,
  any,
  value,
  options,
  onChange,
}: {
  label: string;
  /** What "no choice" is called. */
  any: string;
  value: string | undefined;
  options: readonly { value: string; label: string }[];
  onChange: (value: string | undefined) => void;
}) {
  // A value that came by URL may not be known yet; it must still be shown and removable.
  const known = value === undefined || options.some((option) => option.value === value);
  const items = [{ value: ANY, label: any }, ...options, ...(known ? [] : [{ value, label: value }])];
  return (
    <Select.Root items={items} value={value ?? ANY} onValueChange={(next) => onChange(next === null || next === ANY ? undefined : next)}>
      <Select.Trigger
        aria-label={label}
        // A closed menu would take each letter for a choice; here letters are the window's shortcuts.
        onKeyDown={(event) => {
          if (event.key.length === 1 && event.key !== ' ') event.preventBaseUIHandler();
        }}
        className={cn(
          'inline-flex h-7 max-w-44 shrink-0 items-center gap-1 rounded-md border border-line-strong bg-raised pr-1.5 pl-2 text-xs hover:bg-hover',
          value === undefined ? 'text-muted' : 'border-accent/50 bg-accent-soft text-accent',
        )}
      >
        <Select.Value className="truncate" />
        <Select.Icon className="shrink-0">
          <ChevronDown aria-hidden size={13} />
        </Select.Icon>
      </Select.Trigger>
      <Select.Portal>
        <Select.Positioner sideOffset={4} align="start" alignItemWithTrigger={false} className="z-40 outline-none">
          <Select.Popup className="max-h-80 min-w-[max(var(--anchor-width),10rem)] overflow-y-auto rounded-lg border bg-raised p-1 shadow-lg outline-none">
            <Select.List>
              {items.map((item) => (
                <Select.Item
                  key={item.value}
                  value={item.value}
                  className="flex h-7 items-center gap-2 rounded px-2 text-xs outline-none data-highlighted:bg-hover"
                >
                  <Select.ItemText className="mr-auto max-w-64 truncate">{item.label}</Select.ItemText>
                  <Select.ItemIndicator>
                    <Check aria-hidden size={13} className="text-accent" />
                  </Select.ItemIndicator>
                </Select.Item>
              ))}
            </Select.List>
          </Select.Popup>
        </Select.Positioner>
      </Select.Portal>
    </Select.Root>
  );
}
