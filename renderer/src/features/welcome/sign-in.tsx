import { useQuery } from '@tanstack/react-query';
import { Badge } from '../../components/badge.tsx';
import { BUTTON_LINK } from '../../components/button-link.ts';
import { Problem } from '../../components/problem.tsx';
import { StatusDot } from '../../components/status-dot.tsx';
import { engine } from '../../lib/engine.ts';
import { PlaceLink } from '../../shell/place-link.tsx';

/** Which subscriptions can be used, each with the standing of its routes. */
export function SignIn() {
  const { data: bridges, error, refetch } = useQuery(engine.bridges.list.queryOptions({ input: {} }));
  return (
    <div className="grid gap-4">
      <p className="text-muted">
        A bridge lets your tools use a subscription you pay for. You sign in once; the sign-in stays in this machine’s keychain. Before you
        do, you are told what the provider’s terms say about it.
      </p>
      {error !== null && !bridges && <Problem title="The bridges cannot be read" error={error} onRetry={() => void refetch()} />}
      {bridges && bridges.length > 0 && (
        <ul className="divide-y rounded-lg border bg-raised">
          {bridges.map((bridge) => (
            <li key={bridge.name} className="flex flex-wrap items-center gap-x-3 gap-y-2 px-4 py-3">
              <StatusDot tone={bridge.state === 'ready' ? 'ok' : 'idle'} />
              <div className="min-w-0 flex-1 basis-56">
                <p className="font-medium">{bridge.label}</p>
                <p className="text-xs text-muted">{bridge.state === 'ready' ? 'Signed in.' : (bridge.reason ?? 'Not signed in yet.')}</p>
              </div>
              <span className="flex flex-wrap gap-1">
                {bridge.routes.map((route) => (
                  <Badge key={route.name} tone={route.standing === 'official' ? 'neutral' : 'warn'} title={route.terms}>
                    {route.label}: {route.standing}
                  </Badge>
                ))}
              </span>
            </li>
          ))}
        </ul>
      )}
      <div className="flex flex-wrap gap-2">
        <PlaceLink to="/bridges" className={BUTTON_LINK}>
          Go to the bridges
        </PlaceLink>
      </div>
      <p className="text-xs text-faint">
        No subscription here? Your tools can still pass through with their own sign-in, and every call is shown.
      </p>
    </div>
  );
}
