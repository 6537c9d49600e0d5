import { Dialog } from '@base-ui/react/dialog';
import { X } from 'lucide-react';
import { IconButton } from '../components/button.tsx';
import { BACKDROP, POPUP } from '../components/dialog.tsx';
import { Kbd } from '../components/kbd.tsx';
import { keysOf, SHORTCUTS } from '../lib/shortcuts.ts';
import { PLACES } from './places.ts';

const ALL = [
  { keys: keysOf('mod k'), does: 'Search commands' },
  ...PLACES.map(({ keys, title }) => ({ keys: keysOf(keys), does: `Go to ${title}` })),
  ...SHORTCUTS,
];

/** The list of shortcuts. */
export function ShortcutsDialog({ open, onOpenChange }: { open: boolean; onOpenChange: (open: boolean) => void }) {
  return (
    <Dialog.Root open={open} onOpenChange={onOpenChange}>
      <Dialog.Portal>
        <Dialog.Backdrop className={BACKDROP} />
        <Dialog.Popup className={POPUP}>
          <div className="flex items-center">
            <Dialog.Title className="mr-auto text-base font-semibold">Keyboard shortcuts</Dialog.Title>
            <Dialog.Close render={<IconButton label="Close" />}>
              <X aria-hidden size={15} />
            </Dialog.Close>
          </div>
          <dl className="-mx-1 grid max-h-[60vh] gap-px overflow-y-auto px-1" tabIndex={0}>
            {ALL.map(({ keys, does }) => (
              <div key={does} className="flex h-7 items-center">
                <dt className="mr-auto text-muted">{does}</dt>
                <dd className="flex gap-1">
                  {keys.map((key) => (
                    <Kbd key={key}>{key}</Kbd>
                  ))}
                </dd>
              </div>
            ))}
          </dl>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
