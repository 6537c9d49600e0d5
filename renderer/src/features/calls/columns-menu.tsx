import { Menu } from '@base-ui/react/menu';
import { Check, Columns3 } from 'lucide-react';
import { COLUMNS, type ColumnId } from './columns.ts';

const ITEM = 'flex h-7 items-center gap-2 rounded px-2 text-xs outline-none data-highlighted:bg-hover';

/** Chooses the columns of the table. */
export function ColumnsMenu({
  chosen,
  onToggle,
  onReset,
}: {
  chosen: ReadonlySet<ColumnId>;
  onToggle: (id: ColumnId) => void;
  onReset: () => void;
}) {
  return (
    <Menu.Root>
      <Menu.Trigger
        aria-label="Columns"
        title="Columns"
        className="inline-flex size-7 shrink-0 items-center justify-center rounded-md text-muted hover:bg-hover hover:text-ink data-popup-open:bg-hover"
      >
        <Columns3 aria-hidden size={15} />
      </Menu.Trigger>
      <Menu.Portal>
        <Menu.Positioner sideOffset={4} align="end" className="z-40 outline-none">
          <Menu.Popup className="max-h-[min(34rem,80vh)] w-52 overflow-y-auto rounded-lg border bg-raised p-1 shadow-lg outline-none">
            {COLUMNS.map(({ id, label }) => (
              <Menu.CheckboxItem
                key={id}
                checked={chosen.has(id)}
                onCheckedChange={() => onToggle(id)}
                closeOnClick={false}
                className={ITEM}
              >
                <span className="mr-auto">{label}</span>
                <Menu.CheckboxItemIndicator>
                  <Check aria-hidden size={13} className="text-accent" />
                </Menu.CheckboxItemIndicator>
              </Menu.CheckboxItem>
            ))}
            <Menu.Separator className="my-1 h-px bg-line" />
            <Menu.Item onClick={onReset} closeOnClick={false} className={ITEM}>
              The usual columns
            </Menu.Item>
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  );
}
