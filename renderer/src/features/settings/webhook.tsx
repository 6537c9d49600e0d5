import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { WebhookStatus } from '../../../../bridges/contract/index.ts';
import { Button } from '../../components/button.tsx';
import { Card } from '../../components/card.tsx';
import { FIELD } from '../../components/field.tsx';
import { FormRow, FormRows } from '../../components/form.tsx';
import { Failed, Problem } from '../../components/problem.tsx';
import { toast } from '../../components/toasts.tsx';
import { client } from '../../host.ts';
import { cn } from '../../lib/cn.ts';
import { engine, queryClient } from '../../lib/engine.ts';
import { ago } from '../../lib/format.ts';
import { Found } from './found.tsx';

/** A channel that is told what the desktop app notifies of. */
export function Webhook() {
  const { data, error, refetch } = useQuery(engine.webhook.status.queryOptions());
  return (
    <Card title="Webhook">
      {error !== null && !data && (
        <Problem title="The webhook cannot be asked about" error={error} onRetry={() => void refetch()} className="m-3" />
      )}
      {data && <WebhookForm status={data} />}
    </Card>
  );
}

function WebhookForm({ status }: { status: WebhookStatus }) {
  const [url, setUrl] = useState('');
  const typed = url.trim();
  const set = useMutation({
    mutationFn: (next: string | null) => client.webhook.set({ url: next }),
    // The address is a secret: it must not outlive its way to the engine.
    gcTime: 0,
    onSuccess: (now) => {
      setUrl('');
      trial.reset();
      queryClient.setQueryData(engine.webhook.status.queryKey(), now);
      toast({
        title: now.isSet ? 'Notices are told to your channel' : 'Notices are told to no channel any more',
        ...(now.isSet && !now.lasting && { detail: 'This session has no keychain: the address is kept until Drawbridge stops.' }),
      });
    },
  });
  const trial = useMutation({ mutationFn: (to: string) => client.webhook.try(to === '' ? {} : { url: to }), gcTime: 0 });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (typed !== '') set.mutate(typed);
      }}
    >
      <FormRows>
        <FormRow title="Address" hint={hintOf(status)} error={status.problem}>
          <input
            aria-label="Address of the webhook"
            type="password"
            className={cn(FIELD, 'w-72 max-w-full')}
            placeholder={status.isSet ? 'Held' : 'https://hooks.slack.com/services/…'}
            autoComplete="off"
            spellCheck={false}
            value={url}
            aria-invalid={set.isError || trial.isError}
            onChange={(event) => {
              setUrl(event.target.value);
              set.reset();
              // What was found was found of another address.
              trial.reset();
            }}
          />
        </FormRow>
      </FormRows>
      <div className="flex flex-wrap items-center justify-end gap-2 border-t px-3.5 py-2.5">
        <div role="status" className="mr-auto min-w-0">
          {trial.data && <Found taken={trial.data.taken} found={trial.data.found} />}
          <Failed error={trial.error ?? set.error} />
        </div>
        {status.isSet && (
          <Button look="ghost" busy={set.isPending} onClick={() => set.mutate(null)}>
            Tell nothing
          </Button>
        )}
        <Button busy={trial.isPending} disabled={typed === '' && !status.isSet} onClick={() => trial.mutate(typed)}>
          Send a test
        </Button>
        <Button type="submit" look="primary" busy={set.isPending} disabled={typed === ''}>
          Save webhook
        </Button>
      </div>
    </form>
  );
}

function hintOf({ host, sentAt }: WebhookStatus): string {
  if (host === null)
    return 'An incoming webhook of Slack, or one of its form: what is chosen above comes there as a message, with names of bridges and tunnels and never with what calls said. The address goes to the keychain.';
  return `Messages go to ${host}${sentAt === null ? '' : `, the last one ${ago(sentAt)}`}. The address is in the keychain, and is never shown again.`;
}
