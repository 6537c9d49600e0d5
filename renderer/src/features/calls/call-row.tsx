import { memo, type PointerEvent, type ReactNode } from 'react';
import type { Call } from '../../../../bridges/contract/index.ts';
import { CallStatus, ModelName, PRACTICE, Unstated, UpstreamName, WirePath } from '../../components/call-bits.tsx';
import { bytes, compact, duration, fullTime, time } from '../../lib/format.ts';
import type { ColumnId, PlacedColumn } from './columns.ts';

/** Pixels. Fixed, so that 100,000 rows need no measuring. */
export const ROW_HEIGHT = 32;

/** One call in the table. What it says is drawn anew only where the call is another, not where it merely moved. */
export const CallRow = memo(function CallRow({
  call,
  columns,
  index,
  top,
  selected,
  onOpen,
}: {
  call: Call;
  columns: readonly PlacedColumn[];
  index: number;
  top: number;
  selected: boolean;
  onOpen: (id: number) => void;
}) {
  return (
    <div
      role="row"
      id={rowId(call.id)}
      aria-rowindex={index + 2}
      aria-selected={selected}
      onClick={() => onOpen(call.id)}
      onPointerOver={(event) => explain(event, call, columns)}
      className={call.upstream === PRACTICE ? `${ROW} text-muted` : ROW}
      style={{ top }}
    >
      <Cells call={call} columns={columns} />
    </div>
  );
});

const ROW = 'call-row absolute inset-x-0 h-8 border-b border-line/60 text-xs leading-[31px] [contain:strict] hover:bg-hover';

const Cells = memo(function Cells({ call, columns }: { call: Call; columns: readonly PlacedColumn[] }) {
  return columns.map((column, at) => (
    <span
      key={column.id}
      role="gridcell"
      aria-colindex={at + 1}
      className={LOOKS[column.id] ?? ('right' in column ? 'tnum text-right text-muted' : undefined)}
      style={{ left: column.left, width: column.room }}
    >
      {cell(column.id, call)}
    </span>
  ));
});

/** The id of a row's element, for `aria-activedescendant`. */
export function rowId(id: number): string {
  return `call-${id}`;
}

const LOOKS: Partial<Record<ColumnId, string>> = {
  number: 'tnum text-right text-faint',
  time: 'tnum text-faint',
  model: 'font-medium text-ink',
  version: 'text-muted',
  caller: 'text-muted',
  method: 'text-muted',
  path: 'text-muted',
  route: 'text-muted',
  error: 'text-muted',
  lost: 'tnum text-right text-warn',
};

function cell(column: ColumnId, call: Call): ReactNode {
  switch (column) {
    case 'number':
      return call.id;
    case 'version':
      return call.clientVersion ?? <Unstated />;
    case 'method':
      return call.method;
    case 'path':
      return call.path;
    case 'route':
      return call.route ?? <Unstated />;
    case 'error':
      return call.error ?? <Unstated />;
    case 'cached':
      return count(call.usage?.cached);
    case 'reasoning':
      return count(call.usage?.reasoning);
    case 'tools':
      return count(call.toolCalls);
    case 'request':
      return bytes(call.requestBytes);
    case 'lost':
      return call.lost.length === 0 ? '' : call.lost.length;
    case 'time':
      return time(call.startedAt);
    case 'client':
      return call.client;
    case 'caller':
      return call.caller ?? <Unstated />;
    case 'model':
      return <ModelName call={call} />;
    case 'upstream':
      return <UpstreamName call={call} />;
    case 'wire':
      return <WirePath call={call} />;
    case 'status':
      return <CallStatus call={call} />;
    case 'first':
      return call.ttfbMs === null ? <Unstated /> : duration(call.ttfbMs);
    case 'duration':
      return call.durationMs === null ? <Unstated /> : duration(call.durationMs);
    case 'tokens':
      return <Tokens call={call} />;
    case 'size':
      return bytes(call.replyBytes);
  }
}

function Tokens({ call }: { call: Call }) {
  const { input = null, output = null } = call.usage ?? {};
  if (input === null && output === null) return <Unstated />;
  if (input !== null && output !== null) return `${compact(input)} / ${compact(output)}`;
  return (
    <>
      {input === null ? <Unstated /> : compact(input)}
      {' / '}
      {output === null ? <Unstated /> : compact(output)}
    </>
  );
}

function count(value: number | null | undefined): ReactNode {
  return value === null || value === undefined ? <Unstated /> : compact(value);
}

/** Says more about the cell under the pointer. Words that nobody asks for are not kept in the document. */
function explain({ target }: PointerEvent, call: Call, columns: readonly PlacedColumn[]): void {
  const pointed = target instanceof Element ? target.closest<HTMLElement>('[role="gridcell"]') : null;
  const column = columns[Number(pointed?.ariaColIndex) - 1];
  if (pointed && column) pointed.title = about(column.id, call) ?? pointed.textContent;
}

function about(column: ColumnId, call: Call): string | null {
  switch (column) {
    case 'time':
      return fullTime(call.startedAt);
    case 'client':
      return call.clientVersion === null ? call.client : `${call.client} ${call.clientVersion}`;
    case 'model':
      return call.modelUsed ?? call.modelRequested;
    case 'size':
      return `Request ${bytes(call.requestBytes)}, reply ${bytes(call.replyBytes)}`;
    default:
      return null;
  }
}
