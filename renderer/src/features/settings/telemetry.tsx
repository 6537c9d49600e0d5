import { useMutation, useQuery } from '@tanstack/react-query';
import { X } from 'lucide-react';
import { useState } from 'react';
import type { TelemetryStatus } from '../../../../bridges/contract/index.ts';
import { Button, IconButton } from '../../components/button.tsx';
import { Card } from '../../components/card.tsx';
import { FIELD } from '../../components/field.tsx';
import { FormRow, FormRows } from '../../components/form.tsx';
import { Failed, Problem } from '../../components/problem.tsx';
import { toast } from '../../components/toasts.tsx';
import { client } from '../../host.ts';
import { cn } from '../../lib/cn.ts';
import { engine, queryClient } from '../../lib/engine.ts';
import { plural } from '../../lib/format.ts';
import { Found } from './found.tsx';

/** Where a span for each call is sent, to be seen beside what other programs of the owner's do. */
export function Telemetry() {
  const { data, error, refetch } = useQuery(engine.telemetry.status.queryOptions());
  return (
    <Card title="Telemetry">
      {error !== null && !data && (
        <Problem title="The exporter cannot be asked" error={error} onRetry={() => void refetch()} className="m-3" />
      )}
      {data && <TelemetryForm key={data.endpoint} status={data} />}
    </Card>
  );
}

type Header = { name: string; value: string };
const EMPTY: Header = { name: '', value: '' };
type Target = { endpoint: string; headers?: Record<string, string> };

function TelemetryForm({ status }: { status: TelemetryStatus }) {
  const [endpoint, setEndpoint] = useState(status.endpoint ?? '');
  const [headers, setHeaders] = useState<Header[]>([]);
  const named = headers.filter(({ name }) => name.trim() !== '');
  const target: Target = {
    endpoint: endpoint.trim(),
    // What is not typed stays as it is held.
    ...(named.length > 0 && { headers: Object.fromEntries(named.map(({ name, value }) => [name.trim(), value.trim()])) }),
  };
  const set = useMutation({
    mutationFn: (next: Omit<Target, 'endpoint'> & { endpoint: string | null }) => client.telemetry.set(next),
    // The values of headers must not outlive their way to the engine.
    gcTime: 0,
    onSuccess: (now) => {
      setHeaders([]);
      queryClient.setQueryData(engine.telemetry.status.queryKey(), now);
      toast({ title: now.endpoint === null ? 'No spans are sent any more' : 'Spans are sent to your collector' });
    },
  });
  const trial = useMutation({ mutationFn: (to: Target) => client.telemetry.try(to), gcTime: 0 });
  const edit = (change: () => void): void => {
    change();
    // What was found was found of something else.
    trial.reset();
    set.reset();
  };
  const isMissing = target.endpoint === '';
  const isChanged = target.endpoint !== (status.endpoint ?? '') || named.length > 0;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (isChanged && !isMissing) set.mutate(target);
      }}
    >
      <FormRows>
        <FormRow
          title="Collector"
          hint="A span for each call, by OTLP/HTTP: models, tokens, times and outcome, never what was said. https, or http on this machine."
        >
          <input
            aria-label="Endpoint of the collector"
            className={cn(FIELD, 'w-72 max-w-full')}
            placeholder="http://127.0.0.1:4318"
            autoComplete="off"
            spellCheck={false}
            value={endpoint}
            aria-invalid={set.isError || trial.isError}
            onChange={(event) => edit(() => setEndpoint(event.target.value))}
          />
        </FormRow>
        <FormRow title="Headers" hint={hintOf(status)}>
          <div className="grid justify-items-end gap-2">
            {headers.map((header, at) => (
              <HeaderFields
                // oxlint-disable-next-line react/no-array-index-key -- a line has nothing else that stays the same while it is typed
                key={at}
                header={header}
                onChange={(next) => edit(() => setHeaders(headers.with(at, next)))}
                onRemove={() => edit(() => setHeaders(headers.toSpliced(at, 1)))}
              />
            ))}
            <Button onClick={() => edit(() => setHeaders([...headers, EMPTY]))}>Add a header</Button>
          </div>
        </FormRow>
        {status.endpoint !== null && (
          <FormRow title="Sent" hint="In this run. What a collector does not take is dropped; calls never wait for it.">
            <p className="text-right text-xs">
              <span className="tnum">
                {plural(status.sent, 'span')}, {status.dropped} dropped, {status.waiting} waiting
              </span>
              {status.problem !== null && <span className="block max-w-72 break-words text-bad">{status.problem}</span>}
            </p>
          </FormRow>
        )}
      </FormRows>
      <div className="flex flex-wrap items-center justify-end gap-2 border-t px-3.5 py-2.5">
        <div role="status" className="mr-auto min-w-0">
          {trial.data && <Found taken={trial.data.taken} found={trial.data.found} />}
          <Failed error={trial.error ?? set.error} />
        </div>
        {status.endpoint !== null && (
          <Button look="ghost" busy={set.isPending} onClick={() => set.mutate({ endpoint: null })}>
            Send nothing
          </Button>
        )}
        <Button busy={trial.isPending} disabled={isMissing} onClick={() => trial.mutate(target)}>
          Try it
        </Button>
        <Button type="submit" look="primary" busy={set.isPending} disabled={!isChanged || isMissing}>
          Save collector
        </Button>
      </div>
    </form>
  );
}

function hintOf({ headers }: TelemetryStatus): string {
  if (headers.length === 0) return 'Where your collector asks for a token. Their values go to the keychain, and are never shown again.';
  return `The keychain holds ${headers.join(', ')}. Headers that you type here replace all of it.`;
}

function HeaderFields({ header, onChange, onRemove }: { header: Header; onChange: (next: Header) => void; onRemove: () => void }) {
  return (
    <div className="flex max-w-full items-center gap-2">
      <input
        aria-label="Name of a header"
        className={cn(FIELD, 'w-32 font-mono')}
        placeholder="authorization"
        autoComplete="off"
        spellCheck={false}
        value={header.name}
        onChange={(event) => onChange({ ...header, name: event.target.value })}
      />
      <input
        aria-label="Value of a header"
        type="password"
        className={cn(FIELD, 'w-40')}
        placeholder="Bearer …"
        autoComplete="off"
        value={header.value}
        onChange={(event) => onChange({ ...header, value: event.target.value })}
      />
      <IconButton label="Remove this header" onClick={onRemove}>
        <X aria-hidden size={14} />
      </IconButton>
    </div>
  );
}
