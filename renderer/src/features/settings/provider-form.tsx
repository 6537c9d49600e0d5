import { useMutation, useQuery } from '@tanstack/react-query';
import { useState, type ComponentProps } from 'react';
import type { ProvidersStatus } from '../../../../bridges/contract/index.ts';
import { Button } from '../../components/button.tsx';
import { Choice } from '../../components/choice.tsx';
import { FIELD } from '../../components/field.tsx';
import { FormRow, FormRows } from '../../components/form.tsx';
import { Failed } from '../../components/problem.tsx';
import { Segmented } from '../../components/segmented.tsx';
import { toast } from '../../components/toasts.tsx';
import { client } from '../../host.ts';
import { cn } from '../../lib/cn.ts';
import { engine, queryClient } from '../../lib/engine.ts';
import { Found } from './found.tsx';
import { draftOf, EMPTY, wantedOf, WIRES, withWire, type Draft, type Wanted } from './provider-draft.ts';

const CREDENTIALS = [
  { value: 'key', label: 'A key' },
  { value: 'client', label: 'The client’s own' },
  { value: 'none', label: 'None' },
] as const satisfies readonly { value: Draft['credential']; label: string }[];

/** Adds a provider, or changes one (`of`). `taken`: names of those there are. */
export function ProviderForm({
  of,
  from,
  taken,
  onDone,
}: {
  of: string | null;
  from: Draft;
  taken: readonly string[];
  onDone: () => void;
}) {
  const { data: presets = [] } = useQuery({ ...engine.providers.presets.queryOptions(), enabled: of === null });
  const [draft, setDraft] = useState(from);
  const wanted = wantedOf(draft);
  const set = useMutation({
    mutationFn: (next: Wanted) => client.providers.set(next),
    // The key must not outlive its way to the engine.
    gcTime: 0,
    onSuccess: async (now: ProvidersStatus, { provider }) => {
      queryClient.setQueryData(engine.providers.list.queryKey(), now);
      toast({
        title: `${provider.label ?? provider.name} is set up`,
        detail: now.lasting
          ? `Its models are called ${provider.name}/….`
          : 'This session has no keychain: its key is kept until Drawbridge stops.',
      });
      onDone();
      await queryClient.invalidateQueries({ queryKey: engine.settings.key() });
    },
  });
  const trial = useMutation({ mutationFn: (next: Wanted) => client.providers.try(next), gcTime: 0 });
  const edit = (change: Partial<Draft> | Draft): void => {
    setDraft((before) => ({ ...before, ...change }));
    set.reset();
    // What was found was found of something else.
    trial.reset();
  };
  const free = presets.filter(({ name }) => !taken.includes(name));
  return (
    <form
      aria-label={of === null ? 'A new provider' : `Change ${of}`}
      className="border-t"
      onSubmit={(event) => {
        event.preventDefault();
        if (wanted !== undefined) set.mutate(wanted);
      }}
    >
      <FormRows>
        {of === null && (
          <FormRow title="Which" hint="One that is known, or any other that speaks a public format.">
            <Choice
              label="Which provider"
              any="Another"
              value={free.find(({ name }) => name === draft.name)?.name}
              options={free.map(({ name, label }) => ({ value: name, label }))}
              onChange={(name) => {
                const preset = free.find((one) => one.name === name);
                edit(preset === undefined ? EMPTY : draftOf(preset));
              }}
            />
          </FormRow>
        )}
        {of === null && (
          <FormRow title="Name" hint="Stands before the names of its models. Small letters, digits and hyphens.">
            <Field label="Name of the provider" placeholder="lab" value={draft.name} onTyped={(name) => edit({ name })} />
          </FormRow>
        )}
        <FormRow title="Address" hint="Base URL, as its vendor gives it to OpenAI’s libraries. https, or http on this machine.">
          <Field
            label="Base URL of the provider"
            placeholder="https://api.example.org/v1"
            value={draft.baseUrl}
            onTyped={(baseUrl) => edit({ baseUrl })}
          />
        </FormRow>
        <FormRow title="Speaks" hint="Calls in another format are translated to the first that was chosen.">
          <fieldset className="flex flex-wrap gap-x-4 gap-y-1">
            <legend className="sr-only">Wire formats that it speaks</legend>
            {WIRES.map(({ wire, label }) => (
              <label key={wire} className="flex items-center gap-1.5 text-xs">
                <input
                  type="checkbox"
                  className="accent-accent"
                  checked={draft.wires.includes(wire)}
                  onChange={(event) => edit(withWire(draft, wire, event.target.checked))}
                />
                {label}
              </label>
            ))}
          </fieldset>
        </FormRow>
        {draft.wires.includes('messages') && (
          <FormRow title="Address for Messages" hint="As it is given to Anthropic’s libraries, where that is another one at the same host.">
            <Field
              label="Base URL for Messages"
              placeholder="the same"
              value={draft.messagesUrl}
              onTyped={(messagesUrl) => edit({ messagesUrl })}
            />
          </FormRow>
        )}
        <FormRow title="Credential" hint="The client’s own is passed on where our key is in the path.">
          <Segmented label="Credential" value={draft.credential} options={CREDENTIALS} onChange={(credential) => edit({ credential })} />
        </FormRow>
        {draft.credential === 'key' && (
          <FormRow title="Key" hint="Goes to the keychain, and to this host alone. It is never shown again.">
            <div className="flex max-w-full flex-wrap gap-2 sm:justify-end">
              <Choice
                label="Header of the key"
                any="Bearer"
                value={draft.keyHeader === 'authorization' ? undefined : draft.keyHeader}
                options={[
                  { value: 'x-api-key', label: 'x-api-key' },
                  { value: 'api-key', label: 'api-key' },
                ]}
                onChange={(header) => edit({ keyHeader: header === 'x-api-key' || header === 'api-key' ? header : 'authorization' })}
              />
              <Field
                label="Key of the provider"
                type="password"
                placeholder={of === null ? 'Its key' : 'Leave empty to keep the one held'}
                value={draft.key}
                onTyped={(key) => edit({ key })}
              />
            </div>
          </FormRow>
        )}
        <FormRow title="Also serves" hint="Models that go there by their bare names. * stands for any letters.">
          <Field label="Models it serves" placeholder="qwen*, glm-5" value={draft.models} onTyped={(models) => edit({ models })} />
        </FormRow>
      </FormRows>
      <div className="flex flex-wrap items-center justify-end gap-2 border-t px-3.5 py-2.5">
        <div role="status" className="mr-auto min-w-0">
          {trial.data && <Found taken={trial.data.taken} found={trial.data.found} />}
          <Failed error={trial.error ?? set.error} />
        </div>
        <Button look="ghost" onClick={onDone}>
          Cancel
        </Button>
        <Button busy={trial.isPending} disabled={wanted === undefined} onClick={() => wanted !== undefined && trial.mutate(wanted)}>
          Try it
        </Button>
        <Button type="submit" look="primary" busy={set.isPending} disabled={wanted === undefined}>
          {of === null ? 'Add provider' : 'Save provider'}
        </Button>
      </div>
    </form>
  );
}

function Field({
  label,
  onTyped,
  ...rest
}: Omit<ComponentProps<'input'>, 'onChange'> & { label: string; onTyped: (text: string) => void }) {
  return (
    <input
      aria-label={label}
      className={cn(FIELD, 'w-72 max-w-full')}
      autoComplete="off"
      spellCheck={false}
      onChange={(event) => onTyped(event.target.value)}
      {...rest}
    />
  );
}
