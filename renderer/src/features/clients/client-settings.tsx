import { Tabs } from '@base-ui/react/tabs';
import { useQuery } from '@tanstack/react-query';
import type { ClientEnv, KnownClient } from '../../../../bridges/contract/index.ts';
import { Badge } from '../../components/badge.tsx';
import { Card } from '../../components/card.tsx';
import { Problem } from '../../components/problem.tsx';
import { Waiting } from '../../components/progress.tsx';
import { StatusDot } from '../../components/status-dot.tsx';
import { cn } from '../../lib/cn.ts';
import { engine } from '../../lib/engine.ts';
import { ago } from '../../lib/format.ts';
import { AttachClient } from './attach-client.tsx';
import { ClientGuide } from './client-guide.tsx';
import { LiveCheck } from './live-check.tsx';

/** About what one client's settings take: what stands below must not move away from a pointer once they are there. */
const ROOM = 'min-h-163';

/** Every known client: whether it is on this machine, whether it has called, and the exact settings for it. */
export function ClientSettings() {
  const known = useQuery(engine.clients.list.queryOptions({ input: {} }));
  const guides = useQuery(engine.clients.env.queryOptions({ input: {} }));
  const error = known.error ?? guides.error;
  const retry = (): void => {
    void known.refetch();
    void guides.refetch();
  };
  return (
    <Card title="Connect a client">
      {known.data && guides.data ? (
        <ClientTabs clients={inOrder(known.data)} guides={guides.data} />
      ) : error === null ? (
        <div className={ROOM}>
          <Waiting label="Looking for clients on this machine" />
        </div>
      ) : (
        <Problem title="The clients’ settings cannot be read" error={error} onRetry={retry} className="m-3" />
      )}
    </Card>
  );
}

function ClientTabs({ clients, guides }: { clients: readonly KnownClient[]; guides: readonly ClientEnv[] }) {
  return (
    <Tabs.Root
      orientation="vertical"
      defaultValue={clients[0]?.client}
      className={cn(ROOM, 'grid grid-cols-[15rem_minmax(0,1fr)] max-[860px]:grid-cols-1')}
    >
      <Tabs.List
        aria-label="Clients"
        className="grid grid-cols-[minmax(0,1fr)] content-start gap-px border-r bg-canvas/50 p-2 max-[860px]:grid-cols-2 max-[860px]:border-r-0 max-[860px]:border-b"
      >
        {clients.map((client) => (
          <ClientTab key={client.client} client={client} />
        ))}
      </Tabs.List>
      {clients.map((client) => (
        <Tabs.Panel
          key={client.client}
          value={client.client}
          className="grid min-w-0 grid-cols-[minmax(0,1fr)] content-start gap-4 p-5 focus-visible:-outline-offset-2 [&[hidden]]:hidden"
        >
          <ClientHead client={client} />
          <LiveCheck client={client} />
          <AttachClient known={client} />
          <Guide client={client} guide={guides.find((guide) => guide.client === client.client)} />
        </Tabs.Panel>
      ))}
    </Tabs.Root>
  );
}

function ClientTab({ client }: { client: KnownClient }) {
  const called = client.lastCall !== null;
  return (
    <Tabs.Tab
      value={client.client}
      className="flex min-h-11 items-center gap-2.5 rounded-md px-2.5 py-1 text-left transition-colors hover:bg-hover data-active:bg-selected"
    >
      <StatusDot tone={called ? 'ok' : client.found.length > 0 ? 'accent' : 'idle'} />
      <span className="min-w-0">
        <span className="block truncate font-medium" title={client.label}>
          {client.label}
        </span>
        <span className="block truncate text-2xs text-muted">{standingOf(client)}</span>
      </span>
    </Tabs.Tab>
  );
}

function standingOf(client: KnownClient): string {
  if (client.lastCall !== null) return `called ${ago(client.lastCall.at)}`;
  if (client.found.length > 0) return 'on this machine, no call yet';
  return client.guided ? 'no call yet' : 'not known';
}

function ClientHead({ client }: { client: KnownClient }) {
  const { label, version, found, callers } = client;
  return (
    <div className="grid gap-2">
      <div className="flex flex-wrap items-center gap-2">
        <h3 className="text-lg font-semibold">{label}</h3>
        {version !== null && <span className="tnum text-xs text-muted">{version}</span>}
        {found.length > 0 && <Badge tone="accent">On this machine</Badge>}
        {client.lastCall !== null && <Badge tone="ok">Calls have arrived</Badge>}
        {client.lastCall === null && <Badge>No call has arrived yet</Badge>}
      </div>
      {(found.length > 0 || callers.length > 0) && (
        <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-0.5 text-xs">
          {found.map(({ kind, path }) => (
            <Fact key={path} name={kind === 'program' ? 'Program' : 'Its settings'} value={path} mono />
          ))}
          {callers.length > 0 && <Fact name={callers.length === 1 ? 'Key' : 'Keys'} value={callers.join(', ')} />}
        </dl>
      )}
    </div>
  );
}

function Fact({ name, value, mono = false }: { name: string; value: string; mono?: boolean }) {
  return (
    <>
      <dt className="text-muted">{name}</dt>
      <dd className={mono ? 'font-mono break-all' : 'break-words'}>{value}</dd>
    </>
  );
}

function Guide({ client, guide }: { client: KnownClient; guide: ClientEnv | undefined }) {
  if (guide) return <ClientGuide client={guide} isAttached={client.attachment?.problem === null} />;
  return (
    <p className="text-muted">
      {client.label} has called, and Drawbridge has no settings to copy for it. What works for the SDK it is built on most likely works for
      it too.
    </p>
  );
}

/** Who has called, then who is here, then the rest; each in the order it came in. */
function inOrder(clients: readonly KnownClient[]): KnownClient[] {
  const rank = (client: KnownClient): number => (client.lastCall !== null ? 0 : client.found.length > 0 ? 1 : 2);
  return [...clients].sort((a, b) => rank(a) - rank(b));
}
