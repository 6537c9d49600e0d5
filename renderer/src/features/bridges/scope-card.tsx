import { AlertDialog } from '@base-ui/react/alert-dialog';
import { useState } from 'react';
import type { BridgeDetail, BridgeRoute, Use } from '../../../../bridges/contract/index.ts';
import { Badge } from '../../components/badge.tsx';
import { Button } from '../../components/button.tsx';
import { Card } from '../../components/card.tsx';
import { BACKDROP, POPUP } from '../../components/dialog.tsx';
import { FormRow, FormRows } from '../../components/form.tsx';
import { Switch } from '../../components/switch.tsx';
import { toast, toastError } from '../../components/toasts.tsx';
import { client } from '../../host.ts';
import { useBridgeCommand } from './run.ts';
import { USES } from './words.ts';

const ALL: readonly Use[] = ['app', 'clients', 'gateway'];

/** Whose calls the sign-in in use may serve. To go beyond what its provider publishes is a choice of its owner's. */
export function ScopeCard({ bridge, route }: { bridge: BridgeDetail; route: BridgeRoute }) {
  const [asked, setAsked] = useState<Use | null>(null);
  const set = useBridgeCommand((scope: Use[]) => client.bridges.setScope({ bridge: bridge.name, route: route.name, scope }));
  const change = (use: Use, on: boolean): void => {
    const before = route.scope;
    set.mutate(on ? [...before, use] : before.filter((one) => one !== use), {
      onSuccess: () => {
        setAsked(null);
        toast({
          title: on ? `Widened: ${USES[use].title}` : `Narrowed: not ${USES[use].title}`,
          undo: () => set.mutateAsync(before),
        });
      },
      onError: (error) => toastError('The scope could not be changed', error),
    });
  };
  const turn = (use: Use, on: boolean): void => {
    if (on && !route.defaultScope.includes(use)) setAsked(use);
    else change(use, on);
  };
  return (
    <Card title="Scope of use">
      <FormRows>
        {ALL.map((use) => {
          const beyond = !route.defaultScope.includes(use);
          const on = route.scope.includes(use);
          return (
            <FormRow
              key={use}
              title={USES[use].title}
              hint={beyond ? `${USES[use].hint} Beyond what the provider publishes for this sign-in.` : USES[use].hint}
            >
              {beyond && on && <Badge tone="warn">your choice</Badge>}
              <Switch label={USES[use].title} checked={on} busy={set.isPending} onChange={(next) => turn(use, next)} />
            </FormRow>
          );
        })}
      </FormRows>
      <AlertDialog.Root open={asked !== null} onOpenChange={(open) => open || setAsked(null)}>
        <AlertDialog.Portal>
          <AlertDialog.Backdrop className={BACKDROP} />
          <AlertDialog.Popup className={POPUP}>
            <div className="grid gap-2">
              <AlertDialog.Title className="text-base font-semibold">Widen the scope all the same?</AlertDialog.Title>
              <AlertDialog.Description className="text-muted">{route.terms}</AlertDialog.Description>
              <p className="text-muted">
                To be served as well: <strong className="font-medium text-ink">{asked && USES[asked].title}</strong>. Your choice is
                recorded, and can be taken back at any time.
              </p>
              <a href={route.termsUrl} target="_blank" rel="noreferrer" className="w-fit text-xs text-accent underline">
                Read the provider’s terms
              </a>
            </div>
            <div className="flex justify-end gap-2">
              <AlertDialog.Close render={<Button />}>Leave it</AlertDialog.Close>
              <Button look="primary" busy={set.isPending} onClick={() => asked && change(asked, true)}>
                Widen
              </Button>
            </div>
          </AlertDialog.Popup>
        </AlertDialog.Portal>
      </AlertDialog.Root>
    </Card>
  );
}
