import { useMutation, useQuery } from '@tanstack/react-query';
import { Card } from '../../components/card.tsx';
import { FormRow, FormRows } from '../../components/form.tsx';
import { Switch } from '../../components/switch.tsx';
import { toast } from '../../components/toasts.tsx';
import { client } from '../../host.ts';
import { engine, queryClient } from '../../lib/engine.ts';
import { causeOf } from '../../lib/errors.ts';

/** Whether Drawbridge is there when its owner logs in. */
export function Startup() {
  const { data: item, error } = useQuery(engine.loginItem.get.queryOptions());
  const set = useMutation({
    mutationFn: (enabled: boolean) => client.loginItem.set({ enabled }),
    onSuccess: (now, enabled) => {
      queryClient.setQueryData(engine.loginItem.get.queryKey(), now);
      toast({
        title: enabled ? 'Drawbridge starts when you log in' : 'Drawbridge no longer starts by itself',
        undo: async () => queryClient.setQueryData(engine.loginItem.get.queryKey(), await client.loginItem.set({ enabled: !enabled })),
      });
    },
  });
  const failed = set.error ?? error;
  return (
    <Card title="Start">
      <FormRows>
        <FormRow
          title="Start when you log in"
          hint={item?.reason ?? 'It starts hidden, with the engine running, so that your tools find it.'}
          error={failed === null ? null : causeOf(failed)}
        >
          <Switch
            label="Start when you log in"
            checked={item !== undefined && (item.state === 'on' || item.state === 'needs_approval')}
            disabled={item === undefined || item.state === 'unsupported'}
            busy={set.isPending}
            onChange={(enabled) => set.mutate(enabled)}
          />
        </FormRow>
      </FormRows>
    </Card>
  );
}
