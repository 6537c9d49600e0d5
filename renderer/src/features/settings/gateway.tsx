import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import type { Settings } from '../../../../bridges/contract/index.ts';
import { Button } from '../../components/button.tsx';
import { Card } from '../../components/card.tsx';
import { FormRow, FormRows } from '../../components/form.tsx';
import { FIELD } from '../../components/field.tsx';
import { toast } from '../../components/toasts.tsx';
import { client } from '../../host.ts';
import { cn } from '../../lib/cn.ts';
import { engine, queryClient } from '../../lib/engine.ts';
import { causeOf } from '../../lib/errors.ts';

/** The owner's own gateway, to which calls can be sent on. */
export function Gateway({ settings }: { settings: Settings }) {
  const { baseUrl } = settings.upstreams.gateway;
  // Null until something is typed: what is set elsewhere is shown here, too.
  const [typed, setTyped] = useState<string | null>(null);
  const url = typed ?? baseUrl ?? '';
  const [key, setKey] = useState('');
  const set = useMutation({
    mutationFn: (next: { baseUrl: string | null; key?: string }) => client.gateway.set(next),
    // The key must not outlive its way to the engine.
    gcTime: 0,
    onSuccess: async ({ baseUrl: now, lasting }) => {
      setKey('');
      toast({
        title: now === null ? 'The gateway is taken away' : 'The gateway is set up',
        ...(now !== null && !lasting && { detail: 'This session has no keychain: the key is kept until Drawbridge stops.' }),
      });
      await queryClient.invalidateQueries({ queryKey: engine.settings.key() });
      // Not sooner: the field would show the address before for a moment.
      setTyped(null);
    },
    onSettled: () => queryClient.invalidateQueries(),
  });
  const changed = url.trim() !== (baseUrl ?? '') || key !== '';
  return (
    <Card title="Gateway">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (changed && url.trim() !== '') set.mutate({ baseUrl: url.trim(), ...(key !== '' && { key }) });
        }}
      >
        <FormRows>
          <FormRow title="Address" hint="Base URL of your gateway. https, or http on this machine.">
            <input
              aria-label="Base URL of the gateway"
              className={cn(FIELD, 'w-72 max-w-full')}
              placeholder="https://gateway.example.org/v1"
              autoComplete="off"
              spellCheck={false}
              value={url}
              aria-invalid={set.isError}
              onChange={(event) => setTyped(event.target.value)}
            />
          </FormRow>
          <FormRow title="Key" hint="Goes to the keychain, and is never shown again." error={set.isError ? causeOf(set.error) : null}>
            <input
              aria-label="Key of the gateway"
              type="password"
              className={cn(FIELD, 'w-72 max-w-full')}
              placeholder={baseUrl === null ? 'The key your gateway asks for' : 'Leave empty to keep the one held'}
              autoComplete="off"
              value={key}
              onChange={(event) => setKey(event.target.value)}
            />
          </FormRow>
        </FormRows>
        <div className="flex justify-end gap-2 border-t px-3.5 py-2.5">
          {baseUrl !== null && (
            <Button look="ghost" busy={set.isPending} onClick={() => set.mutate({ baseUrl: null })}>
              Take the gateway away
            </Button>
          )}
          <Button type="submit" look="primary" busy={set.isPending} disabled={!changed || url.trim() === ''}>
            Save gateway
          </Button>
        </div>
      </form>
    </Card>
  );
}
