import { useQuery } from '@tanstack/react-query';
import { useDeferredValue, useId, useState, type ReactNode } from 'react';
import type { TunnelDefinition, TunnelField } from '../../../../bridges/contract/index.ts';
import { Button } from '../../components/button.tsx';
import { Card } from '../../components/card.tsx';
import { CopyButton } from '../../components/copy-button.tsx';
import { FIELD } from '../../components/field.tsx';
import { Switch } from '../../components/switch.tsx';
import { toast } from '../../components/toasts.tsx';
import { client } from '../../host.ts';
import { cn } from '../../lib/cn.ts';
import { engine } from '../../lib/engine.ts';
import { useTunnelCommand } from './run.ts';
import { Failed } from '../../components/problem.tsx';

type Draft = {
  name: string;
  offer: string;
  host: string;
  port: string;
  user: string;
  far1: string;
  far2: string;
  connector: 'cloudflared' | 'browser' | 'direct' | 'none';
  identityFile: string;
  check: boolean;
};

const NEW: Draft = {
  name: '',
  offer: 'companion',
  host: '',
  port: '',
  user: '',
  far1: '21435',
  far2: '21436',
  connector: 'cloudflared',
  identityFile: '',
  check: true,
};

const CONNECTORS: readonly { value: Draft['connector']; label: string; hint: string }[] = [
  { value: 'cloudflared', label: 'cloudflared, with a service token', hint: 'The vendor’s own client.' },
  { value: 'browser', label: 'cloudflared, signed in by a browser', hint: 'Ends after a while, and then asks you again.' },
  { value: 'direct', label: 'Built in, with a service token', hint: 'Sees why the edge refused.' },
  { value: 'none', label: 'Plain ssh', hint: 'The gateway’s sshd can be reached directly.' },
];

/** Adds a tunnel, or changes one. What is typed is checked as it is typed. `onDone` names the tunnel; null where nothing was done. */
export function TunnelForm({
  editing,
  focus,
  onDone,
}: {
  editing: TunnelDefinition | null;
  focus?: TunnelField | undefined;
  onDone: (name: string | null) => void;
}) {
  const [draft, setDraft] = useState(() => (editing ? draftOf(editing) : NEW));
  const [token, setToken] = useState({ id: '', secret: '' });
  const [touched, setTouched] = useState<ReadonlySet<TunnelField>>(new Set());
  const typed = useDeferredValue(draft);
  const { data: offers = [] } = useQuery(engine.tunnels.offers.queryOptions({ input: {} }));
  const { data: checked } = useQuery({
    ...engine.tunnels.validate.queryOptions({ input: { draft: asked(typed, editing), editing: editing?.name ?? null } }),
    placeholderData: (before) => before,
    gcTime: 0,
  });
  const save = useTunnelCommand(async () => {
    const { definition, problems } = await client.tunnels.validate({ draft: asked(draft, editing), editing: editing?.name ?? null });
    if (definition === null) throw new Error(problems[0]?.message ?? 'Something is missing.');
    if (editing) {
      await client.tunnels.edit({ definition });
      return null;
    }
    const given = wantsToken(draft) && token.id !== '' && token.secret !== '';
    return client.tunnels.add({ definition, ...(given && { token: { id: token.id.trim(), secret: token.secret.trim() } }) });
  });
  const all = new Set<TunnelField>(save.isError ? ['name', 'host', 'port', 'user', 'farPorts', 'offer', 'connector', 'identityFile'] : []);
  const problemOf = (field: TunnelField): string | null =>
    touched.has(field) || all.has(field) ? (checked?.problems.find((problem) => problem.field === field)?.message ?? null) : null;
  const set = (part: Partial<Draft>): void => setDraft((before) => ({ ...before, ...part }));
  const text = (field: TunnelField, part: keyof Draft): FieldProps => ({
    value: String(draft[part]),
    problem: problemOf(field),
    autoFocus: focus === undefined ? part === 'name' : focus === field,
    onChange: (value) => set({ [part]: value }),
    onBlur: () => setTouched((before) => new Set(before).add(field)),
  });

  if (save.data) return <Added name={save.data.tunnel.definition.name} secret={save.data.key} onDone={onDone} />;
  return (
    <Card title={editing ? `Change ${editing.name}` : 'Add a tunnel'}>
      <form
        className="grid gap-5 p-4"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          if (save.isPending) return;
          save.mutate(undefined, {
            onSuccess: () => {
              if (!editing) return;
              toast({ title: `${editing.name} is changed` });
              onDone(editing.name);
            },
          });
        }}
      >
        <div className="grid gap-4 min-[860px]:grid-cols-2">
          {!editing && <Field label="Name" hint="Small letters, digits, hyphens." placeholder="home" {...text('name', 'name')} />}
          <Labelled label="What is lent" problem={problemOf('offer')}>
            {(id) => (
              <select
                id={id}
                className={cn(FIELD, 'h-8 w-full text-sm')}
                value={draft.offer}
                onChange={(event) => set({ offer: event.target.value })}
              >
                {offers.map((offer) => (
                  <option key={offer.name} value={offer.name}>
                    {offer.label}
                  </option>
                ))}
              </select>
            )}
          </Labelled>
          <Field label="Gateway’s host name" placeholder="ssh.gateway.example.org" {...text('host', 'host')} />
          <Field label="User on the gateway" placeholder="drawbridge" {...text('user', 'user')} />
          <Labelled
            label="How it gets there"
            hint={CONNECTORS.find(({ value }) => value === draft.connector)?.hint}
            problem={problemOf('connector')}
          >
            {(id) => (
              <select
                id={id}
                className={cn(FIELD, 'h-8 w-full text-sm')}
                value={draft.connector}
                onChange={(event) => {
                  const picked = CONNECTORS.find(({ value }) => value === event.target.value);
                  if (picked) set({ connector: picked.value });
                }}
              >
                {CONNECTORS.map(({ value, label }) => (
                  <option key={value} value={value}>
                    {label}
                  </option>
                ))}
              </select>
            )}
          </Labelled>
          <Field
            label="Port"
            hint={`Empty takes ${draft.connector === 'none' ? '22' : '443'}.`}
            inputMode="numeric"
            placeholder={draft.connector === 'none' ? '22' : '443'}
            {...text('port', 'port')}
          />
          <Field label="Far port" hint="On the gateway’s loopback." inputMode="numeric" {...text('farPorts', 'far1')} />
          <Field
            label="Second far port"
            hint="In its place, while a dead session still holds the first."
            inputMode="numeric"
            {...text('farPorts', 'far2')}
            problem={null}
          />
          {!editing && wantsToken(draft) && (
            <>
              <Field
                label="Service token: id"
                value={token.id}
                problem={null}
                onChange={(id) => setToken((before) => ({ ...before, id }))}
              />
              <Field
                label="Service token: secret"
                hint="Goes to the keychain, and is never shown again. It can be given later."
                type="password"
                value={token.secret}
                problem={null}
                onChange={(secret) => setToken((before) => ({ ...before, secret }))}
              />
            </>
          )}
          <Field
            label="ssh key file"
            hint="Empty: Drawbridge makes a key for this tunnel alone."
            placeholder="made for you"
            {...text('identityFile', 'identityFile')}
          />
          <div className="flex items-start gap-3 pt-5">
            <Switch label="Ask the gateway for proof" checked={draft.check} onChange={(check) => set({ check })} />
            <div>
              <p className="text-xs font-medium">Ask the gateway for proof</p>
              <p className="text-xs text-pretty text-faint">
                Lets the account run one small script, which tells where the far port is bound.
              </p>
            </div>
          </div>
        </div>
        <Failed error={save.error} />
        <div className="flex flex-wrap items-center gap-2">
          <Button type="submit" look="primary" busy={save.isPending} className="h-8 px-3.5">
            {editing ? 'Save' : 'Add tunnel'}
          </Button>
          <Button onClick={() => onDone(null)} className="h-8">
            Cancel
          </Button>
          {checked?.definition && !save.isError && <span className="text-xs text-ok">All of it can be used.</span>}
        </div>
      </form>
    </Card>
  );
}

function Added({ name, secret, onDone }: { name: string; secret: string; onDone: (name: string) => void }) {
  return (
    <Card title={`${name} is added`}>
      <div className="grid gap-3 p-4">
        <p className="text-muted">
          Your gateway calls through the tunnel with this key. Copy it now: it is not shown again, only a hash of it is kept.
        </p>
        <output aria-label="Gateway key" className="rounded-md border bg-sunken px-3 py-2 font-mono text-xs break-all select-all">
          {secret}
        </output>
        <div className="flex gap-2">
          <CopyButton text={secret} label="Copy key for the gateway" caption="Copy key" className="h-8" />
          <Button look="primary" onClick={() => onDone(name)} className="h-8 px-3.5">
            Go on: set the gateway up
          </Button>
        </div>
      </div>
    </Card>
  );
}

type FieldProps = {
  value: string;
  problem: string | null;
  onChange: (value: string) => void;
  onBlur?: () => void;
  autoFocus?: boolean;
};

function Field({
  label,
  hint,
  problem,
  onChange,
  ...rest
}: FieldProps & { label: string; hint?: string; placeholder?: string; inputMode?: 'numeric'; type?: 'password' }) {
  return (
    <Labelled label={label} hint={hint} problem={problem}>
      {(id, about) => (
        <input
          id={id}
          aria-describedby={about}
          aria-invalid={problem !== null}
          autoComplete="off"
          spellCheck={false}
          className={cn(FIELD, 'h-8 w-full text-sm', problem !== null && 'border-bad')}
          onChange={(event) => onChange(event.target.value)}
          {...rest}
        />
      )}
    </Labelled>
  );
}

function Labelled({
  label,
  hint,
  problem,
  children,
}: {
  label: string;
  hint?: string | undefined;
  problem: string | null;
  children: (id: string, about: string) => ReactNode;
}) {
  const id = useId();
  const about = `${id}-about`;
  return (
    <div className="grid content-start gap-1">
      <label htmlFor={id} className="text-xs font-medium">
        {label}
      </label>
      {children(id, about)}
      <p id={about} className={cn('text-xs text-pretty first-letter:uppercase', problem === null ? 'text-faint' : 'text-bad')}>
        {problem ?? hint}
      </p>
    </div>
  );
}

const wantsToken = ({ connector }: Draft): boolean => connector === 'cloudflared' || connector === 'direct';

function draftOf({ name, offer, host, port, user, farPorts, connector, identityFile, check }: TunnelDefinition): Draft {
  return {
    name,
    offer,
    host,
    port: port === null ? '' : String(port),
    user,
    far1: String(farPorts[0]),
    far2: String(farPorts[1]),
    connector: connector.kind === 'cloudflared' && connector.login === 'browser' ? 'browser' : connector.kind,
    identityFile: identityFile ?? '',
    check,
  };
}

/** The draft in the fields of a definition, as `validate` takes them. */
function asked(draft: Draft, editing: TunnelDefinition | null): Record<string, unknown> {
  const { far1, far2, port, connector, identityFile, ...rest } = draft;
  const number = (text: string): number | string => (/^\d+$/.test(text.trim()) ? Number(text) : text);
  return {
    ...rest,
    farPorts: [number(far1), number(far2)],
    port: port.trim() === '' ? null : number(port),
    connector: connector === 'browser' ? { kind: 'cloudflared', login: 'browser' } : { kind: connector },
    identityFile: identityFile.trim() === '' ? null : identityFile.trim(),
    enabled: editing?.enabled ?? false,
  };
}
