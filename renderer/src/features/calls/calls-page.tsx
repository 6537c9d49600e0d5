import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Outlet, useNavigate, useParams } from '@tanstack/react-router';
import { useCallback, useMemo, useRef, useState } from 'react';
import { Problem } from '../../components/problem.tsx';
import { isEmptyFilter } from '../../lib/call-filter.ts';
import { engine } from '../../lib/engine.ts';
import { useShortcuts } from '../../lib/shortcuts.ts';
import { useCallFeed } from '../../lib/use-call-feed.ts';
import { CallsTable, type CallsTableHandle } from './calls-table.tsx';
import { ColumnsMenu } from './columns-menu.tsx';
import { NoCalls, NoMatch } from './empty.tsx';
import { FilterBar } from './filter-bar.tsx';
import { listOf } from './search.ts';
import { Split } from './split.tsx';
import { useColumns } from './use-columns.ts';

const route = getRouteApi('/calls');
const HEAD_PAGE = 200;

/** Every call, newest first and live, with the open one beside it. */
export function CallsPage() {
  const search = route.useSearch();
  const navigate = useNavigate();
  const { q: query = '', ...filter } = useMemo(() => listOf(search), [search]);
  const { feed, view } = useCallFeed(filter, HEAD_PAGE, query);
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

  useShortcuts({
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
        rows={view.rows}
        field={filterField}
        count={view.rows.length}
        more={view.more}
        total={total}
        onChange={(next) => void navigate({ to: '.', search: { ...next, ...(search.tab ? { tab: search.tab } : {}) }, replace: true })}
        onLeave={() => table.current?.focus()}
      >
        <ColumnsMenu chosen={columns.chosen} onToggle={columns.toggle} onReset={columns.reset} />
      </FilterBar>
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
            onNeedOlder={() => void feed.loadOlder()}
          />
        )}
      </Split>
    </div>
  );
}

function useOpenCall(): number | null {
  const { id } = useParams({ strict: false });
  return id === undefined || !/^\d+$/.test(id) ? null : Number(id);
}
