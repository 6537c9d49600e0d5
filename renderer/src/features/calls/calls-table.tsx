import { ArrowUp } from 'lucide-react';
import {
  memo,
  useEffect,
  useImperativeHandle,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
  type KeyboardEvent,
  type Ref,
  type RefObject,
} from 'react';
import { indexOfCall, type FeedView } from '../../lib/call-feed.ts';
import { cn } from '../../lib/cn.ts';
import { number } from '../../lib/format.ts';
import { useVirtualRows } from '../../lib/virtual-rows.ts';
import { CallRow, ROW_HEIGHT, rowId } from './call-row.tsx';
import './calls.css';
import { columnsThatFit, placed, type ColumnId } from './columns.ts';

const HEADER_HEIGHT = 28;
/** Rows made above and below those in sight. */
const OVERSCAN = 6;
/** Older calls are asked for this many rows before the end is reached, and not before half of those at hand were seen. */
const AHEAD = 300;

/** What the page may tell the table to do. */
export type CallsTableHandle = {
  focus: () => void;
  /** Moves the cursor by so many rows. */
  step: (by: number) => void;
};

/** The live table. Only the rows in sight are in the document, whatever their number. */
export const CallsTable = memo(function CallsTable({
  ref,
  view,
  columns: chosen,
  total,
  cursor,
  onMove,
  onOpen,
  onNeedOlder,
  onNeedAll,
}: {
  ref: Ref<CallsTableHandle>;
  view: FeedView;
  /** The columns that are wanted; those there is room for are shown. */
  columns: ReadonlySet<ColumnId>;
  /** How many calls there are in all, where that is known. */
  total: number | null;
  /** Id of the call under the cursor. */
  cursor: number | null;
  onMove: (id: number) => void;
  onOpen: (id: number) => void;
  onNeedOlder: () => void;
  /** Asks for every older call, as long as that is wanted. */
  onNeedAll: (wanted: () => boolean) => void;
}) {
  const { rows } = view;
  const scroller = useRef<HTMLDivElement>(null);
  const grid = useRef<HTMLDivElement>(null);
  const seekingEnd = useRef(false);
  const virtualizer = useVirtualRows({
    count: rows.length,
    getScrollElement: () => scroller.current,
    rowHeight: ROW_HEIGHT,
    above: HEADER_HEIGHT,
    overscan: OVERSCAN,
  });
  const items = virtualizer.getVirtualItems();
  const places = Math.ceil((virtualizer.scrollRect?.height ?? 0) / ROW_HEIGHT) + 1 + 2 * OVERSCAN;
  const lastShown = items.at(-1)?.index ?? 0;
  const width = useWidth(scroller);
  const columns = useMemo(() => placed(columnsThatFit(chosen, width), width), [chosen, width]);
  const unseen = useUnseenRows(scroller, rows);

  useEffect(() => {
    if (view.more && view.error === null && !view.loadingOlder && lastShown >= rows.length - Math.min(AHEAD, rows.length / 2))
      onNeedOlder();
  }, [view, lastShown, rows.length, onNeedOlder]);

  // End means the oldest call there is, not the oldest one loaded so far.
  useEffect(() => {
    if (!seekingEnd.current) return;
    virtualizer.scrollToIndex(rows.length - 1);
    if (view.more) return;
    seekingEnd.current = false;
    const oldest = rows.at(-1);
    if (oldest) onMove(oldest.id);
  }, [view, rows, virtualizer, onMove]);

  const goTo = (index: number): void => {
    const at = Math.min(rows.length - 1, Math.max(0, index));
    const call = rows[at];
    if (!call) return;
    virtualizer.scrollToIndex(at);
    onMove(call.id);
  };
  const step = (by: number): void => {
    const at = cursor === null ? -1 : indexOfCall(rows, cursor);
    goTo(cursor === null ? Math.max(0, by - 1) : at + by);
  };
  useImperativeHandle(ref, () => ({ focus: () => grid.current?.focus({ preventScroll: true }), step }));
  useEffect(() => {
    if (document.activeElement === document.body) grid.current?.focus({ preventScroll: true });
  }, []);

  const press = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    seekingEnd.current = event.key === 'End' && view.more;
    if (seekingEnd.current) onNeedAll(() => seekingEnd.current);
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / ROW_HEIGHT) - 2);
    if (event.key === 'ArrowDown') step(1);
    else if (event.key === 'ArrowUp') step(-1);
    else if (event.key === 'PageDown') step(page);
    else if (event.key === 'PageUp') step(-page);
    else if (event.key === 'Home') goTo(0);
    else if (event.key === 'End') goTo(rows.length - 1);
    else if (event.key === 'Enter' && cursor !== null) onOpen(cursor);
    else return;
    event.preventDefault();
  };

  const cursorIsShown = cursor !== null && items.some((item) => rows[item.index]?.id === cursor);
  return (
    <>
      <div
        ref={scroller}
        onWheel={() => (seekingEnd.current = false)}
        className="h-full overflow-x-hidden overflow-y-auto bg-surface [overflow-anchor:none]"
      >
        <div
          ref={grid}
          role="grid"
          aria-label="Calls"
          aria-rowcount={view.more ? (total === null ? -1 : total + 1) : rows.length + 1}
          aria-colcount={columns.length}
          aria-activedescendant={cursorIsShown ? rowId(cursor) : undefined}
          tabIndex={0}
          onKeyDown={press}
          className="outline-none"
        >
          <div role="rowgroup" className="sticky top-0 z-10">
            <div role="row" aria-rowindex={1} className="call-row relative h-7 border-b bg-surface text-2xs leading-[27px] text-faint">
              {columns.map((column, at) => (
                <span
                  key={column.id}
                  role="columnheader"
                  aria-colindex={at + 1}
                  title={'title' in column ? column.title : undefined}
                  className={cn('right' in column && 'text-right')}
                  style={{ left: column.left, width: column.room }}
                >
                  {column.label}
                </span>
              ))}
            </div>
          </div>
          <div role="rowgroup" className="relative" style={{ height: rows.length * ROW_HEIGHT }}>
            {inPlaces(items, places, virtualizer.isScrolling).map(({ index, place }) => {
              const call = rows[index];
              return (
                call && (
                  <CallRow
                    key={place}
                    call={call}
                    columns={columns}
                    index={index}
                    top={index * ROW_HEIGHT}
                    selected={call.id === cursor}
                    onOpen={onOpen}
                  />
                )
              );
            })}
          </div>
        </div>
        {rows.length > 0 && (
          <p className="flex h-9 items-center justify-center text-xs text-faint">
            {view.error !== null ? (
              <button type="button" className="text-accent underline" onClick={onNeedOlder}>
                Older calls could not be loaded. Try again
              </button>
            ) : view.more ? (
              `Loading older calls… ${number(rows.length)} so far`
            ) : (
              'That is every call.'
            )}
          </p>
        )}
      </div>
      {unseen > 0 && (
        <button
          type="button"
          onClick={() => scroller.current?.scrollTo({ top: 0 })}
          className="absolute top-9 left-1/2 z-20 flex h-7 -translate-x-1/2 items-center gap-1.5 rounded-full bg-accent-fill px-3 text-xs font-medium text-white shadow-lg hover:bg-accent-fill-hover"
        >
          <ArrowUp aria-hidden size={13} />
          {number(unseen)} new
        </button>
      )}
    </>
  );
});

/**
 * Gives each row in sight the place of one that went out of it, so that scrolling and new calls change what elements say
 * and neither make nor remove any: there are as many places as rows at most. At rest they stand in the order they are read in; while they move, each stays where it
 * is in the document.
 */
function inPlaces(items: readonly { index: number }[], places: number, moving: boolean): { index: number; place: number }[] {
  const placed = items.map(({ index }) => ({ index, place: index % places }));
  return moving ? placed.sort((a, b) => a.place - b.place) : placed;
}

/** The width of an element in pixels, as it changes. */
function useWidth(element: RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(() => window.innerWidth - (window.innerWidth > 900 ? 200 : 52));
  useLayoutEffect(() => {
    const box = element.current;
    if (!box) return undefined;
    const observer = new ResizeObserver(() => setWidth(box.clientWidth));
    observer.observe(box);
    return () => observer.disconnect();
  }, [element]);
  return width;
}

/** Keeps the rows in sight where they are while new ones come in above, and counts those that were not seen yet. */
function useUnseenRows(scroller: RefObject<HTMLDivElement | null>, rows: FeedView['rows']): number {
  const anchor = useRef<{ id: number; index: number } | null>(null);
  /** The newest row when the top went out of sight; null while the top is in sight. */
  const [leftAt, setLeftAt] = useState<number | null>(null);

  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    if (anchor.current && isAwayFromTop(element)) {
      const moved = indexOfCall(rows, anchor.current.id) - anchor.current.index;
      if (moved !== 0) element.scrollBy({ top: moved * ROW_HEIGHT });
    }
    anchor.current = anchorAt(element, rows);
  }, [scroller, rows]);

  useEffect(() => {
    const element = scroller.current;
    if (!element) return undefined;
    const scrolled = (): void => {
      anchor.current = anchorAt(element, rows);
      setLeftAt((before) => (isAwayFromTop(element) ? (before ?? rows[0]?.id ?? null) : null));
    };
    element.addEventListener('scroll', scrolled, { passive: true });
    return () => element.removeEventListener('scroll', scrolled);
  }, [scroller, rows]);

  return leftAt === null ? 0 : indexOfCall(rows, leftAt);
}

function isAwayFromTop(element: HTMLElement): boolean {
  return element.scrollTop > ROW_HEIGHT / 2;
}

function anchorAt(element: HTMLElement, rows: FeedView['rows']): { id: number; index: number } | null {
  const index = Math.floor(element.scrollTop / ROW_HEIGHT);
  const call = rows[index];
  return call ? { id: call.id, index } : null;
}
