import { useMutation, useQuery } from '@tanstack/react-query';
import type { Listener, Settings } from '../../../../bridges/contract/index.ts';
import { Card } from '../../components/card.tsx';
import { EditField, FormRow, FormRows } from '../../components/form.tsx';
import { MendButton } from '../../components/mend-button.tsx';
import { toast } from '../../components/toasts.tsx';
import { client } from '../../host.ts';
import { engine, queryClient } from '../../lib/engine.ts';
import { causeOf } from '../../lib/errors.ts';
import { useSaveSettings, type SettingsPatch } from '../../lib/settings.ts';

/** Where this machine's programs reach Drawbridge. Always on loopback: there is no setting that changes that. */
export function Ports({ settings }: { settings: Settings }) {
  const { data: status } = useQuery(engine.status.get.queryOptions());
  const labelOf = (name: string): string => status?.bridges.find((bridge) => bridge.name === name)?.label ?? name;
  return (
    <Card title="Ports">
      <FormRows>
        <CompanionPort />
        {Object.entries(settings.bridges).map(([name, { port }]) => (
          <SavedPort
            key={name}
            title={`${labelOf(name)} bridge`}
            label={`Port of the ${labelOf(name)} bridge`}
            hint="Used from the next start on."
            value={port}
            patch={(next) => ({ bridges: { [name]: { port: next } } })}
          />
        ))}
        <SavedPort
          title="Window"
          label="Port of the window"
          hint="For the window in a browser, from the next start on. 0 takes any free port."
          value={settings.ui.port}
          patch={(port) => ({ ui: { port } })}
        />
      </FormRows>
      <p className="border-t px-3.5 py-2.5 text-xs text-faint">
        Every port is opened on 127.0.0.1 only. Other machines cannot reach it, and no setting changes that.
      </p>
    </Card>
  );
}

const movePort = (port: number): Promise<Listener> => client.companion.usePort({ port });

function CompanionPort() {
  const { data: status } = useQuery(engine.status.get.queryOptions());
  const companion = status?.listeners.find(({ name }) => name === 'companion');
  const port = companion?.address?.split(':').at(-1) ?? '';
  const use = useMutation({
    mutationFn: async (wanted: number) => {
      const before = Number(port);
      const listener = await movePort(wanted);
      if (listener.state !== 'listening') return;
      toast({
        title: `The companion listens on port ${wanted}`,
        detail: 'Clients that were set up for the old port have to be changed.',
        ...(before > 0 && { undo: () => movePort(before) }),
      });
    },
    onSettled: () => queryClient.invalidateQueries(),
  });
  return (
    <FormRow
      title="Companion"
      hint="What your clients call. It moves at once; clients have to be told."
      error={use.isError ? causeOf(use.error) : (companion?.reason ?? null)}
    >
      {companion?.mend && <MendButton mend={companion.mend} />}
      {/* What is typed before the port is known would be lost. */}
      {status && (
        <EditField
          key={port}
          label="Port of the companion"
          kind="number"
          width="w-20"
          value={port}
          busy={use.isPending}
          invalid={use.isError}
          onSave={(value) => use.mutate(Number(value))}
        />
      )}
    </FormRow>
  );
}

function SavedPort({
  title,
  label,
  hint,
  value,
  patch,
}: {
  title: string;
  label: string;
  hint: string;
  value: number;
  patch: (port: number) => SettingsPatch;
}) {
  const save = useSaveSettings(`Saved the ${label.charAt(0).toLowerCase()}${label.slice(1)}`);
  return (
    <FormRow title={title} hint={hint} error={save.isError ? causeOf(save.error) : null}>
      <EditField
        key={value}
        label={label}
        kind="number"
        width="w-20"
        value={String(value)}
        busy={save.isPending}
        invalid={save.isError}
        onSave={(next) => save.mutate(patch(Number(next)))}
      />
    </FormRow>
  );
}
