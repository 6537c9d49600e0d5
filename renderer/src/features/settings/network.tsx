import { useMutation, useQuery } from '@tanstack/react-query';
import { useLocation } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';
import type { NetworkStatus } from '../../../../bridges/contract/index.ts';
import { Button } from '../../components/button.tsx';
import { Card } from '../../components/card.tsx';
import { FIELD } from '../../components/field.tsx';
import { FormRow, FormRows } from '../../components/form.tsx';
import { Failed, Problem } from '../../components/problem.tsx';
import { toast } from '../../components/toasts.tsx';
import { client } from '../../host.ts';
import { cn } from '../../lib/cn.ts';
import { engine, queryClient } from '../../lib/engine.ts';

/** The proxy on the way out, and what is reached without it. */
export function Network() {
  const { data, error, refetch } = useQuery(engine.network.status.queryOptions());
  return (
    <Card title="Network">
      {error !== null && !data && (
        <Problem title="The network cannot be asked about" error={error} onRetry={() => void refetch()} className="m-3" />
      )}
      {/* What is set elsewhere is shown here, too. */}
      {data && <NetworkForm key={JSON.stringify([data.proxy, data.noProxy, data.user])} status={data} />}
    </Card>
  );
}

function NetworkForm({ status }: { status: NetworkStatus }) {
  const kept = { proxy: status.proxy ?? '', without: status.noProxy?.join(', ') ?? '', user: status.user ?? '' };
  const [proxy, setProxy] = useState(kept.proxy);
  const [without, setWithout] = useState(kept.without);
  const [user, setUser] = useState(kept.user);
  const [password, setPassword] = useState('');
  const first = useRef<HTMLInputElement>(null);
  const isWanted = useLocation({ select: ({ hash }) => hash === 'network' });
  useEffect(() => {
    if (!isWanted) return;
    first.current?.focus({ preventScroll: true });
    first.current?.closest('section')?.scrollIntoView({ block: 'start' });
  }, [isWanted]);
  const set = useMutation({
    mutationFn: (next: Parameters<typeof client.network.set>[0]) => client.network.set(next),
    // The password must not outlive its way to the engine.
    gcTime: 0,
    onSuccess: (now) => {
      setPassword('');
      queryClient.setQueryData(engine.network.status.queryKey(), now);
      toast({
        title: now.proxy === null ? 'No proxy of your own is set' : 'The proxy is set',
        ...(now.user !== null && !now.lasting && { detail: 'This session has no keychain: the password is kept until Drawbridge stops.' }),
      });
    },
  });
  const isChanged = proxy.trim() !== kept.proxy || without.trim() !== kept.without || user.trim() !== kept.user || password !== '';
  // The one that is held is for the proxy and the user it was given for.
  const wantsPassword = user.trim() !== '' && password === '' && (user.trim() !== kept.user || proxy.trim() !== kept.proxy);
  const canSave = isChanged && proxy.trim() !== '' && !wantsPassword;
  const names = without.split(/[\s,]+/).filter((name) => name !== '');
  const save = (): void =>
    set.mutate({
      proxy: proxy.trim(),
      noProxy: names.length === 0 ? null : names,
      // A password that is not typed stays as it is held.
      ...(user.trim() === '' ? { login: null } : password !== '' && { login: { user: user.trim(), password } }),
    });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (canSave) save();
      }}
    >
      <FormRows>
        <FormRow title="Proxy" hint={hintOf(status)}>
          <input
            ref={first}
            aria-label="Address of the proxy"
            className={cn(FIELD, 'w-72 max-w-full')}
            placeholder="http://proxy.example.org:8080"
            autoComplete="off"
            spellCheck={false}
            value={proxy}
            aria-invalid={set.isError}
            onChange={(event) => setProxy(event.target.value)}
          />
        </FormRow>
        <FormRow
          title="Sign-in"
          hint={
            wantsPassword
              ? `Type the password of ${user.trim()} for this proxy.`
              : 'Where the proxy wants one. The password goes to the keychain, and to this proxy alone.'
          }
        >
          <div className="flex max-w-full flex-wrap justify-end gap-2">
            <input
              aria-label="User name for the proxy"
              className={cn(FIELD, 'w-32')}
              placeholder="User name"
              autoComplete="off"
              spellCheck={false}
              value={user}
              onChange={(event) => setUser(event.target.value)}
            />
            <input
              aria-label="Password for the proxy"
              type="password"
              className={cn(FIELD, 'w-38')}
              placeholder={status.user === null || wantsPassword ? 'Password' : 'Held'}
              autoComplete="off"
              value={password}
              onChange={(event) => setPassword(event.target.value)}
            />
          </div>
        </FormRow>
        <FormRow
          title="Reached without it"
          hint="Names with all below them, addresses and ranges. Empty: what NO_PROXY names. This machine always is."
        >
          <input
            aria-label="Hosts that are reached without the proxy"
            className={cn(FIELD, 'w-72 max-w-full')}
            placeholder="git.example.org, 10.0.0.0/8"
            autoComplete="off"
            spellCheck={false}
            value={without}
            onChange={(event) => setWithout(event.target.value)}
          />
        </FormRow>
      </FormRows>
      <div className="flex flex-wrap items-center justify-end gap-2 border-t px-3.5 py-2.5">
        <div role="status" className="mr-auto min-w-0">
          <Failed error={set.error} />
        </div>
        {status.proxy !== null && (
          <Button look="ghost" busy={set.isPending} onClick={() => set.mutate({ proxy: null, noProxy: null })}>
            Take the proxy away
          </Button>
        )}
        <Button type="submit" look="primary" busy={set.isPending} disabled={!canSave}>
          Save proxy
        </Button>
      </div>
    </form>
  );
}

function hintOf({ proxy, inForce, unusable, problem, refusal }: NetworkStatus): string {
  if (unusable !== null) return `What ${unusable} names is no proxy that Drawbridge can use, so connections go straight out.`;
  if (inForce === null) return 'Connections go straight out. Name the one that your company’s network wants.';
  if (refusal !== null) return refusal;
  if (proxy === null) return `${inForce.name} is in force, as ${inForce.from} says. One that is named here comes before it.`;
  if (problem !== null) return `In force. ${problem} So its password is not known.`;
  return 'In force, for providers, sign-ins, downloads and tunnels.';
}
