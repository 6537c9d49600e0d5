import { AlertDialog } from '@base-ui/react/alert-dialog';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { TunnelStatus } from '../../../../bridges/contract/index.ts';
import { Button } from '../../components/button.tsx';
import { Card } from '../../components/card.tsx';
import { CopyButton } from '../../components/copy-button.tsx';
import { BACKDROP, POPUP } from '../../components/dialog.tsx';
import { FIELD } from '../../components/field.tsx';
import { EditField, FormRow, FormRows } from '../../components/form.tsx';
import { Failed } from '../../components/problem.tsx';
import { toast } from '../../components/toasts.tsx';
import { client } from '../../host.ts';
import { cn } from '../../lib/cn.ts';
import { engine } from '../../lib/engine.ts';
import { causeOf } from '../../lib/errors.ts';
import { fullTime } from '../../lib/format.ts';
import { useSaveSettings } from '../../lib/settings.ts';
import { useTunnelCommand } from './run.ts';

/** What opens the edge for us, and what opens the tunnel for the gateway. */
export function AccessCard({ tunnel }: { tunnel: TunnelStatus }) {
  const { name, connector } = tunnel.definition;
  const byBrowser = connector.kind === 'cloudflared' && connector.login === 'browser';
  return (
    <Card title="Access">
      <FormRows>
        {byBrowser && <Login name={name} until={tunnel.loginUntil} />}
        {!byBrowser && connector.kind !== 'none' && <Token name={name} lasting={tunnel.secretsLast} />}
        <FormRow title="Gateway key" hint="Your gateway calls with it. Only a hash of it is kept.">
          <NewKey name={name} />
        </FormRow>
        {connector.kind === 'cloudflared' && <Program version={tunnel.connectorVersion} />}
      </FormRows>
    </Card>
  );
}

function Program({ version }: { version: string | null }) {
  const { data: kept } = useQuery(engine.settings.get.queryOptions());
  const save = useSaveSettings('Saved where cloudflared is');
  if (kept === undefined) return null;
  const file = kept.settings.tunnels.cloudflared;
  return (
    <FormRow
      title="cloudflared"
      hint={`${version === null ? 'Not used yet.' : `Version ${version} is in use.`} Give its file where it is not found in PATH; it holds for all tunnels.`}
      error={save.isError ? causeOf(save.error) : null}
    >
      <EditField
        key={file}
        label="File of cloudflared"
        width="w-56"
        placeholder="found in PATH"
        value={file ?? ''}
        busy={save.isPending}
        invalid={save.isError}
        onSave={(value) => save.mutate({ tunnels: { cloudflared: value === '' ? null : value } })}
      />
    </FormRow>
  );
}

function Login({ name, until }: { name: string; until: string | null }) {
  const login = useTunnelCommand(() => client.tunnels.login({ name }));
  return (
    <FormRow
      title="Browser login"
      hint={until === null ? 'Nobody is signed in at the edge.' : `Good until ${fullTime(until)}. Then it asks you again.`}
      error={login.isError ? causeOf(login.error) : null}
    >
      <Button busy={login.isPending} onClick={() => login.mutate(undefined)}>
        {login.isPending ? 'Waiting for your browser…' : until === null ? 'Sign in' : 'Sign in again'}
      </Button>
    </FormRow>
  );
}

function Token({ name, lasting }: { name: string; lasting: boolean }) {
  const [token, setToken] = useState({ id: '', secret: '' });
  const keep = useTunnelCommand(() => client.tunnels.token({ name, token }));
  const whole = token.id !== '' && token.secret !== '';
  return (
    <form
      className="grid gap-2 px-3.5 py-2.5"
      onSubmit={(event) => {
        event.preventDefault();
        if (!whole || keep.isPending) return;
        keep.mutate(undefined, {
          onSuccess: () => {
            setToken({ id: '', secret: '' });
            toast({ title: 'The service token is kept' });
          },
        });
      }}
    >
      <div>
        <p className="font-medium">Service token</p>
        <p className="text-xs text-pretty text-muted">
          {lasting ? 'Kept in the keychain, never shown.' : 'There is no keychain: it is kept until Drawbridge stops.'} A new one takes the
          place of the one held.
        </p>
      </div>
      <div className="flex flex-wrap gap-2">
        {(['id', 'secret'] as const).map((part) => (
          <input
            key={part}
            aria-label={`Service token: ${part}`}
            placeholder={part === 'id' ? 'Id' : 'Secret'}
            type={part === 'secret' ? 'password' : 'text'}
            autoComplete="off"
            spellCheck={false}
            className={cn(FIELD, 'min-w-0 flex-1 basis-32')}
            value={token[part]}
            onChange={(event) => setToken((before) => ({ ...before, [part]: event.target.value.trim() }))}
          />
        ))}
        <Button type="submit" busy={keep.isPending} disabled={!whole}>
          Replace
        </Button>
      </div>
      <Failed error={keep.error} />
    </form>
  );
}

/** Makes another key for the gateway; the old one ends, so it asks first, then shows the new one once. */
function NewKey({ name }: { name: string }) {
  const [open, setOpen] = useState(false);
  const make = useTunnelCommand(() => client.tunnels.key({ name }));
  return (
    <AlertDialog.Root open={open} onOpenChange={setOpen} onOpenChangeComplete={(isOpen) => isOpen || make.reset()}>
      <AlertDialog.Trigger render={<Button />}>Make a new one</AlertDialog.Trigger>
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className={BACKDROP} />
        <AlertDialog.Popup className={POPUP}>
          <div className="grid gap-1">
            <AlertDialog.Title className="text-base font-semibold">
              {make.data ? `New gateway key for ${name}` : 'Make a new gateway key?'}
            </AlertDialog.Title>
            <AlertDialog.Description className="text-muted">
              {make.data ? 'Copy it now. It will not be shown again.' : 'The gateway is refused with the old one from now on.'}
            </AlertDialog.Description>
          </div>
          {make.data && (
            <output aria-label="Gateway key" className="rounded-md border bg-sunken px-3 py-2 font-mono text-xs break-all select-all">
              {make.data.key}
            </output>
          )}
          <Failed error={make.error} />
          <div className="flex justify-end gap-2">
            {make.data && <CopyButton text={make.data.key} label="Copy key for the gateway" caption="Copy key" />}
            <AlertDialog.Close render={<Button />}>{make.data ? 'Done' : 'Keep the old one'}</AlertDialog.Close>
            {!make.data && (
              <Button look="danger" busy={make.isPending} onClick={() => make.mutate(undefined)}>
                Make a new key
              </Button>
            )}
          </div>
        </AlertDialog.Popup>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}
