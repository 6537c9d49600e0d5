import { Link } from '@tanstack/react-router';
import type { Call, Listener } from '../../../../bridges/contract/index.ts';
import { CallStatus, ModelName, UpstreamName, WirePath } from '../../components/call-bits.tsx';
import { Card } from '../../components/card.tsx';
import { Problem } from '../../components/problem.tsx';
import { TryCommand } from '../../components/try-command.tsx';
import type { CallFeed, FeedView } from '../../lib/call-feed.ts';
import { duration, fullTime, time } from '../../lib/format.ts';

const SHOWN = 8;

/** The last few calls; a click opens one. */
export function RecentCalls({ feed, view, listeners }: { feed: CallFeed; view: FeedView; listeners: readonly Listener[] }) {
  return (
    <Card
      title="Last calls"
      actions={
        <Link to="/calls" className="rounded px-1 text-xs text-accent hover:underline">
          All calls
        </Link>
      }
    >
      {view.phase === 'failed' && (
        <Problem title="The calls cannot be read" error={view.error} onRetry={() => void feed.refresh()} className="m-3" />
      )}
      {view.phase === 'ready' && view.rows.length === 0 && (
        <div className="grid grid-cols-[minmax(0,1fr)] gap-2 px-3.5 py-4">
          <p className="text-muted">No call has come yet. Press “Try it” above, or run this:</p>
          <TryCommand listeners={listeners} />
        </div>
      )}
      {view.rows.length > 0 && (
        <ul className="divide-y">
          {view.rows.slice(0, SHOWN).map((call) => (
            <RecentCall key={call.id} call={call} />
          ))}
        </ul>
      )}
    </Card>
  );
}

function RecentCall({ call }: { call: Call }) {
  return (
    <li>
      <Link
        to="/calls/$id"
        params={{ id: String(call.id) }}
        className="grid h-8 grid-cols-[4.5rem_8rem_minmax(8rem,1fr)_8rem_9.5rem_9.5rem_4.5rem] items-center gap-3 px-3.5 text-xs hover:bg-hover focus-visible:-outline-offset-2 max-[1080px]:grid-cols-[4.5rem_8rem_minmax(8rem,1fr)_7rem_9.5rem] max-[760px]:grid-cols-[4.5rem_minmax(0,1fr)_9.5rem]"
      >
        <span className="tnum text-faint" title={fullTime(call.startedAt)}>
          {time(call.startedAt)}
        </span>
        <span className="truncate max-[760px]:hidden">{call.client}</span>
        <span className="truncate font-medium">
          <ModelName call={call} />
        </span>
        <span className="truncate text-muted max-[760px]:hidden">
          <UpstreamName call={call} />
        </span>
        <span className="truncate max-[1080px]:hidden">
          <WirePath call={call} />
        </span>
        <CallStatus call={call} />
        <span className="tnum text-right text-muted max-[1080px]:hidden">
          {call.durationMs === null ? <span className="sr-only">running</span> : duration(call.durationMs)}
        </span>
      </Link>
    </li>
  );
}
