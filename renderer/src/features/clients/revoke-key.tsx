import { AlertDialog } from '@base-ui/react/alert-dialog';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { Button } from '../../components/button.tsx';
import { BACKDROP, POPUP } from '../../components/dialog.tsx';
import { client } from '../../host.ts';
import { engine, queryClient } from '../../lib/engine.ts';
import { causeOf } from '../../lib/errors.ts';

/** Takes a key back. There is no undo, so it asks first. */
export function RevokeKey({ id, name }: { id: string; name: string }) {
  const [open, setOpen] = useState(false);
  const revoke = useMutation({
    mutationFn: () => client.keys.revoke({ id }),
    onSuccess: () => setOpen(false),
    onSettled: () => queryClient.invalidateQueries({ queryKey: engine.keys.key() }),
  });
  return (
    <AlertDialog.Root open={open} onOpenChange={setOpen}>
      <AlertDialog.Trigger render={<Button look="ghost" aria-label={`Revoke ${name}`} className="h-6.5" />}>Revoke</AlertDialog.Trigger>
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className={BACKDROP} />
        <AlertDialog.Popup className={POPUP}>
          <div className="grid gap-1">
            <AlertDialog.Title className="text-base font-semibold">Revoke the key “{name}”?</AlertDialog.Title>
            <AlertDialog.Description className="text-muted">
              Programs that use it are refused from the next call on. This cannot be undone. Their recorded calls stay.
            </AlertDialog.Description>
          </div>
          {revoke.isError && (
            <p role="alert" className="text-xs text-bad">
              {causeOf(revoke.error)}
            </p>
          )}
          <div className="flex justify-end gap-2">
            <AlertDialog.Close render={<Button />}>Keep it</AlertDialog.Close>
            <Button look="danger" busy={revoke.isPending} onClick={() => revoke.mutate()}>
              Revoke key
            </Button>
          </div>
        </AlertDialog.Popup>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}
