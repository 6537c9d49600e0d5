import { useMutation } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Zap } from 'lucide-react';
import type { Call } from '../../../../bridges/contract/index.ts';
import { Button } from '../../components/button.tsx';
import { BUTTON_LINK } from '../../components/button-link.ts';
import { CallStatus } from '../../components/call-bits.tsx';
import { Problem } from '../../components/problem.tsx';
import { client } from '../../host.ts';
import { bytes, duration } from '../../lib/format.ts';

/** One call to the practice model, made and shown here. It takes no account and leaves this machine nowhere. */
export function FirstCall({ onStart, onNext }: { onStart: () => void; onNext: () => void }) {
  const call = useMutation({ mutationFn: () => client.practice.call({}), onMutate: onStart });
  return (
    <div className="grid gap-4">
      <p className="text-muted">
        Drawbridge has a practice model built in. It needs no account, and nothing leaves this machine. One click sends it a question the
        way any program would: over the companion’s port, with a key, in a public format.
      </p>
      {call.data ? (
        <>
          <Made call={call.data} />
          <div className="flex flex-wrap gap-2">
            <Button look="primary" onClick={onNext}>
              Go on
            </Button>
            <Link to="/calls/$id" params={{ id: String(call.data.id) }} className={BUTTON_LINK}>
              See every side of this call
            </Link>
          </div>
        </>
      ) : (
        <>
          {call.isError && <Problem title="The practice call failed" error={call.error} onRetry={() => call.mutate()} />}
          <div>
            <Button look="primary" className="h-9 px-4 text-sm" busy={call.isPending} onClick={() => call.mutate()}>
              {!call.isPending && <Zap aria-hidden size={15} />}
              {call.isPending ? 'Calling…' : 'Make the first call'}
            </Button>
          </div>
        </>
      )}
    </div>
  );
}

function Made({ call }: { call: Call }) {
  const facts: [string, string][] = [
    ['First byte after', call.ttfbMs === null ? 'not stated' : duration(call.ttfbMs)],
    ['Done after', call.durationMs === null ? 'not stated' : duration(call.durationMs)],
    ['Reply', bytes(call.replyBytes)],
  ];
  return (
    <section aria-label="Your first call" className="rounded-lg border bg-raised">
      <ol aria-label="The way it took" className="flex flex-wrap items-center gap-y-2 px-4 py-3 text-xs">
        <Hop title="This window" note="as a client" />
        <Leg wire={call.wireIn ?? ''} />
        <Hop title="Companion" note={call.route ?? ''} />
        <Leg wire={call.wireOut ?? ''} />
        <Hop title="Practice model" note={call.modelUsed ?? ''} />
      </ol>
      <dl className="tnum flex flex-wrap items-center gap-x-6 gap-y-1 border-t px-4 py-2.5 text-xs">
        <div>
          <dt className="sr-only">Status</dt>
          <dd>
            <CallStatus call={call} />
          </dd>
        </div>
        {facts.map(([name, value]) => (
          <div key={name} className="flex gap-1.5">
            <dt className="text-muted">{name}</dt>
            <dd className="font-medium">{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function Hop({ title, note }: { title: string; note: string }) {
  return (
    <li className="rounded-md border bg-surface px-2.5 py-1">
      <p className="font-medium">{title}</p>
      <p className="text-2xs text-muted">{note}</p>
    </li>
  );
}

function Leg({ wire }: { wire: string }) {
  return (
    <li className="relative flex min-w-16 flex-1 justify-center text-2xs text-wire-chat">
      <span className="z-10 bg-raised px-1">{wire}</span>
      <span aria-hidden className="absolute inset-x-0 top-1/2 border-t border-line-strong" />
    </li>
  );
}
