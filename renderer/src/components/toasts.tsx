import { Toast } from '@base-ui/react/toast';
import { CircleAlert, CircleCheck, X } from 'lucide-react';
import { causeOf } from '../lib/errors.ts';
import { Button, IconButton } from './button.tsx';

const manager = Toast.createToastManager();
const PLAIN_MS = 5000;
/** Who has to decide needs longer than who has to read. */
const UNDO_MS = 10_000;

/**
 * Says in the corner that something was done, or failed. With `undo` it can be taken back for ten seconds, which is
 * kinder than asking before; where it cannot be undone, ask before instead.
 */
export function toast(message: { title: string; detail?: string; undo?: () => Promise<unknown> | void }): void {
  const { title, detail, undo } = message;
  const id: string = manager.add({
    title,
    type: 'done',
    timeout: undo ? UNDO_MS : PLAIN_MS,
    ...(detail === undefined ? {} : { description: detail }),
    ...(undo && {
      actionProps: {
        children: 'Undo',
        onClick: () => {
          manager.close(id);
          void Promise.resolve(undo()).catch((error: unknown) => toastError('This could not be undone', error));
        },
      },
    }),
  });
}

/** Says in the corner what failed and why. It stays until it is closed. */
export function toastError(title: string, error: unknown): void {
  manager.add({ title, description: causeOf(error), type: 'failed', timeout: 0, priority: 'high' });
}

/** Where messages appear. Stands once, around the window. */
export function Toasts() {
  return (
    <Toast.Provider toastManager={manager} limit={4}>
      <Toast.Portal>
        <Toast.Viewport className="fixed right-4 bottom-4 z-50 flex w-[22rem] max-w-[calc(100vw-2rem)] flex-col-reverse gap-2 outline-none">
          <ToastList />
        </Toast.Viewport>
      </Toast.Portal>
    </Toast.Provider>
  );
}

function ToastList() {
  const { toasts } = Toast.useToastManager();
  return toasts.map((item) => (
    <Toast.Root
      key={item.id}
      toast={item}
      swipeDirection="right"
      className="rounded-lg border bg-raised shadow-lg transition-[opacity,translate] duration-200 ease-out data-ending-style:translate-x-4 data-ending-style:opacity-0 data-limited:hidden data-starting-style:translate-y-2 data-starting-style:opacity-0"
    >
      <Toast.Content className="flex items-start gap-2.5 py-2.5 pr-2 pl-3.5">
        {item.type === 'failed' ? (
          <CircleAlert aria-hidden size={15} className="mt-1 shrink-0 text-bad" />
        ) : (
          <CircleCheck aria-hidden size={15} className="mt-1 shrink-0 text-ok" />
        )}
        <div className="min-w-0 flex-1 py-0.5">
          <Toast.Title className="font-medium break-words" />
          <Toast.Description className="text-xs break-words text-muted" />
        </div>
        <Toast.Action render={<Button />} />
        <Toast.Close render={<IconButton label="Close" />}>
          <X aria-hidden size={14} />
        </Toast.Close>
      </Toast.Content>
    </Toast.Root>
  ));
}
