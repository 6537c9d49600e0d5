import { useMemo, useRef } from 'react';
import { cn } from '../../../lib/cn.ts';
import { useVirtualRows } from '../../../lib/virtual-rows.ts';

const LINE_HEIGHT = 18;
/** A line longer than this is laid out in pieces: one line of a megabyte would stop the window. */
const PIECE = 2000;
/** Up to here the text stands in the document whole, where it can be searched and selected. */
const WHOLE_CHARS = 60_000;
const WHOLE_LINES = 800;

/** Text of any length, as code. What is long is laid out only where it is in sight. */
export function CodeText({ text, json, label }: { text: string; json: boolean; label: string }) {
  const lines = useMemo(() => pieces(text), [text]);
  if (text.length <= WHOLE_CHARS && lines.length <= WHOLE_LINES) {
    return (
      <div
        tabIndex={0}
        role="region"
        aria-label={label}
        className="min-h-0 flex-1 overflow-auto py-2 font-mono text-xs leading-[18px] focus-visible:-outline-offset-2"
      >
        {lines.map((line, index) => (
          // Lines have no identity but their place, and never move.
          // oxlint-disable-next-line react/no-array-index-key
          <Line key={index} line={line} json={json} />
        ))}
      </div>
    );
  }
  return <LongText lines={lines} json={json} label={label} />;
}

function LongText({ lines, json, label }: { lines: readonly string[]; json: boolean; label: string }) {
  const scroller = useRef<HTMLDivElement>(null);
  const virtualizer = useVirtualRows({ count: lines.length, getScrollElement: () => scroller.current, rowHeight: LINE_HEIGHT });
  return (
    <div
      ref={scroller}
      tabIndex={0}
      role="region"
      aria-label={label}
      className="min-h-0 flex-1 overflow-auto font-mono text-xs leading-[18px] focus-visible:-outline-offset-2"
    >
      <div className="relative" style={{ height: virtualizer.getTotalSize() }}>
        {virtualizer.getVirtualItems().map((item) => (
          <div
            key={item.key}
            ref={virtualizer.measureElement}
            data-index={item.index}
            className="absolute inset-x-0"
            style={{ top: item.start }}
          >
            <Line line={lines[item.index] ?? ''} json={json} />
          </div>
        ))}
      </div>
    </div>
  );
}

function Line({ line, json }: { line: string; json: boolean }) {
  const indent = /^ */.exec(line)?.[0].length ?? 0;
  return (
    <div
      className="min-h-[18px] pr-4 break-words whitespace-pre-wrap [overflow-wrap:anywhere]"
      // A wrapped line hangs below its own beginning, so that the shape of the JSON stays readable.
      style={{ paddingLeft: `calc(16px + ${indent + 2}ch)`, textIndent: '-2ch' }}
    >
      {json ? <JsonLine line={line.slice(indent)} /> : line.slice(indent)}
    </div>
  );
}

function JsonLine({ line }: { line: string }) {
  const [, key = '', value = ''] = /^("(?:[^"\\]|\\.)*": )?(.*)$/s.exec(line) ?? [];
  const isLiteral = /^[-\dtfn]/.test(value);
  return (
    <>
      {key !== '' && <span className="text-wire-responses">{key}</span>}
      <span className={cn(isLiteral && 'text-wire-messages', /^[{}[\]]/.test(value) && 'text-faint')}>{value}</span>
    </>
  );
}

function pieces(text: string): string[] {
  const lines: string[] = [];
  for (const line of text.split(/\r\n|\n|\r/)) {
    if (line.length <= PIECE) lines.push(line);
    else for (let at = 0; at < line.length; at += PIECE) lines.push(line.slice(at, at + PIECE));
  }
  return lines;
}
