import type { CallDetail } from '../../../../../bridges/contract/index.ts';
import { bytes, duration, NOT_STATED, number } from '../../../lib/format.ts';
import { Fact, Group } from './facts.tsx';

/** When it happened, how much it was, and what the reply said it used. What nobody stated is said to be so. */
export function TimingTab({ detail }: { detail: CallDetail }) {
  const { call, timeline } = detail;
  const { usage } = call;
  return (
    <div
      tabIndex={0}
      role="region"
      aria-label="Timing"
      className="grid min-h-0 flex-1 content-start gap-5 overflow-y-auto px-4 py-4 focus-visible:-outline-offset-2"
    >
      <Bar ttfbMs={call.ttfbMs} durationMs={call.durationMs} />
      <Group title="Time">
        <Fact name="First byte of the reply" value={call.ttfbMs} show={duration} />
        <Fact name="Duration" value={call.durationMs} show={duration} unknown={call.state === 'open' ? 'still running' : NOT_STATED} />
        <Fact name="Longest silence in the reply" value={longestSilence(timeline)} show={duration} unknown="not measured" />
        <Fact name="Chunks" value={timeline.length === 0 ? null : timeline.length} show={number} unknown="not measured" />
      </Group>
      <Group title="Size">
        <Fact name="Request body" value={call.requestBytes} show={bytes} />
        <Fact name="Reply body" value={call.replyBytes} show={bytes} />
      </Group>
      <Group title="Tokens, as the reply stated them">
        <Fact name="Input" value={usage?.input} show={number} />
        <Fact name="of it read from cache" value={usage?.cached} show={number} inner />
        <Fact name="of it written to cache" value={usage?.cacheWrite} show={number} inner />
        <Fact name="Output" value={usage?.output} show={number} />
        <Fact name="of it reasoning" value={usage?.reasoning} show={number} inner />
      </Group>
    </div>
  );
}

function Bar({ ttfbMs, durationMs }: { ttfbMs: number | null; durationMs: number | null }) {
  if (ttfbMs === null || durationMs === null || durationMs <= 0) return null;
  const waiting = Math.min(100, (ttfbMs / durationMs) * 100);
  return (
    <div aria-hidden className="grid gap-1.5">
      <div className="flex h-2.5 gap-px overflow-hidden rounded-full bg-sunken">
        <div className="bg-line-strong" style={{ width: `${waiting}%` }} />
        <div className="flex-1 bg-accent" />
      </div>
      <div className="flex justify-between text-2xs text-faint">
        <span className="flex items-center gap-1.5">
          <span className="size-2 rounded-full bg-line-strong" />
          waiting {duration(ttfbMs)}
        </span>
        <span className="flex items-center gap-1.5">
          <span className="size-2 rounded-full bg-accent" />
          replying {duration(Math.max(0, durationMs - ttfbMs))}
        </span>
      </div>
    </div>
  );
}

/** The longest wait between two chunks; null where fewer than two were timed. */
function longestSilence(timeline: CallDetail['timeline']): number | null {
  let longest: number | null = null;
  for (let at = 1; at < timeline.length; at += 1) {
    const gap = (timeline[at]?.[1] ?? 0) - (timeline[at - 1]?.[1] ?? 0);
    if (longest === null || gap > longest) longest = gap;
  }
  return longest;
}
