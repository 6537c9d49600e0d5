import { AlertDialog } from '@base-ui/react/alert-dialog';
import { useNavigate } from '@tanstack/react-router';
import { Trash2 } from 'lucide-react';
import { useState } from 'react';
import { Button } from '../../components/button.tsx';
import { BACKDROP, POPUP } from '../../components/dialog.tsx';
import { toast } from '../../components/toasts.tsx';
import { client } from '../../host.ts';
import { useTunnelCommand } from './run.ts';
import { Failed } from '../../components/problem.tsx';

/** Takes a tunnel away with its keys. That cannot be undone, so it asks first. */
export function RemoveTunnel({ name }: { name: string }) {
  const [open, setOpen] = useState(false);
  const navigate = useNavigate();
  const remove = useTunnelCommand(() => client.tunnels.remove({ name }));
  return (
    <AlertDialog.Root open={open} onOpenChange={setOpen}>
      <AlertDialog.Trigger render={<Button look="ghost" className="w-fit" />}>
        <Trash2 aria-hidden size={13} />
        Remove this tunnel
      </AlertDialog.Trigger>
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className={BACKDROP} />
        <AlertDialog.Popup className={POPUP}>
          <div className="grid gap-1">
            <AlertDialog.Title className="text-base font-semibold">Remove the tunnel “{name}”?</AlertDialog.Title>
            <AlertDialog.Description className="text-muted">
              It is stopped, and its ssh key, its gateway key and its service token are deleted. This cannot be undone. The lines on the
              gateway stay until its administrator takes them away.
            </AlertDialog.Description>
          </div>
          <Failed error={remove.error} />
          <div className="flex justify-end gap-2">
            <AlertDialog.Close render={<Button />}>Keep it</AlertDialog.Close>
            <Button
              look="danger"
              busy={remove.isPending}
              onClick={() =>
                remove.mutate(undefined, {
                  onSuccess: () => {
                    toast({ title: `${name} is removed` });
                    void navigate({ to: '/tunnels' });
                  },
                })
              }
            >
              Remove tunnel
            </Button>
          </div>
        </AlertDialog.Popup>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}
