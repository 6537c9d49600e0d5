import { diffLines } from 'diff';
import { useMemo, useState } from 'react';
import { cn } from '../../../lib/cn.ts';
import { plural } from '../../../lib/format.ts';

type Line = { sign: '+' | '-' | ' '; text: string };

/** Lines of what stayed the same that are shown around each change. */
const AROUND = 3;
const MOST_LINES = 400;

/** Two texts as one, line by line: what was taken out, what was put in. Loaded on demand. */
export default function DiffView({ before, after, label }: { before: string; after: string; label: string }) {
  const lines = useMemo(() => changedLines(before, after), [before, after]);
  return <DiffLines lines={lines} label={label} />;
}

/** A patch as a client's tool writes it. */
export function PatchView({ patch, label }: { patch: string; label: string }) {
  const lines = useMemo(
    () =>
      patch.split('\n').map((text): Line => {
        const sign = text[0];
        return sign === '+' || sign === '-' ? { sign, text: text.slice(1) } : { sign: ' ', text };
      }),
    [patch],
  );
  return <DiffLines lines={lines} label={label} />;
}

function DiffLines({ lines, label }: { lines: readonly Line[]; label: string }) {
  const [showsAll, setShowsAll] = useState(false);
  const shown = showsAll ? lines : lines.slice(0, MOST_LINES);
  return (
    <div role="group" aria-label={label} className="-mx-2.5 -my-1.5 overflow-hidden py-1 font-mono text-xs leading-[18px]">
      {shown.map(({ sign, text }, index) => (
        <div
          // Lines have no identity but their place, and never move.
          // oxlint-disable-next-line react/no-array-index-key
          key={index}
          className={cn(
            'grid grid-cols-[1.5rem_minmax(0,1fr)] px-1.5 whitespace-pre-wrap [overflow-wrap:anywhere]',
            sign === '+' && 'bg-ok-soft',
            sign === '-' && 'bg-bad-soft',
          )}
        >
          <span className={cn('text-center select-none', sign === '+' ? 'text-ok' : sign === '-' ? 'text-bad' : 'text-faint')}>{sign}</span>
          <span>{text === '' ? ' ' : text}</span>
        </div>
      ))}
      {shown.length < lines.length && (
        <button type="button" onClick={() => setShowsAll(true)} className="px-3 font-sans text-xs text-accent hover:underline">
          Show {plural(lines.length - shown.length, 'more line')}
        </button>
      )}
    </div>
  );
}

function changedLines(before: string, after: string): Line[] {
  const lines: Line[] = [];
  const parts = diffLines(before, after);
  for (const [at, part] of parts.entries()) {
    const texts = part.value.replace(/\n$/, '').split('\n');
    const sign = part.added ? '+' : part.removed ? '-' : ' ';
    const isEdge = at === 0 || at === parts.length - 1;
    if (sign !== ' ' || texts.length <= (isEdge ? AROUND : 2 * AROUND) + 1) {
      for (const text of texts) lines.push({ sign, text });
      continue;
    }
    const head = at === 0 ? [] : texts.slice(0, AROUND);
    const tail = at === parts.length - 1 ? [] : texts.slice(-AROUND);
    lines.push(...head.map((text): Line => ({ sign: ' ', text })));
    lines.push({ sign: ' ', text: `… ${plural(texts.length - head.length - tail.length, 'line')} as before` });
    lines.push(...tail.map((text): Line => ({ sign: ' ', text })));
  }
  return lines;
}
