import type { ReactNode } from 'react';
import type { Call, WireFormat } from '../../../../../bridges/contract/index.ts';
import { PRACTICE, Wire } from '../../../components/call-bits.tsx';
import { cn } from '../../../lib/cn.ts';

/** The way this call took: who called, which rule sent it on, and who answered. */
export function Way({ call }: { call: Call }) {
  const reached = call.upstream !== null;
  return (
    <ol aria-label="The way of this call" className="flex items-stretch text-xs">
      <Hop
        title={[call.client, call.clientVersion].filter((part) => part !== null).join(' ')}
        note={call.caller === null ? 'no client key' : call.caller}
      />
      <Leg wire={call.wireIn} />
      <Hop title="Companion" note={call.route ?? 'no route'} />
      <Leg wire={call.wireOut} broken={!reached} />
      <Hop
        title={call.upstream === null ? 'Not sent on' : call.upstream === PRACTICE ? 'Practice' : call.upstream}
        note={reached ? (call.modelUsed ?? call.modelRequested ?? 'model not stated') : 'answered by the companion'}
        faint={!reached}
      />
    </ol>
  );
}

function Hop({ title, note, faint = false }: { title: string; note: ReactNode; faint?: boolean }) {
  return (
    <li className={cn('min-w-0 flex-[0_1_auto] rounded-md border px-2.5 py-1', faint && 'border-dashed')}>
      <p className={cn('truncate font-medium', faint && 'text-muted')}>{title}</p>
      <p className="truncate text-2xs text-faint">{note}</p>
    </li>
  );
}

function Leg({ wire, broken = false }: { wire: WireFormat | null; broken?: boolean }) {
  return (
    <li className="relative flex min-w-16 flex-1 flex-col items-center justify-center text-2xs">
      <span className="z-10 bg-surface px-1">{wire === null ? <span className="text-faint">–</span> : <Wire wire={wire} />}</span>
      <span aria-hidden className={cn('absolute inset-x-0 top-1/2 border-t', broken ? 'border-dashed' : 'border-line-strong')} />
    </li>
  );
}
