import { useMutation } from '@tanstack/react-query';
import { lazy, Suspense, useRef, useState } from 'react';
import type { Settings } from '../../../../bridges/contract/index.ts';
import { Button } from '../../components/button.tsx';
import { Card } from '../../components/card.tsx';
import { FormRow, FormRows } from '../../components/form.tsx';
import { Cell, Table } from '../../components/table.tsx';
import { toast } from '../../components/toasts.tsx';
import { client } from '../../host.ts';
import { engine, queryClient } from '../../lib/engine.ts';
import { causeOf } from '../../lib/errors.ts';
import { plural } from '../../lib/format.ts';
import { differencesOf } from '../../lib/patch.ts';
import { saveFile } from '../../lib/save-file.ts';
import { useOpening } from '../../lib/use-opening.ts';
import { ImportCalls } from './import-calls.tsx';
import { Failed } from '../../components/problem.tsx';

const ExportCalls = lazy(async () => ({ default: (await import('../../components/export-calls.tsx')).ExportCalls }));

const COLUMNS = [{ title: 'Setting', width: 'w-2/5' }, { title: 'Now' }, { title: 'In the file' }];

type Chosen = { name: string; settings: Record<string, unknown> };

/** Settings as a file: to another machine, or back to how they were. No secret is in it; those stay in the keychain. */
export function Transfer({ settings, path }: { settings: Settings; path: string }) {
  const out = useOpening();
  const picker = useRef<HTMLInputElement>(null);
  const [chosen, setChosen] = useState<Chosen | null>(null);
  const read = useMutation({ mutationFn: readSettings, onSuccess: setChosen, onError: () => setChosen(null) });
  return (
    <Card title="Import and export">
      <FormRows>
        <FormRow
          title="Export settings"
          hint={
            <>
              Everything set here and in <code className="font-mono text-2xs break-all">{path}</code>. Keys and sign-ins are not in it.
            </>
          }
        >
          <Button
            onClick={() => {
              saveFile('drawbridge-settings.json', `${JSON.stringify(settings, null, 2)}\n`, 'application/json');
              toast({ title: 'Exported the settings', detail: 'drawbridge-settings.json' });
            }}
          >
            Export settings
          </Button>
        </FormRow>
        <FormRow title="Import settings" hint="You see what would change before it does." error={read.isError ? causeOf(read.error) : null}>
          <input
            ref={picker}
            type="file"
            accept="application/json,.json"
            aria-label="Settings file"
            className="sr-only"
            tabIndex={-1}
            onChange={(event) => {
              const file = event.target.files?.[0];
              event.target.value = '';
              if (file) read.mutate(file);
            }}
          />
          <Button onClick={() => picker.current?.click()}>Choose a file…</Button>
        </FormRow>
        <FormRow title="Export calls" hint="Everything that was kept of all calls. The calls page exports those you look for.">
          <Button onClick={out.show}>Export calls…</Button>
        </FormRow>
        <ImportCalls />
      </FormRows>
      {out.used && (
        <Suspense>
          <ExportCalls
            exported={{ what: 'all calls', query: '', name: 'drawbridge-calls' }}
            open={out.open}
            onOpenChange={out.onOpenChange}
          />
        </Suspense>
      )}
      {chosen && <Preview chosen={chosen} settings={settings} onDone={() => setChosen(null)} />}
    </Card>
  );
}

function Preview({ chosen, settings, onDone }: { chosen: Chosen; settings: Settings; onDone: () => void }) {
  const changes = differencesOf(settings, chosen.settings);
  const apply = useMutation({
    mutationFn: () => client.settings.update({ patch: chosen.settings }),
    onSuccess: () => {
      toast({
        title: `Imported ${plural(changes.length, 'setting')}`,
        undo: () => client.settings.replace({ settings }),
      });
      onDone();
    },
    onSettled: () => queryClient.invalidateQueries({ queryKey: engine.settings.key() }),
  });
  return (
    <section aria-label={`What ${chosen.name} would change`} className="border-t bg-sunken">
      {changes.length === 0 ? (
        <p className="px-3.5 py-3 text-muted">{chosen.name} changes nothing: everything is set that way already.</p>
      ) : (
        <Table label="Changed settings" columns={COLUMNS}>
          {changes.map(({ key, from, to }) => (
            <tr key={key}>
              <Cell className="truncate font-mono" title={key}>
                {key}
              </Cell>
              <Cell className="truncate text-muted">{shown(from)}</Cell>
              <Cell className="truncate font-medium">{shown(to)}</Cell>
            </tr>
          ))}
        </Table>
      )}
      <div className="flex items-center justify-end gap-2 border-t px-3.5 py-2.5">
        <Failed error={apply.error} className="mr-auto" />
        <Button onClick={onDone}>Cancel</Button>
        {changes.length > 0 && (
          <Button look="primary" busy={apply.isPending} onClick={() => apply.mutate()}>
            Import {plural(changes.length, 'change')}
          </Button>
        )}
      </div>
    </section>
  );
}

async function readSettings(file: File): Promise<Chosen> {
  let value: unknown;
  try {
    value = JSON.parse(await file.text());
  } catch {
    throw new Error(`${file.name} is not JSON. Choose a file that “Export settings” made.`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error(`${file.name} holds no settings. Choose a file that “Export settings” made.`);
  }
  return { name: file.name, settings: Object.fromEntries(Object.entries(value)) };
}

function shown(value: unknown): string {
  if (value === undefined) return 'not known';
  if (value === null) return 'none';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
