import { ChevronRight } from 'lucide-react';
import { useLayoutEffect, useMemo, useRef, useState, type KeyboardEvent } from 'react';
import type { CallDetail } from '../../../../../bridges/contract/index.ts';
import { CopyButton } from '../../../components/copy-button.tsx';
import { Segmented } from '../../../components/segmented.tsx';
import { cn } from '../../../lib/cn.ts';
import { bytes, number, plural } from '../../../lib/format.ts';
import { useVirtualRows } from '../../../lib/virtual-rows.ts';
import { FRAME_LIMIT, sseFrames, type SseFrame } from '../../../lib/sse.ts';
import { Nothing, PartNotice, type LoadAll } from './body-view.tsx';
import { CodeText, linesOf } from './code-text.tsx';
import { prettyJson } from './json.ts';
import { TimeAxis } from './time-axis.tsx';

const LONGEST_FRAME = 20_000;
const PREVIEW = 400;
const ENCODED = new Set(['content-encoding', 'x-drawbridge-decoded']);

/** The reply as it streamed: each frame with the time it came, or the raw text. */
export function StreamTab({ detail: { call, client, timeline }, ...load }: { detail: CallDetail } & LoadAll) {
  const [form, setForm] = useState<'frames' | 'raw'>('frames');
  const { body } = client.reply;
  const text = body?.encoding === 'utf8' ? body.content : '';
  // The times are of bytes on the wire, which are not these where the reply was encoded.
  const wasEncoded = client.reply.headers.some(([name]) => ENCODED.has(name.toLowerCase()));
  const frames = useMemo(
    () => (call.streamed ? sseFrames(text, wasEncoded ? [] : timeline) : []),
    [call.streamed, text, timeline, wasEncoded],
  );
  if (!call.streamed) return <Nothing>This reply was not streamed: it came in one piece.</Nothing>;
  if (body === null) return <Nothing>No body was kept of the reply.</Nothing>;
  return (
    <>
      <div className="flex min-h-10 shrink-0 items-center gap-2 border-b px-4">
        <span className="tnum mr-auto text-xs text-faint">
          {plural(frames.length, 'frame')}
          {wasEncoded && timeline.length > 0 && ' (the reply came packed: when each of them came is not known)'}
          {frames.length >= FRAME_LIMIT && ` (the first ${number(FRAME_LIMIT)}; the raw text holds all)`}
        </span>
        <Segmented
          label="Form"
          value={form}
          options={[
            { value: 'frames', label: 'Frames' },
            { value: 'raw', label: 'Raw' },
          ]}
          onChange={setForm}
        />
        <CopyButton text={text} label="Copy the raw stream" />
      </div>
      <PartNotice body={body} {...load} />
      {form === 'raw' ? (
        <CodeText lines={linesOf(text)} json={false} label="Raw stream" />
      ) : (
        <Frames frames={frames} durationMs={call.durationMs} />
      )}
    </>
  );
}

function Frames({ frames, durationMs }: { frames: readonly SseFrame[]; durationMs: number | null }) {
  const [open, setOpen] = useState<ReadonlySet<number>>(new Set());
  const scroller = useRef<HTMLDivElement>(null);
  const virtualizer = useVirtualRows({ count: frames.length, getScrollElement: () => scroller.current, rowHeight: 26 });
  const toggle = (index: number): void => {
    const next = new Set(open);
    if (!next.delete(index)) next.add(index);
    setOpen(next);
  };

  // A stream has thousands of frames: Tab stops at one of them, and arrows go on from there.
  const [current, setCurrent] = useState(0);
  const wanted = useRef<number | null>(null);
  const items = virtualizer.getVirtualItems();
  const stop = items.some(({ index }) => index === current) ? current : items[0]?.index;
  useLayoutEffect(() => {
    if (wanted.current === null) return;
    const button = scroller.current?.querySelector<HTMLElement>(`[data-index="${wanted.current}"] > button`);
    if (!button) return;
    wanted.current = null;
    button.focus({ preventScroll: true });
  });
  const goOn = (event: KeyboardEvent): void => {
    const last = frames.length - 1;
    const next = { ArrowDown: current + 1, ArrowUp: current - 1, Home: 0, End: last }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    wanted.current = Math.max(0, Math.min(last, next));
    setCurrent(wanted.current);
    virtualizer.scrollToIndex(wanted.current);
  };
  return (
    <>
      <TimeAxis frames={frames} durationMs={durationMs} onPick={(index) => virtualizer.scrollToIndex(index, { align: 'start' })} />
      <div ref={scroller} className="min-h-0 flex-1 overflow-y-auto">
        <ol aria-label="Frames" data-arrows className="relative" style={{ height: virtualizer.getTotalSize() }} onKeyDown={goOn}>
          {items.map(({ index, start, key }) => {
            const frame = frames[index];
            return (
              frame && (
                <li
                  key={key}
                  ref={virtualizer.measureElement}
                  data-index={index}
                  aria-posinset={index + 1}
                  aria-setsize={frames.length}
                  className="absolute inset-x-0 border-b border-line/60"
                  style={{ top: start }}
                >
                  <Frame
                    frame={frame}
                    before={frames[index - 1]}
                    open={open.has(index)}
                    isStop={index === stop}
                    onFocus={() => setCurrent(index)}
                    onToggle={() => toggle(index)}
                  />
                </li>
              )
            );
          })}
        </ol>
      </div>
    </>
  );
}

function Frame({
  frame,
  before,
  open,
  isStop,
  onFocus,
  onToggle,
}: {
  frame: SseFrame;
  /** The frame that came before, where there is one. */
  before: SseFrame | undefined;
  open: boolean;
  /** True where Tab stops at it. */
  isStop: boolean;
  onFocus: () => void;
  onToggle: () => void;
}) {
  return (
    <>
      <button
        type="button"
        aria-expanded={open}
        tabIndex={isStop ? 0 : -1}
        onFocus={onFocus}
        onClick={onToggle}
        className="grid h-[25px] w-full grid-cols-[0.875rem_4.5rem_minmax(0,auto)_minmax(0,1fr)_4rem] items-center gap-2 px-4 text-left font-mono text-2xs hover:bg-hover focus-visible:-outline-offset-2"
      >
        <ChevronRight aria-hidden size={12} className={cn('text-faint', open && 'rotate-90')} />
        <span className="tnum text-faint">{frame.atMs === null ? 'no time' : `${number(Math.round(frame.atMs))} ms`}</span>
        <span className="max-w-56 truncate text-wire-responses">{frame.event}</span>
        <span className="truncate">{preview(frame, before)}</span>
        <span className="tnum text-right text-faint">{bytes(frame.bytes)}</span>
      </button>
      {open && <FrameText frame={frame} />}
    </>
  );
}

/**
 * One line of the frame. Frames repeat most of the one before: what both begin with is left out, back to the field in
 * which they part, or all one could see of a stream would be its envelope.
 */
function preview({ data, raw }: SseFrame, before: SseFrame | undefined): string {
  if (data === '') return raw.slice(0, PREVIEW);
  const other = before?.data ?? '';
  let same = 0;
  while (same < data.length && data[same] === other[same]) same += 1;
  const field = Math.max(data.lastIndexOf(',"', same - 1), data.lastIndexOf('{"', same - 1)) + 1;
  return field > 1 ? `… ${data.slice(field, field + PREVIEW)}` : data.slice(0, PREVIEW);
}

function FrameText({ frame }: { frame: SseFrame }) {
  const text = (frame.data === '' ? frame.raw : prettyJson(frame.data)) ?? frame.data;
  return (
    <div className="relative bg-sunken">
      <pre className="py-2 pr-10 pl-[38px] font-mono text-2xs leading-4 whitespace-pre-wrap [overflow-wrap:anywhere]">
        {text.slice(0, LONGEST_FRAME)}
        {text.length > LONGEST_FRAME && <span className="text-faint">… the raw form holds the rest</span>}
      </pre>
      <CopyButton text={frame.raw} label="Copy the frame" className="absolute top-1 right-3" />
    </div>
  );
}
