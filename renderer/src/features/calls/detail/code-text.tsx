import { memo, useEffect, useMemo, useRef, type RefObject } from 'react';
import { cn } from '../../../lib/cn.ts';
import { useVirtualRows } from '../../../lib/virtual-rows.ts';
import { withRedacted } from './redacted.tsx';

const LINE_HEIGHT = 18;
/** A line longer than this is laid out in pieces: one line of a megabyte would stop the window. */
const PIECE = 2000;
/** Up to here the text stands in the document whole, where it can be searched and selected. */
const WHOLE_CHARS = 60_000;
const WHOLE_LINES = 800;
/** Pieces of one line that are offered: an image of megabytes is of no use as text. */
const MOST_PIECES = 60;

/** A line, or a piece of one; `at` is the line's number, from 0. */
type Piece = { text: string; at: number; note?: string };

/** A line that is to be brought into sight; a new object for each wish. */
export type GoTo = { line: number } | null;

type Props = {
  lines: readonly string[];
  json: boolean;
  label: string;
  /** Lines that something is said about, and what. */
  marks?: ReadonlyMap<number, string> | undefined;
  goTo?: GoTo;
};

/** Text of any length, as code. What is long is laid out only where it is in sight. */
export function CodeText({ lines, json, label, marks, goTo = null }: Props) {
  const pieces = useMemo(() => piecesOf(lines), [lines]);
  const chars = useMemo(() => lines.reduce((sum, line) => sum + line.length, 0), [lines]);
  const View = chars <= WHOLE_CHARS && pieces.length <= WHOLE_LINES ? WholeText : LongText;
  return <View pieces={pieces} json={json} label={label} marks={marks} goTo={goTo} />;
}

/** The lines of a text. */
export function linesOf(text: string): string[] {
  return text.split(/\r\n|\n|\r/);
}

type ViewProps = Omit<Props, 'lines'> & { pieces: readonly Piece[]; goTo: GoTo };

const BOX = 'min-h-0 flex-1 overflow-auto font-mono text-xs leading-[18px] focus-visible:-outline-offset-2';

function WholeText({ pieces, json, label, marks, goTo }: ViewProps) {
  const box = useRef<HTMLDivElement>(null);
  useGoTo(goTo, pieces, (index) => box.current?.children[index]?.scrollIntoView({ block: 'center' }));
  return (
    <div ref={box} tabIndex={0} role="region" aria-label={label} className={cn(BOX, 'py-2')}>
      {pieces.map((piece, index) => (
        // Lines have no identity but their place, and never move.
        // oxlint-disable-next-line react/no-array-index-key
        <Line key={index} piece={piece} json={json} mark={marks?.get(piece.at)} aimed={goTo?.line === piece.at} />
      ))}
    </div>
  );
}

function LongText({ pieces, json, label, marks, goTo }: ViewProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const virtualizer = useVirtualRows({ count: pieces.length, getScrollElement: () => scroller.current, rowHeight: LINE_HEIGHT });
  useGoTo(goTo, pieces, (index) => virtualizer.scrollToIndex(index, { align: 'center' }));
  return (
    <div ref={scroller} tabIndex={0} role="region" aria-label={label} className={BOX}>
      <div className="relative" style={{ height: virtualizer.getTotalSize() }}>
        {virtualizer.getVirtualItems().map((item) => {
          const piece = pieces[item.index];
          return (
            piece && (
              <div
                key={item.key}
                ref={virtualizer.measureElement}
                data-index={item.index}
                className="absolute inset-x-0"
                style={{ top: item.start }}
              >
                <Line piece={piece} json={json} mark={marks?.get(piece.at)} aimed={goTo?.line === piece.at} />
              </div>
            )
          );
        })}
      </div>
    </div>
  );
}

function useGoTo(goTo: GoTo, pieces: readonly Piece[], show: (index: number) => void): void {
  const latest: RefObject<(index: number) => void> = useRef(show);
  useEffect(() => {
    latest.current = show;
  });
  useEffect(() => {
    if (goTo === null) return;
    const index = pieces.findIndex(({ at }) => at === goTo.line);
    if (index >= 0) latest.current(index);
  }, [goTo, pieces]);
}

const Line = memo(function Line({
  piece: { text, note },
  json,
  mark,
  aimed,
}: {
  piece: Piece;
  json: boolean;
  mark: string | undefined;
  aimed: boolean;
}) {
  const indent = /^ */.exec(text)?.[0].length ?? 0;
  return (
    <div
      title={mark}
      className={cn(
        'min-h-[18px] pr-4 break-words whitespace-pre-wrap [overflow-wrap:anywhere]',
        mark !== undefined && 'bg-warn-soft shadow-[inset_3px_0_0_var(--color-warn)]',
        aimed && 'outline-1 -outline-offset-1 outline-warn',
      )}
      // A wrapped line hangs below its own beginning, so that the shape of the JSON stays readable.
      style={{ paddingLeft: `calc(16px + ${indent + 2}ch)`, textIndent: '-2ch' }}
    >
      {json ? <JsonLine line={text.slice(indent)} /> : withRedacted(text.slice(indent))}
      {note !== undefined && <span className="font-sans text-faint"> {note}</span>}
    </div>
  );
});

function JsonLine({ line }: { line: string }) {
  const [, key = '', value = ''] = /^("(?:[^"\\]|\\.)*": )?(.*)$/s.exec(line) ?? [];
  const isLiteral = /^[-\dtfn]/.test(value);
  return (
    <>
      {key !== '' && <span className="text-wire-responses">{key}</span>}
      <span className={cn(isLiteral && 'text-wire-messages', /^[{}[\]]/.test(value) && 'text-faint')}>{withRedacted(value)}</span>
    </>
  );
}

function piecesOf(lines: readonly string[]): Piece[] {
  const pieces: Piece[] = [];
  for (const [at, line] of lines.entries()) {
    if (line.length <= PIECE) {
      pieces.push({ text: line, at });
      continue;
    }
    const shown = Math.min(line.length, PIECE * MOST_PIECES);
    for (let from = 0; from < shown; from += PIECE) pieces.push({ text: line.slice(from, from + PIECE), at });
    const left = line.length - shown;
    if (left > 0) pieces.push({ text: '', at, note: `… ${left.toLocaleString()} more characters on this line; the copy holds them all` });
  }
  return pieces;
}
