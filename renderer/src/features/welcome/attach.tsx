import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { BUTTON_LINK } from '../../components/button-link.ts';
import { Problem } from '../../components/problem.tsx';
import { Waiting } from '../../components/progress.tsx';
import { Segmented } from '../../components/segmented.tsx';
import { engine } from '../../lib/engine.ts';
import { PlaceLink } from '../../shell/place-link.tsx';
import { AttachClient, ClientGuide, LiveCheck } from '../clients/index.ts';

/** The settings of a client that is on this machine, and the watch for its first call. */
export function Attach() {
  const known = useQuery(engine.clients.list.queryOptions({ input: {} }));
  const guides = useQuery(engine.clients.env.queryOptions({ input: {} }));
  const [picked, setPicked] = useState<string | null>(null);
  const error = known.error ?? guides.error;
  if (!known.data || !guides.data) {
    if (error === null) return <Waiting label="Looking for clients on this machine" />;
    const retry = (): void => {
      void known.refetch();
      void guides.refetch();
    };
    return <Problem title="The clients’ settings cannot be read" error={error} onRetry={retry} />;
  }
  const guided = known.data.filter((client) => client.guided);
  const here = guided.filter((client) => client.found.length > 0);
  const choices = (here.length > 0 ? here : guided).slice(0, 4);
  const client = choices.find((one) => one.client === picked) ?? choices[0];
  const guide = guides.data.find((one) => one.client === client?.client);
  if (!client || !guide) return null;
  return (
    <div className="grid gap-4">
      <p className="text-muted">
        {here.length > 0 ? 'These are on this machine. ' : 'No client was found on this machine; these are the known ones. '}
        Let its settings be written or copy them, start it, and its first call appears here. With the practice model, that takes no account
        either.
      </p>
      <Segmented
        label="Client"
        value={client.client}
        options={choices.map((one) => ({ value: one.client, label: one.label }))}
        onChange={setPicked}
      />
      <LiveCheck key={client.client} client={client} />
      <AttachClient key={`attach ${client.client}`} known={client} />
      <ClientGuide key={`guide ${client.client}`} client={guide} isAttached={client.attachment?.problem === null} />
      <PlaceLink to="/clients" className={`${BUTTON_LINK} w-fit`}>
        All clients and keys
      </PlaceLink>
    </div>
  );
}
