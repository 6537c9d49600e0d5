import { Autocomplete } from '@base-ui/react/autocomplete';
import { Dialog } from '@base-ui/react/dialog';
import { ChevronRight, Search } from 'lucide-react';
import { useMemo } from 'react';
import { BACKDROP, BOX } from '../../components/dialog.tsx';
import { Kbd } from '../../components/kbd.tsx';
import { commandsNow, type Command } from '../../lib/commands.ts';
import { keysOf } from '../../lib/shortcuts.ts';

type Group = { value: string; items: Command[] };

/** Everything that can be done from where one is, found by typing. */
export function Palette({ open, onOpenChange }: { open: boolean; onOpenChange: (open: boolean) => void }) {
  return (
    <Dialog.Root open={open} onOpenChange={onOpenChange}>
      <Dialog.Portal>
        <Dialog.Backdrop className={BACKDROP} />
        <Dialog.Popup aria-label="Commands" className={`${BOX} top-[12vh] flex max-h-[min(28rem,76vh)] w-[34rem] flex-col overflow-hidden`}>
          <CommandList onDone={() => onOpenChange(false)} />
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function CommandList({ onDone }: { onDone: () => void }) {
  // What can be done is settled when the palette opens: a list that changes under the hand is of no use.
  const groups = useMemo(() => grouped(commandsNow()), []);
  return (
    <Autocomplete.Root open inline items={groups} autoHighlight="always" keepHighlight itemToStringValue={textOf}>
      <div className="flex shrink-0 items-center gap-2.5 border-b px-3.5">
        <Search aria-hidden size={15} className="shrink-0 text-faint" />
        <Autocomplete.Input
          aria-label="Search commands"
          placeholder="Go to a page, or do something…"
          className="h-11 w-full bg-transparent outline-none placeholder:text-faint"
        />
        <Kbd>Esc</Kbd>
      </div>
      <Autocomplete.Empty>
        <p className="px-3.5 py-8 text-center text-muted">Nothing is called that. Try the name of a page, or “key”, “theme”, “pause”.</p>
      </Autocomplete.Empty>
      <Autocomplete.List className="min-h-0 overflow-y-auto overscroll-contain p-1.5 empty:p-0">
        {(group: Group) => (
          <Autocomplete.Group key={group.value} items={group.items} className="not-last:mb-1.5">
            <Autocomplete.GroupLabel className="px-2 py-1 text-2xs text-faint">{group.value}</Autocomplete.GroupLabel>
            <Autocomplete.Collection>
              {(command: Command) => <Row key={command.id} command={command} onDone={onDone} />}
            </Autocomplete.Collection>
          </Autocomplete.Group>
        )}
      </Autocomplete.List>
    </Autocomplete.Root>
  );
}

function Row({ command, onDone }: { command: Command; onDone: () => void }) {
  const Icon = command.icon ?? ChevronRight;
  return (
    <Autocomplete.Item
      value={command}
      onClick={() => {
        onDone();
        command.run();
      }}
      className="flex h-8 scroll-my-1.5 items-center gap-2.5 rounded-md px-2 outline-none select-none data-highlighted:bg-selected"
    >
      <Icon aria-hidden size={15} className="shrink-0 text-faint" />
      <span className="mr-auto truncate">{command.title}</span>
      {command.keys !== undefined && (
        <span aria-hidden className="flex gap-1">
          {keysOf(command.keys).map((key) => (
            <Kbd key={key}>{key}</Kbd>
          ))}
        </span>
      )}
    </Autocomplete.Item>
  );
}

/** What a command is found by. */
function textOf(command: Command): string {
  return [command.title, command.words, command.group].filter((part) => part !== undefined).join(' ');
}

function grouped(commands: readonly Command[]): Group[] {
  const groups = new Map<string, Command[]>();
  for (const command of commands) groups.set(command.group, [...(groups.get(command.group) ?? []), command]);
  return [...groups].map(([value, items]) => ({ value, items }));
}
