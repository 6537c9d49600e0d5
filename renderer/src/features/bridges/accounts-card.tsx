import { AlertDialog } from '@base-ui/react/alert-dialog';
import { Plus } from 'lucide-react';
import { useState } from 'react';
import type { BridgeDetail } from '../../../../bridges/contract/index.ts';
import { Badge } from '../../components/badge.tsx';
import { Button } from '../../components/button.tsx';
import { Card } from '../../components/card.tsx';
import { BACKDROP, POPUP } from '../../components/dialog.tsx';
import { toast, toastError } from '../../components/toasts.tsx';
import { client } from '../../host.ts';
import { ago, fullTime } from '../../lib/format.ts';
import { useBridgeCommand } from './run.ts';
import { Failed } from '../../components/problem.tsx';

// It is a command, and no hook, whatever its name begins with.
const { useAccount: changeAccount } = client.bridges;

/** The accounts that are held; one of them is used. */
export function AccountsCard({ bridge, onAdd }: { bridge: BridgeDetail; onAdd: () => void }) {
  const take = useBridgeCommand((account: string) => changeAccount({ bridge: bridge.name, account }));
  const before = bridge.accounts.find(({ active }) => active);
  const change = (id: string): void =>
    take.mutate(id, {
      onSuccess: () =>
        toast({
          title: 'Calls use the other account now',
          ...(before && { undo: () => take.mutateAsync(before.id) }),
        }),
      onError: (error) => toastError('The account could not be changed', error),
    });
  return (
    <Card
      title="Accounts"
      actions={
        <Button onClick={onAdd} disabled={bridge.state === 'signing_in'} className="h-6.5">
          <Plus aria-hidden size={13} />
          Add account
        </Button>
      }
    >
      <ul className="divide-y">
        {bridge.accounts.map((account) => (
          <li key={account.id} className="flex min-h-12 flex-wrap items-center gap-x-3 gap-y-1 px-3.5 py-2">
            <div className="min-w-0 flex-1 basis-48">
              <p className="flex flex-wrap items-center gap-2">
                <span className="truncate font-medium">{account.label}</span>
                {account.active && <Badge tone="ok">in use</Badge>}
                {account.plan !== null && <Badge>{account.plan.replaceAll('_', ' ')}</Badge>}
              </p>
              <p className="text-xs text-muted" title={fullTime(account.addedAt)}>
                {bridge.routes.find(({ name }) => name === account.route)?.label ?? account.route} · added {ago(account.addedAt)}
              </p>
            </div>
            {account.active ? (
              <SignOut bridge={bridge} label={account.label} />
            ) : (
              <Button busy={take.isPending} onClick={() => change(account.id)} aria-label={`Use ${account.label}`}>
                Use this one
              </Button>
            )}
          </li>
        ))}
      </ul>
    </Card>
  );
}

/** Ends the sign-in of the account in use. It cannot be taken back, so it asks first. */
function SignOut({ bridge, label }: { bridge: BridgeDetail; label: string }) {
  const [open, setOpen] = useState(false);
  const out = useBridgeCommand(() => client.bridges.signOut({ bridge: bridge.name }));
  return (
    <AlertDialog.Root open={open} onOpenChange={setOpen}>
      <AlertDialog.Trigger render={<Button look="ghost" aria-label={`Sign out ${label}`} />}>Sign out</AlertDialog.Trigger>
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className={BACKDROP} />
        <AlertDialog.Popup className={POPUP}>
          <div className="grid gap-1">
            <AlertDialog.Title className="text-base font-semibold">Sign out of {label}?</AlertDialog.Title>
            <AlertDialog.Description className="text-muted">
              Its secret is deleted from this machine, and calls for {bridge.label} are refused until you sign in again.
            </AlertDialog.Description>
          </div>
          <Failed error={out.error} />
          <div className="flex justify-end gap-2">
            <AlertDialog.Close render={<Button />}>Stay signed in</AlertDialog.Close>
            <Button look="danger" busy={out.isPending} onClick={() => out.mutate(undefined, { onSuccess: () => setOpen(false) })}>
              Sign out
            </Button>
          </div>
        </AlertDialog.Popup>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}
