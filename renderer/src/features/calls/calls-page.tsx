import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Outlet, useLocation, useNavigate } from '@tanstack/react-router';
import { Download } from 'lucide-react';
import { lazy, Suspense, useCallback, useDeferredValue, useEffect, useMemo, useRef, useState } from 'react';
import { IconButton } from '../../components/button.tsx';
import { Problem } from '../../components/problem.tsx';
import { isEmptyFilter } from '../../lib/call-filter.ts';
import { HEAD_PAGE } from '../../lib/early-calls.ts';
import { engine } from '../../lib/engine.ts';
import { useShortcuts } from '../../lib/shortcuts.ts';
import { useOpening } from '../../lib/use-opening.ts';
import { useCallFeed } from '../../lib/use-call-feed.ts';
import { CallsTable, type CallsTableHandle } from './calls-table.tsx';
import { ColumnsMenu } from './columns-menu.tsx';
import { NoCalls, NoMatch } from './empty.tsx';
import { FilterBar } from './filter-bar.tsx';
import { listOf, queryOf, type CallsSearch } from './search.ts';
import { Split } from './split.tsx';
import { useColumns } from './use-columns.ts';

const ExportCalls = lazy(async () => ({ default: (await import('../../components/export-calls.tsx')).ExportCalls }));
const route = getRouteApi('/calls');

/** Every call, newest first and live, with the open one beside it. */
export function CallsPage() {
  const search = route.useSearch();
  const navigate = useNavigate();
  const { query, filter } = useMemo(() => {
    const { q = '', ...rest } = listOf(search);
    return { query: q, filter: rest };
  }, [search]);
  const { feed, view: newest } = useCallFeed(filter, HEAD_PAGE, query);
  // Rows that come in give way to whoever types or scrolls; the first ones are waited for.
  const deferred = useDeferredValue(newest);
  const view = deferred.phase === 'loading' ? newest : deferred;
  const columns = useColumns();
  const { data: status } = useQuery(engine.status.get.queryOptions());
  const openId = useOpenCall();
  const [cursor, setCursor] = useState<number | null>(null);
  const table = useRef<CallsTableHandle>(null);
  const filterField = useRef<HTMLInputElement>(null);

  const open = useCallback(
    (id: number, replace = false) => {
      setCursor(id);
      void navigate({ to: '/calls/$id', params: { id: String(id) }, search: true, replace });
    },
    [navigate],
  );
  const close = useCallback(() => {
    void navigate({ to: '/calls', search: listOf });
    table.current?.focus();
  }, [navigate]);
  const move = useCallback(
    (id: number) => {
      if (openId === null) setCursor(id);
      else open(id, true);
    },
    [open, openId],
  );

  const rowsNow = useCallback(() => feed.view().rows, [feed]);
  const loadOlder = useCallback(() => void feed.loadOlder(), [feed]);
  const loadAll = useCallback((wanted: () => boolean) => void feed.loadAll(wanted), [feed]);
  const toTable = useCallback(() => {
    // Where no row fits there is no table; the next one takes the focus that nobody has.
    if (table.current) table.current.focus();
    else filterField.current?.blur();
  }, []);
  const { tab } = search;
  const filterBy = useCallback(
    (next: CallsSearch) => void navigate({ to: '.', search: { ...next, ...(tab ? { tab } : {}) }, replace: true }),
    [navigate, tab],
  );

  const exportThem = useOpening();
  // While the list is looked at, the code of the pane comes: not before there are rows to look at.
  const isReady = view.phase === 'ready';
  useEffect(() => {
    if (isReady) void import('./detail/index.ts');
  }, [isReady]);

  useShortcuts({
    e: exportThem.show,
    '/': () => filterField.current?.focus(),
    j: () => table.current?.step(1),
    k: () => table.current?.step(-1),
    ...(openId === null ? {} : { Escape: close }),
  });

  const unfiltered = isEmptyFilter(filter) && query === '';
  const total = unfiltered ? (status?.capture.calls ?? null) : null;
  return (
    <div className="flex h-full flex-col bg-surface">
      <FilterBar
        filter={filter}
        query={query}
        rowsNow={rowsNow}
        field={filterField}
        count={view.rows.length}
        more={view.more}
        total={total}
        onChange={filterBy}
        onLeave={toTable}
      >
        <IconButton label="Export these calls (e)" onClick={exportThem.show}>
          <Download aria-hidden size={15} />
        </IconButton>
        <ColumnsMenu chosen={columns.chosen} onToggle={columns.toggle} onReset={columns.reset} />
      </FilterBar>
      {exportThem.used && (
        <Suspense>
          <ExportCalls
            exported={{
              what: unfiltered ? 'all calls' : 'the calls that match',
              query: queryOf({ q: query, ...filter }),
              name: 'drawbridge-calls',
            }}
            open={exportThem.open}
            onOpenChange={exportThem.onOpenChange}
          />
        </Suspense>
      )}
      <Split aside={openId === null ? null : <Outlet />}>
        {view.phase === 'failed' ? (
          <Problem title="The calls cannot be read" error={view.error} onRetry={() => void feed.refresh()} className="m-4" />
        ) : view.phase === 'ready' && view.rows.length === 0 ? (
          unfiltered ? (
            <NoCalls listeners={status?.listeners ?? []} />
          ) : (
            <NoMatch onClear={() => void navigate({ to: '.', search: {} })} />
          )
        ) : (
          <CallsTable
            key={JSON.stringify([filter, query])}
            columns={columns.chosen}
            ref={table}
            view={view}
            total={total}
            cursor={openId ?? cursor}
            onMove={move}
            onOpen={open}
            onNeedOlder={loadOlder}
            onNeedAll={loadAll}
          />
        )}
      </Split>
    </div>
  );
}

/** The call that the address names; known before the pane that shows it has come. */
function useOpenCall(): number | null {
  const id = useLocation({ select: ({ pathname }) => /^\/calls\/(\d+)$/.exec(pathname)?.[1] });
  return id === undefined ? null : Number(id);
}
