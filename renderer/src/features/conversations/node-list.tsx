import { Link } from '@tanstack/react-router';
import type { ConversationNode } from '../../../../bridges/contract/index.ts';
import { CostValue } from '../../components/cost.tsx';
import { Unstated } from '../../components/call-bits.tsx';
import { Cell, Table } from '../../components/table.tsx';
import { cn } from '../../lib/cn.ts';
import { compact, time } from '../../lib/format.ts';
import { ContextBar } from './context-bar.tsx';
import { hasFailed, KINDS, sizeOf } from './kinds.ts';

const COLUMNS = [
  { title: 'Call', width: 'w-20' },
  { title: 'Kind', width: 'w-28' },
  { title: 'What is new in it' },
  { title: 'Follows', width: 'w-20' },
  { title: 'Began', width: 'w-28' },
  { title: 'Context', width: 'w-32' },
  { title: 'Tokens in', width: 'w-20', right: true },
  { title: 'Cached', width: 'w-20', right: true },
  { title: 'Tokens out', width: 'w-20', right: true },
  { title: 'Cost', width: 'w-32', right: true },
] as const;

/** Calls of a conversation as a table: all that the tree shows, in the order of the calls. */
export function NodeList({ label, nodes }: { label: string; nodes: readonly ConversationNode[] }) {
  const most = Math.max(1, ...nodes.map(({ context }) => (context ? sizeOf(context) : 0)));
  return (
    <Table label={label} columns={COLUMNS} className="min-w-[62rem]">
      {nodes.map((node) => (
        <tr key={node.call}>
          <Cell>
            <CallLink call={node.call} />
          </Cell>
          <Cell>
            <span className="flex items-center gap-1.5" title={`${KINDS[node.kind].means} Line: ${node.line}.`}>
              <span aria-hidden className={cn('size-2 rounded-full', KINDS[node.kind].background)} />
              {KINDS[node.kind].word}
            </span>
          </Cell>
          <Cell className="truncate" title={node.title ?? undefined}>
            {hasFailed(node) && <span className="text-bad">{node.state === 'cut' ? 'Cut: ' : `Failed, ${node.status}: `}</span>}
            {node.title ?? <Unstated />}
          </Cell>
          <Cell>{node.parent === null ? <span className="text-faint">none</span> : <CallLink call={node.parent} />}</Cell>
          <Cell className="tnum text-muted">{time(node.startedAt)}</Cell>
          <Cell>
            <ContextBar context={node.context} most={most} />
          </Cell>
          <Cell className="tnum text-right">
            <Count value={node.tokens.inputGross} />
          </Cell>
          <Cell className="tnum text-right text-muted">
            <Count value={node.tokens.cached} />
          </Cell>
          <Cell className="tnum text-right">
            <Count value={node.tokens.output} />
          </Cell>
          <Cell className="text-right">
            <CostValue cost={node.cost} />
          </Cell>
        </tr>
      ))}
    </Table>
  );
}

function Count({ value }: { value: number | null }) {
  return value === null ? <Unstated /> : compact(value);
}

function CallLink({ call }: { call: number }) {
  return (
    <Link to="/calls/$id" params={{ id: String(call) }} className="tnum rounded text-accent hover:underline">
      {shortNumber(call)}
    </Link>
  );
}

/** The last digits of a call's number, which begins with a time. */
export function shortNumber(call: number): string {
  const digits = String(call);
  return `#${digits.length > 6 ? `…${digits.slice(-5)}` : digits}`;
}
