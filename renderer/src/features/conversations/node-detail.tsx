import { Link } from '@tanstack/react-router';
import type { ConversationNode } from '../../../../bridges/contract/index.ts';
import { Badge } from '../../components/badge.tsx';
import { BUTTON_LINK } from '../../components/button-link.ts';
import { Unstated } from '../../components/call-bits.tsx';
import { CostValue } from '../../components/cost.tsx';
import { bytes, duration, fullTime, number, statusWords } from '../../lib/format.ts';
import { ContextBar, ContextLegend } from './context-bar.tsx';
import { hasFailed, KINDS, sizeOf } from './kinds.ts';

/** All that is told of the chosen call, and the way to the call itself. */
export function NodeDetail({ node }: { node: ConversationNode }) {
  const kind = KINDS[node.kind];
  const { tokens } = node;
  return (
    <div className="grid content-start gap-3 p-3.5">
      <div className="flex flex-wrap items-center gap-1.5">
        <Badge tone={node.kind === 'turn' ? 'neutral' : 'accent'} title={kind.means}>
          {kind.word}
        </Badge>
        {hasFailed(node) && <Badge tone="bad">{node.state === 'cut' ? 'cut' : `${node.status} ${statusWords(node.status ?? 0)}`}</Badge>}
        {node.state === 'open' && <Badge tone="accent">running</Badge>}
        <span className="tnum ml-auto text-2xs text-faint">{fullTime(node.startedAt)}</span>
      </div>
      <p className="max-h-40 overflow-y-auto font-medium break-words whitespace-pre-wrap">{node.title ?? 'Nothing readable in it.'}</p>
      <Link to="/calls/$id" params={{ id: String(node.call) }} className={BUTTON_LINK}>
        Open the call
      </Link>
      <section aria-label="Context" className="grid gap-1.5 border-t pt-3">
        <p className="flex text-xs font-semibold">
          Context
          <span className="tnum ml-auto font-normal text-muted">
            {node.context === null ? 'not readable' : `${bytes(sizeOf(node.context))}, ${node.messages} messages`}
          </span>
        </p>
        {node.context && (
          <>
            <ContextBar context={node.context} className="h-3" />
            <ContextLegend context={node.context} />
          </>
        )}
      </section>
      <dl className="tnum grid grid-cols-[auto_1fr] gap-x-4 gap-y-1 border-t pt-3 text-xs [&_dd]:text-right [&_dt]:text-muted">
        <dt>Model</dt>
        <dd className="truncate">{node.model ?? <Unstated />}</dd>
        <dt>Upstream</dt>
        <dd>{node.upstream ?? <Unstated />}</dd>
        <dt>Line</dt>
        <dd className="truncate">{node.line}</dd>
        <dt>Duration</dt>
        <dd>{node.durationMs === null ? <Unstated /> : duration(node.durationMs)}</dd>
        <dt>Tokens in</dt>
        <dd>{count(tokens.inputGross)}</dd>
        <dt>of them cached</dt>
        <dd>{count(tokens.cached)}</dd>
        <dt>Tokens out</dt>
        <dd>{count(tokens.output)}</dd>
        <dt>of them reasoning</dt>
        <dd>{count(tokens.reasoning)}</dd>
        <dt>Cost</dt>
        <dd>
          <CostValue cost={node.cost} />
        </dd>
      </dl>
    </div>
  );
}

function count(value: number | null) {
  return value === null ? <Unstated /> : number(value);
}
