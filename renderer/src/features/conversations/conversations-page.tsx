import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router';
import { Search, X } from 'lucide-react';
import { useRef, useState } from 'react';
import type { Conversation } from '../../../../bridges/contract/index.ts';
import { Button } from '../../components/button.tsx';
import { Unstated } from '../../components/call-bits.tsx';
import { Card } from '../../components/card.tsx';
import { Choice } from '../../components/choice.tsx';
import { CostValue } from '../../components/cost.tsx';
import { EmptyState } from '../../components/empty-state.tsx';
import { FIELD } from '../../components/field.tsx';
import { Page } from '../../components/page.tsx';
import { Problem } from '../../components/problem.tsx';
import { Waiting } from '../../components/progress.tsx';
import { Cell, Table } from '../../components/table.tsx';
import { cn } from '../../lib/cn.ts';
import { engine } from '../../lib/engine.ts';
import { ago, compact, fullTime, number } from '../../lib/format.ts';
import { useShortcuts } from '../../lib/shortcuts.ts';
import { PlaceLink } from '../../shell/place-link.tsx';
import { searchOfConversations, type ConversationsSearch } from './search.ts';

const route = getRouteApi('/conversations');
const PAGE = 50;
const COLUMNS = [
  { title: 'Conversation' },
  { title: 'Calls', width: 'w-40', right: true },
  { title: 'Tokens in / out', width: 'w-32', right: true },
  { title: 'Cost', width: 'w-40', right: true },
  { title: 'Last call', width: 'w-28', right: true },
] as const;

/** Conversations, newest first. The filter stands in the URL. */
export function ConversationsPage() {
  const filter = route.useSearch();
  const navigate = useNavigate();
  const field = useRef<HTMLInputElement>(null);
  const table = useRef<HTMLDivElement>(null);
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery(
    engine.conversations.list.infiniteOptions({
      input: (before: { last: number; id: number } | undefined) => ({ limit: PAGE, ...filter, ...(before && { before }) }),
      initialPageParam: undefined,
      getNextPageParam: ({ next }) => next ?? undefined,
    }),
  );
  const rows = data?.pages.flatMap(({ conversations }) => conversations) ?? [];
  const folders = useSeen(rows);
  const change = (part: { [Key in keyof ConversationsSearch]: string | undefined }): void =>
    void navigate({ to: '/conversations', search: searchOfConversations({ ...filter, ...part }), replace: true });
  const move = (by: number): void => {
    const links = [...(table.current?.querySelectorAll<HTMLAnchorElement>('a[data-row]') ?? [])];
    const at = links.findIndex((link) => link === document.activeElement);
    links[Math.min(links.length - 1, Math.max(0, at + by))]?.focus();
  };
  useShortcuts({
    '/': () => field.current?.focus(),
    j: () => move(1),
    k: () => move(-1),
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
  });
  const isFiltered = Object.keys(filter).length > 0;
  return (
    <Page width="max-w-[1480px]">
      <Filters
        filter={filter}
        folders={folders}
        field={field}
        onChange={change}
        onClear={() => void navigate({ to: '/conversations', search: {} })}
      />
      {!data ? (
        error === null ? (
          <Waiting label="Reading the conversations" />
        ) : (
          <Problem title="The conversations cannot be read" error={error} onRetry={() => void refetch()} />
        )
      ) : rows.length === 0 ? (
        <Nothing isFiltered={isFiltered} />
      ) : (
        <Card title="Conversations" actions={<span className="text-2xs text-faint">j and k walk the list</span>}>
          <div ref={table}>
            <Table label="Conversations" columns={COLUMNS} className="min-w-[46rem]">
              {rows.map((row) => (
                <Row key={row.id} row={row} />
              ))}
            </Table>
          </div>
          <p role="status" className="tnum flex min-h-11 items-center gap-3 border-t px-3.5 text-xs text-faint">
            {number(rows.length)}
            {hasNextPage ? ' shown, there are older ones' : ' in all'}
            {hasNextPage && (
              <Button busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>
                Show older
              </Button>
            )}
          </p>
        </Card>
      )}
    </Page>
  );
}

function Row({ row }: { row: Conversation }) {
  return (
    <tr className="hover:bg-hover">
      <Cell className="py-1.5">
        <Link
          to="/conversations/$id"
          params={{ id: String(row.id) }}
          data-row
          title={row.title ?? undefined}
          className="block truncate rounded font-medium hover:text-accent"
        >
          {row.title ?? 'Without readable words'}
        </Link>
        <p className="truncate text-2xs text-muted" title={row.cwd ?? undefined}>
          {[row.client, row.model ?? 'model not stated', ...(row.cwd === null ? [] : [lastOf(row.cwd)])].join(' · ')}
        </p>
      </Cell>
      <Cell className="tnum text-right">
        {number(row.calls)}
        {row.subtasks > 0 && <span className="text-faint"> · {row.subtasks} sub</span>}
        {row.failed > 0 && <span className="text-bad"> {row.failed} failed</span>}
      </Cell>
      <Cell className="tnum text-right">
        {row.tokens.inputGross === null ? <Unstated /> : compact(row.tokens.inputGross)}
        <span className="text-faint"> / </span>
        {row.tokens.output === null ? <Unstated /> : compact(row.tokens.output)}
      </Cell>
      <Cell className="text-right">
        <CostValue cost={row.cost} />
      </Cell>
      <Cell className="tnum text-right text-muted" title={fullTime(row.lastAt)}>
        {ago(row.lastAt)}
      </Cell>
    </tr>
  );
}

function Filters({
  filter,
  folders,
  field,
  onChange,
  onClear,
}: {
  filter: ConversationsSearch;
  folders: readonly string[];
  field: React.RefObject<HTMLInputElement | null>;
  onChange: (part: { [Key in keyof ConversationsSearch]: string | undefined }) => void;
  onClear: () => void;
}) {
  const { data: facets } = useQuery(engine.calls.facets.queryOptions());
  return (
    <div role="search" aria-label="Filter the conversations" className="flex flex-wrap items-center gap-1.5">
      <form
        key={filter.text ?? ''}
        className="relative max-w-72 min-w-40 flex-1"
        onSubmit={(event) => {
          event.preventDefault();
          onChange({ text: field.current?.value });
        }}
      >
        <Search aria-hidden size={13} className="absolute top-[7px] left-2 text-faint" />
        <input
          ref={field}
          type="search"
          aria-label="Filter by what was said first"
          placeholder="What was said first, then Enter"
          defaultValue={filter.text ?? ''}
          className={cn(FIELD, 'w-full pl-7 [&::-webkit-search-cancel-button]:hidden')}
        />
      </form>
      <Choice
        label="Client"
        any="Any client"
        value={filter.client}
        options={named(facets?.clients)}
        onChange={(client) => onChange({ client })}
      />
      <Choice
        label="Model"
        any="Any model"
        value={filter.model}
        options={named(facets?.models)}
        onChange={(model) => onChange({ model })}
      />
      <Choice
        label="Folder"
        any="Any folder"
        value={filter.folder}
        options={folders.map((value) => ({ value, label: value }))}
        onChange={(folder) => onChange({ folder })}
      />
      {Object.keys(filter).length > 0 && (
        <Button look="ghost" onClick={onClear}>
          <X aria-hidden size={13} />
          Clear
        </Button>
      )}
    </div>
  );
}

function Nothing({ isFiltered }: { isFiltered: boolean }) {
  if (isFiltered) {
    return (
      <EmptyState title="No conversation fits the filter">
        <p className="text-muted">Clear it to see all of them.</p>
      </EmptyState>
    );
  }
  return (
    <EmptyState title="No conversations yet">
      <p className="text-muted">
        Calls of a client that sends its history along are put together here as they pass: turns, branches, sub-tasks and compactions, with
        what each cost.
      </p>
      <p>
        <PlaceLink to="/clients" className="rounded text-accent hover:underline">
          Connect a client
        </PlaceLink>
      </p>
    </EmptyState>
  );
}

/** Folders of all rows that were shown since the page was opened: a filter must not take its own choices away. */
function useSeen(rows: readonly Conversation[]): readonly string[] {
  const [seen, setSeen] = useState<readonly string[]>([]);
  const fresh = rows.flatMap(({ cwd }) => (cwd === null || seen.includes(cwd) ? [] : [cwd]));
  if (fresh.length > 0) setSeen([...new Set([...seen, ...fresh])].sort());
  return seen;
}

function named(values: readonly string[] = []): { value: string; label: string }[] {
  return values.map((value) => ({ value, label: value }));
}

function lastOf(folder: string): string {
  return folder.split(/[/\\]/).findLast((part) => part !== '') ?? folder;
}
