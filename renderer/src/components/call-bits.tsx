import type { Call, WireFormat } from '../../../bridges/contract/index.ts';
import { outcomeOf } from '../lib/call-filter.ts';
import { statusWords } from '../lib/format.ts';
import { Badge, PracticeBadge } from './badge.tsx';
import { StatusDot, type DotTone } from './status-dot.tsx';

/** The upstream that is built in and calls no provider. */
export const PRACTICE = 'practice';

const WIRE_TONES: Readonly<Record<WireFormat, string>> = {
  chat: 'text-wire-chat',
  responses: 'text-wire-responses',
  messages: 'text-wire-messages',
};

/** A wire format in its own colour. */
export function Wire({ wire }: { wire: WireFormat }) {
  return <span className={WIRE_TONES[wire]}>{wire}</span>;
}

/** `messages → chat` where the call was translated, else the one format. */
export function WirePath({ call }: { call: Call }) {
  if (call.wireIn === null) return <Unstated />;
  if (call.wireOut === null || call.wireOut === call.wireIn) return <Wire wire={call.wireIn} />;
  return (
    <>
      <Wire wire={call.wireIn} />
      <span className="text-faint"> → </span>
      <Wire wire={call.wireOut} />
    </>
  );
}

/** Stands for what the other side did not say. */
export function Unstated() {
  return (
    <span role="img" aria-label="not stated" title="not stated" className="text-faint">
      –
    </span>
  );
}

/** The model asked for, and the one that answered where it is another. */
export function ModelName({ call }: { call: Call }) {
  const { modelRequested: requested, modelUsed: used } = call;
  if (requested === null && used === null) return <Unstated />;
  if (requested === null || used === null || used === requested) return <>{requested ?? used}</>;
  return (
    <>
      {requested}
      <span className="text-faint"> → {used}</span>
    </>
  );
}

/** The upstream, marked where it was only practice. */
export function UpstreamName({ call }: { call: Call }) {
  if (call.upstream === null) return <Unstated />;
  return call.upstream === PRACTICE ? <PracticeBadge /> : <>{call.upstream}</>;
}

/** How a call stands: a colour, the status and its words, and whether it was cut. */
export function CallStatus({ call }: { call: Call }) {
  if (call.state === 'open') {
    return (
      <span className="whitespace-nowrap text-accent">
        <StatusDot tone="accent" breathing className="mr-1.5 inline-block" />
        Running
      </span>
    );
  }
  const isCut = call.cut || call.state === 'cut';
  const tone: DotTone = isCut ? 'warn' : outcomeOf(call) === 'ok' ? 'ok' : 'bad';
  return (
    <span className={tone === 'bad' ? 'whitespace-nowrap text-bad' : 'whitespace-nowrap'} title={call.error ?? undefined}>
      <StatusDot tone={tone} className="mr-1.5 inline-block" />
      {call.status !== null && <span className="tnum mr-1.5">{call.status}</span>}
      {isCut ? (
        <Badge tone="warn" title="The reply ended before it was complete.">
          cut
        </Badge>
      ) : (
        call.status !== null && <span className={tone === 'bad' ? undefined : 'text-faint'}>{statusWords(call.status)}</span>
      )}
    </span>
  );
}
