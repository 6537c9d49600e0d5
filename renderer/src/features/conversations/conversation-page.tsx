import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { ArrowLeft, Download } from 'lucide-react';
import { lazy, Suspense, useCallback, useMemo, useState } from 'react';
import type { Conversation, ConversationNode } from '../../../../bridges/contract/index.ts';
import { Button } from '../../components/button.tsx';
import { Unstated } from '../../components/call-bits.tsx';
import { Card } from '../../components/card.tsx';
import { CostValue } from '../../components/cost.tsx';
import { EmptyState } from '../../components/empty-state.tsx';
import { Figure, Figures } from '../../components/figure.tsx';
import { Page } from '../../components/page.tsx';
import { Problem } from '../../components/problem.tsx';
import { Waiting } from '../../components/progress.tsx';
import { Segmented } from '../../components/segmented.tsx';
import { engine } from '../../lib/engine.ts';
import { isNotFound } from '../../lib/errors.ts';
import { compact, fullTime, number, plural } from '../../lib/format.ts';
import { useShortcuts } from '../../lib/shortcuts.ts';
import { useOpening } from '../../lib/use-opening.ts';
import { ContextChart } from './context-chart.tsx';
import { layoutOf } from './layout.ts';
import { NodeDetail } from './node-detail.tsx';
import { NodeList } from './node-list.tsx';
import { Tree } from './tree.tsx';

const ExportCalls = lazy(async () => ({ default: (await import('../../components/export-calls.tsx')).ExportCalls }));

/** A tree of more calls than this can be drawn, not read. */
const MOST_NODES = 1000;

/** One conversation: what it came to, and its calls as a tree or a list. */
export function ConversationPage() {
  const { id = '' } = useParams({ strict: false });
  const isNumber = /^\d+$/.test(id);
  const { data, error, refetch } = useQuery({
    ...engine.conversations.tree.queryOptions({ input: { id: Number(id), limit: MOST_NODES } }),
    enabled: isNumber,
  });
  // What was removed is not shown any longer, though the window still has it.
  if (!isNumber || isNotFound(error)) {
    return (
      <EmptyState title="There is no such conversation">
        <p className="text-muted">Its calls were removed, or it never was. Conversations go by the number of their first call.</p>
        <p>
          <Back />
        </p>
      </EmptyState>
    );
  }
  if (!data) {
    if (error === null) return <Waiting label="Reading the conversation" />;
    return (
      <Page>
        <Problem title="The conversation cannot be read" error={error} onRetry={() => void refetch()} />
      </Page>
    );
  }
  return <Shown key={data.conversation.id} {...data} />;
}

function Shown({ conversation, nodes, more }: { conversation: Conversation; nodes: readonly ConversationNode[]; more: boolean }) {
  const navigate = useNavigate();
  const [look, setLook] = useState<'tree' | 'list'>('tree');
  const layout = useMemo(() => layoutOf(nodes), [nodes]);
  const placed = useMemo(() => layout.placed.map(({ node }) => node), [layout]);
  const sides = useMemo(() => nodes.filter(({ kind }) => kind === 'side'), [nodes]);
  const [chosen, setChosen] = useState<number | null>(null);
  const current = placed.find(({ call }) => call === chosen) ?? placed[0];
  const open = useCallback((call: number) => void navigate({ to: '/calls/$id', params: { id: String(call) } }), [navigate]);
  const out = useOpening();
  useShortcuts({
    e: out.show,
    t: () => setLook('tree'),
    l: () => setLook('list'),
    Escape: () => void navigate({ to: '/conversations' }),
  });
  return (
    <Page width="max-w-[1480px]">
      <header className="grid gap-1">
        <div className="flex items-center">
          <Back />
          <Button className="ml-auto" onClick={out.show}>
            <Download aria-hidden size={13} />
            Export
          </Button>
        </div>
        <h1 className="line-clamp-2 text-lg font-semibold break-words">{conversation.title ?? 'A conversation without readable words'}</h1>
        <p className="flex flex-wrap gap-x-3 text-xs text-muted">
          <span>{conversation.client}</span>
          {conversation.model !== null && <span>{conversation.model}</span>}
          {conversation.cwd !== null && <span className="font-mono">{conversation.cwd}</span>}
          {conversation.gitBranch !== null && <span>branch {conversation.gitBranch}</span>}
          <span>
            {fullTime(conversation.startedAt)} to {fullTime(conversation.lastAt)}
          </span>
        </p>
      </header>
      {out.used && (
        <Suspense>
          <ExportCalls
            exported={{ what: 'the conversation', conversation: conversation.id, name: `drawbridge-conversation-${conversation.id}` }}
            open={out.open}
            onOpenChange={out.onOpenChange}
          />
        </Suspense>
      )}
      <Sums conversation={conversation} />
      {more && (
        <p className="rounded-md bg-warn-soft px-3 py-2 text-xs text-warn">
          Only the first {number(MOST_NODES)} of {plural(conversation.calls, 'call')} are shown.
        </p>
      )}
      {placed.length > 1 && <ContextChart nodes={placed} selected={current?.call ?? null} onSelect={setChosen} />}
      <Card
        title={plural(placed.length, 'call')}
        actions={
          <>
            <span className="text-2xs text-faint max-[1000px]:hidden">
              {look === 'tree' ? 'Arrow keys walk the tree, Enter opens, Ctrl and the wheel zoom' : ''}
            </span>
            <Segmented
              label="Look"
              value={look}
              options={[
                { value: 'tree', label: 'Tree' },
                { value: 'list', label: 'List' },
              ]}
              onChange={setLook}
            />
          </>
        }
      >
        {look === 'list' ? (
          <NodeList label="Calls of this conversation" nodes={placed} />
        ) : (
          <div className="grid h-[min(38rem,72vh)] grid-cols-[minmax(0,1fr)_19rem] max-[900px]:h-auto max-[900px]:grid-cols-1">
            <div className="grid min-h-0 min-w-0 grid-cols-[minmax(0,1fr)] grid-rows-[minmax(0,1fr)] max-[900px]:h-[28rem]">
              <Tree layout={layout} selected={current?.call ?? null} onSelect={setChosen} onOpen={open} />
            </div>
            <aside aria-label="Chosen call" className="overflow-y-auto border-l max-[900px]:border-t max-[900px]:border-l-0">
              {current && <NodeDetail node={current} />}
            </aside>
          </div>
        )}
      </Card>
      {sides.length > 0 && (
        <Card title={`${plural(sides.length, 'side request')}: about the conversation, but no part of it`}>
          <NodeList label="Side requests" nodes={sides} />
        </Card>
      )}
    </Page>
  );
}

function Sums({ conversation: { calls, failed, subtasks, tokens, cost } }: { conversation: Conversation }) {
  const share = tokens.cached !== null && tokens.inputGross ? Math.round((100 * tokens.cached) / tokens.inputGross) : null;
  return (
    <Figures label="Sums">
      <Figure title="Calls" note={failed > 0 ? <span className="text-bad">{failed} failed</span> : 'none failed'}>
        {number(calls)}
      </Figure>
      <Figure title="Sub-tasks">{number(subtasks)}</Figure>
      <Figure title="Tokens in" note={share === null ? 'cache not stated' : `${share} % from the cache`}>
        {tokens.inputGross === null ? <Unstated /> : compact(tokens.inputGross)}
      </Figure>
      <Figure title="Tokens out" note={tokens.reasoning === null ? undefined : `${compact(tokens.reasoning)} reasoning`}>
        {tokens.output === null ? <Unstated /> : compact(tokens.output)}
      </Figure>
      <Figure title="Cost">
        <CostValue cost={cost} />
      </Figure>
    </Figures>
  );
}

function Back() {
  return (
    <Link to="/conversations" className="inline-flex w-fit items-center gap-1 rounded text-xs text-accent hover:underline">
      <ArrowLeft aria-hidden size={13} />
      All conversations
    </Link>
  );
}
