import { useQuery } from '@tanstack/react-query';
import { ExternalLink } from 'lucide-react';
import { useId, useState } from 'react';
import type { BridgeDetail, BridgeRoute } from '../../../../bridges/contract/index.ts';
import { Badge } from '../../components/badge.tsx';
import { Button } from '../../components/button.tsx';
import { Card } from '../../components/card.tsx';
import { TextField } from '../../components/field.tsx';
import { client } from '../../host.ts';
import { cn } from '../../lib/cn.ts';
import { engine } from '../../lib/engine.ts';
import { useBridgeCommand } from './run.ts';
import { standingTone } from './words.ts';
import { Failed } from '../../components/problem.tsx';

/** The ways to sign in, each with its label and the provider's terms, and what the chosen one needs. */
export function SignInCard({
  bridge,
  onCancel,
  onBegun,
}: {
  bridge: BridgeDetail;
  onCancel: (() => void) | undefined;
  onBegun: () => void;
}) {
  const [chosen, setChosen] = useState(() => bridge.route ?? bridge.routes[0]?.name);
  const route = bridge.routes.find((one) => one.name === chosen);
  const group = useId();
  return (
    <Card title={onCancel ? 'Sign in with another account, or again' : 'Sign in'}>
      <div className="grid gap-4 p-3.5">
        <fieldset className="grid gap-2">
          <legend className="sr-only">How to sign in</legend>
          {bridge.routes.map((one) => (
            <RouteOption key={one.name} route={one} group={group} checked={one.name === chosen} onChoose={() => setChosen(one.name)} />
          ))}
        </fieldset>
        {route && <RouteForm key={route.name} bridge={bridge} route={route} onCancel={onCancel} onBegun={onBegun} />}
      </div>
    </Card>
  );
}

function RouteOption({ route, group, checked, onChoose }: { route: BridgeRoute; group: string; checked: boolean; onChoose: () => void }) {
  return (
    <label
      className={cn(
        'flex items-start gap-3 rounded-lg border px-3 py-2.5 hover:bg-hover has-focus-visible:outline-2 has-focus-visible:outline-accent',
        checked && 'border-accent/50 bg-accent-soft hover:bg-accent-soft',
      )}
    >
      <input type="radio" name={group} checked={checked} onChange={onChoose} className="mt-1 accent-accent outline-none" />
      <span className="min-w-0 flex-1">
        <span className="flex flex-wrap items-center gap-2">
          <span className="font-medium">{route.label}</span>
          <Badge tone={standingTone(route.standing)}>{route.standing}</Badge>
        </span>
        <span className="block text-xs text-pretty text-muted">{route.terms}</span>
      </span>
    </label>
  );
}

/** What the chosen route needs: a key, an app of one's own, agreement. */
function RouteForm({
  bridge,
  route,
  onCancel,
  onBegun,
}: {
  bridge: BridgeDetail;
  route: BridgeRoute;
  onCancel: (() => void) | undefined;
  onBegun: () => void;
}) {
  const [key, setKey] = useState('');
  const [byCode, setByCode] = useState(false);
  const { data: file } = useQuery({ ...engine.settings.get.queryOptions(), enabled: route.setup !== undefined });
  const own: Readonly<Record<string, unknown>> | undefined = file?.settings.bridges[bridge.name];
  const held = route.setup && own?.[route.setup.setting];
  const [setup, setSetup] = useState<string | null>(null);
  const brought = setup ?? (typeof held === 'string' ? held : '');
  const begin = useBridgeCommand(async () => {
    if (route.setup && setup !== null && setup.trim() !== held)
      await client.settings.update({ patch: { bridges: { [bridge.name]: { [route.setup.setting]: setup.trim() } } } });
    const given = route.needs === 'key' ? { key: key.trim() } : {};
    return (await client.bridges.signIn({ bridge: bridge.name, route: route.name, agree: true, byCode, ...given })).bridge;
  });
  const agreed = route.agreedAt !== null;
  const ready = (route.needs !== 'key' || key.trim() !== '') && (route.setup === undefined || brought.trim() !== '');
  const words = byCode
    ? 'Sign in with a code'
    : route.needs === 'browser'
      ? 'Sign in in the browser'
      : route.needs === 'key'
        ? 'Check and keep the key'
        : 'Use this login';
  return (
    <form
      className="grid gap-4"
      onSubmit={(event) => {
        event.preventDefault();
        if (!ready || begin.isPending) return;
        begin.mutate(undefined, {
          onSuccess: (now) => {
            setKey('');
            if (now.state === 'ready' || now.state === 'signing_in') onBegun();
          },
        });
      }}
    >
      {route.setup && (
        <div className="grid max-w-xl gap-1.5">
          <TextField
            label={route.setup.label}
            hint={route.setup.help}
            value={brought}
            autoComplete="off"
            spellCheck={false}
            onChange={(event) => setSetup(event.target.value)}
          />
          <OutLink href={route.setup.url}>Make one</OutLink>
        </div>
      )}
      {route.needs === 'key' && (
        <div className="max-w-xl">
          <TextField
            label="Key"
            hint="It is checked with the provider, goes to this machine’s keychain, and is never shown again."
            type="password"
            value={key}
            autoComplete="off"
            spellCheck={false}
            aria-invalid={begin.isError}
            onChange={(event) => setKey(event.target.value)}
          />
        </div>
      )}
      {route.byCode && (
        <label className="flex w-fit items-center gap-2 text-xs">
          <input type="checkbox" checked={byCode} onChange={(event) => setByCode(event.target.checked)} className="accent-accent" />
          With a code, typed in on any other device
        </label>
      )}
      {!agreed && (
        <div className="grid gap-1 rounded-md bg-sunken px-3 py-2.5">
          <p className="text-xs text-pretty text-muted">
            Before the first sign-in this way you are asked once whether you agree to what stands above.
          </p>
          <OutLink href={route.termsUrl}>Read the provider’s terms</OutLink>
        </div>
      )}
      <Failed error={begin.error} />
      <div className="flex flex-wrap items-center gap-2">
        <Button type="submit" look="primary" busy={begin.isPending} disabled={!ready} className="h-8 px-3.5">
          {agreed ? words : `Agree, and ${words.charAt(0).toLowerCase()}${words.slice(1)}`}
        </Button>
        {onCancel && (
          <Button onClick={onCancel} className="h-8">
            Not now
          </Button>
        )}
        {agreed && (
          <span className="text-xs text-faint">
            You agreed to its terms before. <OutLink href={route.termsUrl}>Read them again</OutLink>
          </span>
        )}
      </div>
    </form>
  );
}

function OutLink({ href, children }: { href: string; children: string }) {
  return (
    <a href={href} target="_blank" rel="noreferrer" className="inline-flex w-fit items-center gap-1 text-xs text-accent underline">
      {children}
      <ExternalLink aria-hidden size={12} />
    </a>
  );
}
