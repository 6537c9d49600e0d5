import { memo, type ReactNode } from 'react';
import type { Call } from '../../../../bridges/contract/index.ts';
import { CallStatus, ModelName, PRACTICE, Unstated, UpstreamName, WirePath } from '../../components/call-bits.tsx';
import { bytes, compact, duration, fullTime, time } from '../../lib/format.ts';
import type { Column, ColumnId } from './columns.ts';

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
  columns: readonly Column[];
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
      className={call.upstream === PRACTICE ? `${ROW} text-muted` : ROW}
      style={{ top }}
    >
      <Cells call={call} columns={columns} />
    </div>
  );
});

const ROW = 'call-row absolute inset-x-0 h-8 border-b border-line/60 text-xs [contain:strict] hover:bg-hover';

const Cells = memo(function Cells({ call, columns }: { call: Call; columns: readonly Column[] }) {
  return columns.map((column, at) => (
    <span key={column.id} role="gridcell" aria-colindex={at + 1} className={'right' in column ? 'tnum text-right text-muted' : undefined}>
      {cell(column.id, call)}
    </span>
  ));
});

/** The id of a row's element, for `aria-activedescendant`. */
export function rowId(id: number): string {
  return `call-${id}`;
}

function cell(column: ColumnId, call: Call): ReactNode {
  switch (column) {
    case 'number':
      return <span className="text-faint">{call.id}</span>;
    case 'version':
      return <Text value={call.clientVersion} />;
    case 'method':
      return <Text value={call.method} />;
    case 'path':
      return <Text value={call.path} />;
    case 'route':
      return <Text value={call.route} />;
    case 'error':
      return <Text value={call.error} />;
    case 'cached':
      return <Count value={call.usage?.cached} />;
    case 'reasoning':
      return <Count value={call.usage?.reasoning} />;
    case 'request':
      return bytes(call.requestBytes);
    case 'lost':
      return call.lost.length === 0 ? '' : <span className="text-warn">{call.lost.length}</span>;
    case 'time':
      return (
        <span className="tnum text-faint" onPointerEnter={(event) => (event.currentTarget.title = fullTime(call.startedAt))}>
          {time(call.startedAt)}
        </span>
      );
    case 'client':
      return <span title={call.clientVersion === null ? call.client : `${call.client} ${call.clientVersion}`}>{call.client}</span>;
    case 'caller':
      return call.caller === null ? <Unstated /> : <span className="text-muted">{call.caller}</span>;
    case 'model':
      return (
        <span className="font-medium text-ink" title={call.modelUsed ?? call.modelRequested ?? undefined}>
          <ModelName call={call} />
        </span>
      );
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
      return <span title={`Request ${bytes(call.requestBytes)}, reply ${bytes(call.replyBytes)}`}>{bytes(call.replyBytes)}</span>;
  }
}

function Tokens({ call }: { call: Call }) {
  const { input = null, output = null } = call.usage ?? {};
  if (input === null && output === null) return <Unstated />;
  return (
    <>
      {input === null ? <Unstated /> : compact(input)}
      <span className="text-faint"> / </span>
      {output === null ? <Unstated /> : compact(output)}
    </>
  );
}

function Text({ value }: { value: string | null }) {
  return value === null ? (
    <Unstated />
  ) : (
    <span className="text-muted" title={value}>
      {value}
    </span>
  );
}

function Count({ value }: { value: number | null | undefined }) {
  return value === null || value === undefined ? <Unstated /> : compact(value);
}
