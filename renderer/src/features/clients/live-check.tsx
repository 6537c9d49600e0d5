import { Link } from '@tanstack/react-router';
import { ArrowRight } from 'lucide-react';
import { useEffect, useState } from 'react';
import type { Call, KnownClient } from '../../../../bridges/contract/index.ts';
import { CallStatus, ModelName } from '../../components/call-bits.tsx';
import { StatusDot } from '../../components/status-dot.tsx';
import { engine, queryClient } from '../../lib/engine.ts';
import { ago, time } from '../../lib/format.ts';
import { onCalls } from '../../lib/live.ts';

/** Watches for this client's next call, and says the moment it arrives. */
export function LiveCheck({ client }: { client: KnownClient }) {
  const { client: name, label, lastCall } = client;
  const arrived = useNewestCall(name);
  return (
    <section aria-label={`Calls of ${label}`} aria-live="polite" className="rounded-md border bg-sunken px-3.5 py-2.5 text-xs">
      {arrived ? (
        <p className="flex flex-wrap items-center gap-x-3 gap-y-1">
          <strong className="font-semibold text-ok">A call arrived</strong>
          <span className="tnum text-muted">{time(arrived.startedAt)}</span>
          <CallStatus call={arrived} />
          <span className="truncate text-muted">
            <ModelName call={arrived} />
          </span>
          <OpenCall id={arrived.id} />
        </p>
      ) : (
        <p className="flex flex-wrap items-center gap-x-2.5 gap-y-1">
          <StatusDot tone="accent" breathing />
          <span>
            Waiting for {lastCall === null ? 'the first' : 'the next'} call of {label}.
          </span>
          {lastCall !== null && (
            <>
              <span className="text-muted">Its last one came {ago(lastCall.at)}.</span>
              <OpenCall id={lastCall.id} />
            </>
          )}
        </p>
      )}
      {!arrived && lastCall === null && (
        <details className="mt-1.5 text-muted">
          <summary className="w-fit rounded text-accent select-none hover:underline">Nothing arrives?</summary>
          <ul className="mt-1.5 grid list-disc gap-1 pl-4 marker:text-faint">
            <li>Restart the program: most read their settings once, at start.</li>
            <li>The address begins with http, not https, and with 127.0.0.1, not localhost.</li>
            <li>The variables must be set in the very terminal, or start file, that the program is started from.</li>
            <li>A proxy in HTTP_PROXY must not be used for 127.0.0.1: add it to NO_PROXY.</li>
            <li>A call that is refused for its key arrives too, with the status 401.</li>
          </ul>
        </details>
      )}
    </section>
  );
}

function OpenCall({ id }: { id: number }) {
  return (
    <Link
      to="/calls/$id"
      params={{ id: String(id) }}
      className="ml-auto inline-flex items-center gap-1 rounded text-accent hover:underline"
    >
      Open call {id}
      <ArrowRight aria-hidden size={12} />
    </Link>
  );
}

/** The newest call of a client that began while this is shown. */
function useNewestCall(client: string): Call | null {
  const [call, setCall] = useState<Call | null>(null);
  useEffect(() => {
    const since = Date.now();
    return onCalls({
      changed: (calls) => {
        const newest = calls.filter((one) => one.client === client && Date.parse(one.startedAt) >= since - CLOCK_SLACK_MS).at(-1);
        if (!newest) return;
        setCall((held) => (held === null || newest.id >= held.id ? newest : held));
        if (newest.state !== 'open') void queryClient.invalidateQueries({ queryKey: engine.clients.list.key() });
      },
    });
  }, [client]);
  return call;
}

/** Rows are stamped by the engine when their head came in; one may have begun just before this was shown. */
const CLOCK_SLACK_MS = 1000;
