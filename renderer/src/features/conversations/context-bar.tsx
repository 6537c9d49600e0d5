import type { ContextParts } from '../../../../bridges/contract/index.ts';
import { cn } from '../../lib/cn.ts';
import { bytes } from '../../lib/format.ts';
import { contextWords, PARTS, sizeOf } from './kinds.ts';

/** What a request is made of, as a bar. `most` is the bytes that fill it; without, the request itself does. */
export function ContextBar({ context, most, className }: { context: ContextParts | null; most?: number; className?: string }) {
  if (context === null) return <span className="text-faint">not readable</span>;
  const all = Math.max(1, most ?? sizeOf(context));
  return (
    <svg
      role="img"
      aria-label={contextWords(context)}
      viewBox={`0 0 ${all} 1`}
      preserveAspectRatio="none"
      className={cn('block h-2 w-full rounded-sm bg-sunken', className)}
    >
      <title>{contextWords(context)}</title>
      <Segments context={context} />
    </svg>
  );
}

function Segments({ context }: { context: ContextParts }) {
  let x = 0;
  return PARTS.map(({ key, fill }) => {
    const at = x;
    x += context[key];
    return <rect key={key} x={at} y={0} width={context[key]} height={1} className={fill} />;
  });
}

/** What the colours of the bar stand for; with a request, how much of each there is. */
export function ContextLegend({ context }: { context?: ContextParts | null }) {
  const all = context ? Math.max(1, sizeOf(context)) : 1;
  return (
    <ul aria-label="Parts of a request" className="tnum flex flex-wrap gap-x-4 gap-y-1 text-2xs text-muted">
      {PARTS.map(({ key, label, background }) => (
        <li key={key} className="flex items-center gap-1.5">
          <span aria-hidden className={cn('size-2 rounded-xs', background)} />
          {label}
          {context && (
            <span className="text-faint">
              {bytes(context[key])} · {Math.round((100 * context[key]) / all)} %
            </span>
          )}
        </li>
      ))}
    </ul>
  );
}
