import { useState } from 'react';
import type { CallDetail } from '../../../../../bridges/contract/index.ts';
import { PRACTICE } from '../../../components/call-bits.tsx';
import { Segmented } from '../../../components/segmented.tsx';
import { BodyView, Nothing, type LoadAll } from './body-view.tsx';

/** What the upstream got and sent, where that is not what the client sent and got. */
export function UpstreamTab({ detail: { call, upstream }, ...load }: { detail: CallDetail } & LoadAll) {
  const [side, setSide] = useState<'request' | 'reply'>('request');
  if (call.upstream === null) return <Nothing>This call was not sent on: the companion answered it.</Nothing>;
  if (upstream === null && call.upstream === PRACTICE) return <Nothing>The practice model is built in: nothing left this machine.</Nothing>;
  if (upstream === null) {
    return (
      <Nothing>
        The bytes went through untouched. {call.upstream} got the client’s request as it was, and the client got its reply as it came.
      </Nothing>
    );
  }
  return (
    <>
      <div className="flex min-h-10 shrink-0 items-center border-b px-4">
        <Segmented
          label="Side"
          value={side}
          options={[
            { value: 'request', label: `Request to ${call.upstream}` },
            { value: 'reply', label: `Reply from ${call.upstream}` },
          ]}
          onChange={setSide}
        />
      </div>
      <BodyView key={side} message={upstream[side]} what={side === 'request' ? 'upstream’s request' : 'upstream’s reply'} {...load} />
    </>
  );
}
