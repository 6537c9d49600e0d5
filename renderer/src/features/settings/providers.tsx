import { useMutation, useQuery } from '@tanstack/react-query';
import { X } from 'lucide-react';
import { useState } from 'react';
import type { ProvidersStatus, ProviderStatus } from '../../../../bridges/contract/index.ts';
import { Button, IconButton } from '../../components/button.tsx';
import { Card } from '../../components/card.tsx';
import { Failed, Problem } from '../../components/problem.tsx';
import { toast } from '../../components/toasts.tsx';
import { client } from '../../host.ts';
import { cn } from '../../lib/cn.ts';
import { engine, queryClient } from '../../lib/engine.ts';
import { Found } from './found.tsx';
import { ProviderForm } from './provider-form.tsx';
import { draftOf, EMPTY, type Draft } from './provider-draft.ts';

/** Providers of the owner's own, beside those that are built in. */
export function Providers() {
  const { data, error, refetch } = useQuery(engine.providers.list.queryOptions());
  // What is typed: of a new one, or of one that is there.
  const [draft, setDraft] = useState<{ of: string | null; from: Draft } | null>(null);
  const names = data?.providers.map(({ name }) => name) ?? [];
  return (
    <Card title="Providers">
      <p className="px-3.5 py-2.5 text-xs text-muted">
        APIs you have a key for, and servers of models on this machine. Their models are called{' '}
        <code className="font-mono">name/model</code>, by every client and in every wire format.
      </p>
      {error !== null && !data && (
        <Problem title="The providers cannot be asked about" error={error} onRetry={() => void refetch()} className="m-3" />
      )}
      {data !== undefined && data.providers.length > 0 && (
        <ul aria-label="Providers" className="divide-y border-t">
          {data.providers.map((provider) => (
            <Row key={provider.name} provider={provider} onChange={() => setDraft({ of: provider.name, from: draftOf(provider) })} />
          ))}
        </ul>
      )}
      {data?.overlaps.map((overlap) => (
        <p key={overlap} className="border-t px-3.5 py-2 text-xs text-warn">
          {overlap}
        </p>
      ))}
      {draft === null ? (
        <div className="flex justify-end border-t px-3.5 py-2.5">
          <Button disabled={data === undefined} onClick={() => setDraft({ of: null, from: EMPTY })}>
            Add a provider
          </Button>
        </div>
      ) : (
        <ProviderForm key={draft.of} of={draft.of} from={draft.from} taken={names} onDone={() => setDraft(null)} />
      )}
    </Card>
  );
}

function Row({ provider, onChange }: { provider: ProviderStatus; onChange: () => void }) {
  const { name, label, baseUrl, models, problem } = provider;
  const trial = useMutation({ mutationFn: () => client.providers.try({ provider: { name } }) });
  const remove = useMutation({
    mutationFn: () => client.providers.remove({ name }),
    onSuccess: async (now: ProvidersStatus) => {
      queryClient.setQueryData(engine.providers.list.queryKey(), now);
      toast({ title: `${label} is taken away, with its key` });
      await queryClient.invalidateQueries({ queryKey: engine.settings.key() });
    },
  });
  return (
    <li className="px-3.5 py-2">
      <div className="flex min-h-7 flex-wrap items-center gap-x-3 gap-y-1">
        <div className="mr-auto min-w-0">
          <p className="font-medium break-words">{label}</p>
          <p className="font-mono text-xs break-all text-muted">
            {name}/… at {baseUrl}
          </p>
          {models.length > 0 && <p className="text-xs break-words text-muted">Also serves {models.join(', ')}</p>}
        </div>
        <div className="flex shrink-0 items-center gap-1">
          <Button look="ghost" aria-label={`Try ${label}`} busy={trial.isPending} onClick={() => trial.mutate()}>
            Try
          </Button>
          <Button look="ghost" aria-label={`Change ${label}`} onClick={onChange}>
            Change
          </Button>
          <IconButton label={`Take ${label} away`} busy={remove.isPending} onClick={() => remove.mutate()}>
            <X aria-hidden size={14} />
          </IconButton>
        </div>
      </div>
      {problem !== null && (
        <p role="alert" className="mt-1 text-xs text-bad">
          {problem}
        </p>
      )}
      <div role="status" className={cn(trial.data !== undefined && 'mt-1')}>
        {trial.data && <Found taken={trial.data.taken} found={trial.data.found} />}
        {trial.data !== undefined && trial.data.models.length > 0 && (
          <p className="mt-1 line-clamp-3 font-mono text-xs break-all text-muted">{trial.data.models.join('  ')}</p>
        )}
        <Failed error={trial.error ?? remove.error} />
      </div>
    </li>
  );
}
