import { useMutation } from '@tanstack/react-query';
import type { OfflineReplay, ReplayedFrame } from '../../../../../../bridges/contract/index.ts';
import { Button } from '../../../../components/button.tsx';
import { Failed } from '../../../../components/problem.tsx';
import { client } from '../../../../host.ts';
import { number } from '../../../../lib/format.ts';

/** Takes the kept answer through today's translator, and tells whether the client would get the same. Nothing is sent. */
export function TranslateAgain({ id }: { id: number }) {
  const run = useMutation({ mutationFn: () => client.replay.offline({ id }) });
  return (
    <section aria-label="Translate again" className="grid gap-2 border-t pt-4">
      <div className="flex items-center gap-3">
        <p className="mr-auto text-xs text-muted">
          This call was translated. Its kept answer can be translated again, without sending anything.
        </p>
        <Button busy={run.isPending} onClick={() => run.mutate()}>
          Translate again
        </Button>
      </div>
      <Failed error={run.error} />
      {run.data && <Outcome offline={run.data} />}
    </section>
  );
}

function Outcome({ offline: { same, now, recorded, firstDifference } }: { offline: OfflineReplay }) {
  if (same || firstDifference === null) {
    return (
      <p role="status" className="text-xs text-ok">
        The client would get today what it got then.
      </p>
    );
  }
  return (
    <div role="status" className="grid gap-2 text-xs">
      <p className="text-warn">The client would get something else today, from frame {number(firstDifference + 1)} on.</p>
      <div className="grid gap-2 min-[760px]:grid-cols-2">
        <Frame title="Then" frame={recorded[firstDifference]} />
        <Frame title="Now" frame={now[firstDifference]} />
      </div>
    </div>
  );
}

function Frame({ title, frame }: { title: string; frame: ReplayedFrame | undefined }) {
  return (
    <div className="min-w-0">
      <h3 className="pb-1 font-semibold">{title}</h3>
      <pre
        tabIndex={0}
        className="max-h-40 overflow-y-auto rounded-md border bg-sunken px-3 py-2 font-mono text-2xs [overflow-wrap:anywhere] whitespace-pre-wrap"
      >
        {frame === undefined ? 'Nothing: the answer had ended.' : `${frame.event ?? 'message'}\n${frame.data}`}
      </pre>
    </div>
  );
}
