import { Tabs } from '@base-ui/react/tabs';
import { useQuery } from '@tanstack/react-query';
import type { ClientEnv } from '../../../../bridges/contract/index.ts';
import { Badge } from '../../components/badge.tsx';
import { Card } from '../../components/card.tsx';
import { Problem } from '../../components/problem.tsx';
import { StatusDot } from '../../components/status-dot.tsx';
import { engine } from '../../lib/engine.ts';
import { ClientGuide } from './client-guide.tsx';

/** For each known client the exact settings, and whether it has called. */
export function ClientSettings() {
  const { data: clients, error, refetch } = useQuery(engine.clients.env.queryOptions({ input: {} }));
  const { data: facets } = useQuery(engine.calls.facets.queryOptions());
  const arrived = new Set(facets?.clients);
  return (
    <Card title="Connect a client">
      {error !== null && !clients && (
        <Problem title="The clients’ settings cannot be read" error={error} onRetry={() => void refetch()} className="m-3" />
      )}
      {clients && clients.length > 0 && (
        <Tabs.Root
          orientation="vertical"
          defaultValue={clients[0]?.client}
          className="grid grid-cols-[13rem_minmax(0,1fr)] max-[760px]:grid-cols-1"
        >
          <Tabs.List
            aria-label="Clients"
            className="grid grid-cols-[minmax(0,1fr)] content-start gap-px border-r p-2 max-[760px]:border-r-0 max-[760px]:border-b"
          >
            {clients.map((client) => (
              <ClientTab key={client.client} client={client} arrived={arrived.has(client.client)} />
            ))}
          </Tabs.List>
          {clients.map((client) => (
            <Tabs.Panel
              key={client.client}
              value={client.client}
              className="min-w-0 p-4 focus-visible:-outline-offset-2 [&[hidden]]:hidden"
            >
              <ClientGuide
                client={client}
                standing={arrived.has(client.client) ? <Badge tone="ok">Calls have arrived</Badge> : <Badge>No call has arrived yet</Badge>}
              />
            </Tabs.Panel>
          ))}
        </Tabs.Root>
      )}
    </Card>
  );
}

function ClientTab({ client, arrived }: { client: ClientEnv; arrived: boolean }) {
  return (
    <Tabs.Tab
      value={client.client}
      className="flex h-8 items-center gap-2.5 rounded-md px-2 text-left text-muted hover:bg-hover hover:text-ink data-active:bg-selected data-active:font-medium data-active:text-ink"
    >
      <StatusDot tone={arrived ? 'ok' : 'idle'} />
      <span className="truncate" title={client.label}>
        {client.label}
      </span>
      <span className="sr-only">{arrived ? ', calls have arrived' : ', no call yet'}</span>
    </Tabs.Tab>
  );
}
