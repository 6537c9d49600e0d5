import { useMemo, type MouseEvent } from 'react';
import { bytes, duration, plural } from '../../../lib/format.ts';
import type { SseFrame } from '../../../lib/sse.ts';

const BINS = 160;
const HEIGHT = 36;

type Bin = { bytes: number; frames: number; first: number };

/** When the reply came, and how much of it: a bar for each stretch of time. A click shows what came then. */
export function TimeAxis({
  frames,
  durationMs,
  onPick,
}: {
  frames: readonly SseFrame[];
  durationMs: number | null;
  /** Takes the index of the frame that was picked. */
  onPick: (index: number) => void;
}) {
  const lastMs = Math.max(durationMs ?? 0, frames.at(-1)?.atMs ?? 0);
  const bins = useMemo(() => binsOf(frames, lastMs), [frames, lastMs]);
  const timed = frames.filter(({ atMs }) => atMs !== null).length;
  if (timed === 0 || lastMs <= 0) return null;
  const most = Math.max(...bins.map((bin) => bin.bytes));
  const sum = frames.reduce((total, frame) => total + frame.bytes, 0);
  const pick = (event: MouseEvent<SVGSVGElement>): void => {
    const box = event.currentTarget.getBoundingClientRect();
    const at = Math.floor(((event.clientX - box.left) / box.width) * BINS);
    const bin = bins.findLast((one, index) => index <= at && one.frames > 0) ?? bins.find((one) => one.frames > 0);
    if (bin !== undefined) onPick(bin.first);
  };
  return (
    <figure className="shrink-0 border-b px-4 pt-3 pb-1.5">
      <svg
        role="img"
        aria-label={`${plural(frames.length, 'frame')} of ${bytes(sum)} in all, over ${duration(lastMs)}`}
        viewBox={`0 0 ${BINS} ${HEIGHT}`}
        preserveAspectRatio="none"
        onClick={pick}
        className="block h-9 w-full overflow-visible"
      >
        <rect x={0} y={HEIGHT - 0.5} width={BINS} height={0.5} className="fill-line-strong" />
        {bins.map((bin, at) => {
          if (bin.frames === 0) return null;
          const height = Math.max(2, (bin.bytes / most) * HEIGHT);
          return (
            // Bars have no identity but their place in time.
            // oxlint-disable-next-line react/no-array-index-key
            <rect key={at} x={at + 0.1} y={HEIGHT - height} width={0.8} height={height} className="fill-accent">
              <title>{`${duration((at / BINS) * lastMs)}: ${plural(bin.frames, 'frame')}, ${bytes(bin.bytes)}`}</title>
            </rect>
          );
        })}
      </svg>
      <figcaption aria-hidden className="tnum mt-1 flex justify-between text-2xs text-faint">
        <span>0</span>
        <span>{duration(lastMs / 2)}</span>
        <span>{duration(lastMs)}</span>
      </figcaption>
    </figure>
  );
}

function binsOf(frames: readonly SseFrame[], lastMs: number): Bin[] {
  const bins = Array.from({ length: BINS }, (): Bin => ({ bytes: 0, frames: 0, first: -1 }));
  for (const [index, { atMs, bytes: size }] of frames.entries()) {
    if (atMs === null) continue;
    const bin = bins[Math.min(BINS - 1, Math.floor((atMs / lastMs) * BINS))];
    if (bin === undefined) continue;
    if (bin.frames === 0) bin.first = index;
    bin.bytes += size;
    bin.frames += 1;
  }
  return bins;
}
