import { Tabs } from '@base-ui/react/tabs';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { getRouteApi, useNavigate } from '@tanstack/react-router';
import { CircleAlert, Maximize2, Minimize2, X } from 'lucide-react';
import { useEffect, useState, type ReactNode } from 'react';
import type { CallDetail } from '../../../../../bridges/contract/index.ts';
import { PracticeBadge } from '../../../components/badge.tsx';
import { IconButton } from '../../../components/button.tsx';
import { CallStatus, PRACTICE } from '../../../components/call-bits.tsx';
import { Problem } from '../../../components/problem.tsx';
import { engine, queryClient } from '../../../lib/engine.ts';
import { isNotFound } from '../../../lib/errors.ts';
import { fullTime } from '../../../lib/format.ts';
import { onCalls } from '../../../lib/live.ts';
import { throttle } from '../../../lib/throttle.ts';
import { useShortcuts } from '../../../lib/shortcuts.ts';
import { useStore } from '../../../lib/store.ts';
import { FIRST_TAB, listOf, searchOfCalls, TABS, type TabId } from '../search.ts';
import { widened } from '../split.tsx';
import { Conversation } from './conversation.tsx';
import { CopyAs } from './copy-as.tsx';
import { Deeds } from './deeds.tsx';
import { HeadersTab } from './headers-tab.tsx';
import { LossNote } from './losses.tsx';
import { SidesTab } from './sides-tab.tsx';
import { StreamTab } from './stream-tab.tsx';
import { SummaryTab } from './summary-tab.tsx';
import { TimingTab } from './timing-tab.tsx';
import { Way } from './way.tsx';
import { WhyTab } from './why-tab.tsx';

const route = getRouteApi('/calls/$id');
/** Bytes of each body that come at first, and all that the engine hands over. */
const FIRST_LIMIT = 512 * 1024;
const WHOLE_LIMIT = 64 * 1024 * 1024;

/** Everything about one call. */
export function CallDetailPane() {
  const { id: param } = route.useParams();
  const { tab = FIRST_TAB } = route.useSearch();
  const navigate = useNavigate();
  const id = Number(param);
  const [wholeId, setWholeId] = useState<number | null>(null);
  const input = { id, limit: wholeId === id ? WHOLE_LIMIT : FIRST_LIMIT };
  const detail = useQuery(engine.calls.get.queryOptions({ input, placeholderData: keepPreviousData }));
  useLiveDetail(id);

  const close = (): void => void navigate({ to: '/calls', search: listOf });
  const show = (next: TabId): void =>
    void navigate({ to: '.', search: (search) => searchOfCalls({ ...search, tab: next }), replace: true });

  const turn = (by: number): void => {
    const at = TABS.findIndex(({ id: one }) => one === tab);
    show(TABS[(at + by + TABS.length) % TABS.length]?.id ?? FIRST_TAB);
  };
  useShortcuts({ '[': () => turn(-1), ']': () => turn(1), w: () => widened.set(!widened.get()) });

  // What was removed is not shown any longer, though the window still has it.
  const isGone = isNotFound(detail.error);
  const held = detail.data?.call.id === id && !isGone ? detail.data : undefined;
  return (
    <section aria-label={`Call ${param}`} aria-busy={detail.isFetching} className="@container flex h-full flex-col border-l bg-surface">
      {held ? (
        <Head detail={held} onClose={close} onShowLosses={() => show('request')} />
      ) : (
        <div className="flex h-11 items-center justify-end px-3">
          <IconButton label="Close (Esc)" onClick={close}>
            <X aria-hidden size={15} />
          </IconButton>
        </div>
      )}
      {!held && detail.isError && (
        <Problem
          title={isGone ? 'This call is not kept' : 'This call cannot be read'}
          error={detail.error}
          onRetry={() => void detail.refetch()}
          className="m-4"
        />
      )}
      {held && (
        <Tabs.Root value={tab} onValueChange={(next) => show(next)} className="flex min-h-0 flex-1 flex-col">
          <Tabs.List aria-label="Sides of the call" className="flex shrink-0 gap-3 overflow-x-auto border-b px-4 [scrollbar-width:none]">
            {TABS.map(({ id: value, label }) => (
              <Tabs.Tab
                key={value}
                value={value}
                className="-mb-px flex h-8 items-center border-b-2 border-transparent text-xs whitespace-nowrap text-muted hover:text-ink focus-visible:-outline-offset-2 data-active:border-accent data-active:text-ink"
              >
                {label}
              </Tabs.Tab>
            ))}
          </Tabs.List>
          <Sides key={id} detail={held} onLoadAll={() => setWholeId(id)} busy={wholeId === id && detail.isFetching} />
        </Tabs.Root>
      )}
    </section>
  );
}

function Head({ detail, onClose, onShowLosses }: { detail: CallDetail; onClose: () => void; onShowLosses: () => void }) {
  const { call } = detail;
  const isWide = useStore(widened);
  return (
    <header className="grid shrink-0 grid-cols-[minmax(0,1fr)] gap-2.5 px-4 pt-2 pb-3">
      <div className="flex h-7 items-center gap-3">
        <h2 className="min-w-0 truncate font-mono text-xs" title={call.path}>
          <span className="text-muted">{call.method}</span> {call.path}
        </h2>
        <span className="shrink-0 text-xs">
          <CallStatus call={call} />
        </span>
        {call.upstream === PRACTICE && <PracticeBadge />}
        <span className="tnum truncate text-xs text-faint @max-[44rem]:hidden">{fullTime(call.startedAt)}</span>
        <span className="ml-auto" />
        <CopyAs detail={detail} limit={WHOLE_LIMIT} />
        <Deeds detail={detail} limit={WHOLE_LIMIT} />
        <IconButton
          label={isWide ? 'Give the list its room back (w)' : 'Widen (w)'}
          aria-pressed={isWide}
          onClick={() => widened.set(!isWide)}
          className="-mx-1.5"
        >
          {isWide ? <Minimize2 aria-hidden size={14} /> : <Maximize2 aria-hidden size={14} />}
        </IconButton>
        <IconButton label="Close (Esc)" onClick={onClose} className="-mr-1.5">
          <X aria-hidden size={15} />
        </IconButton>
      </div>
      <Way call={call} />
      {call.error !== null && (
        <p role="note" className="flex items-start gap-2 rounded-md bg-bad-soft px-3 py-2 text-xs">
          <CircleAlert aria-hidden size={14} className="mt-px shrink-0 text-bad" />
          <span className="min-w-0 break-words">{call.error}</span>
        </p>
      )}
      <LossNote call={call} onShow={onShowLosses} />
    </header>
  );
}

function Sides({ detail, busy, onLoadAll }: { detail: CallDetail; busy: boolean; onLoadAll: () => void }) {
  const load = { busy, onLoadAll };
  return (
    <>
      <Panel value="summary">
        <SummaryTab detail={detail} />
      </Panel>
      <Panel value="conversation">
        <Conversation detail={detail} />
      </Panel>
      <Panel value="request">
        <SidesTab detail={detail} side="request" {...load} />
      </Panel>
      <Panel value="reply">
        <SidesTab detail={detail} side="reply" {...load} />
      </Panel>
      <Panel value="stream">
        <StreamTab detail={detail} {...load} />
      </Panel>
      <Panel value="headers">
        <HeadersTab detail={detail} />
      </Panel>
      <Panel value="timing">
        <TimingTab detail={detail} />
      </Panel>
      <Panel value="why">
        <WhyTab detail={detail} />
      </Panel>
    </>
  );
}

function Panel({ value, children }: { value: TabId; children: ReactNode }) {
  return (
    <Tabs.Panel value={value} className="flex min-h-0 flex-1 flex-col focus-visible:-outline-offset-2 [&[hidden]]:hidden">
      {children}
    </Tabs.Panel>
  );
}

/** Asks again while the call moves, twice a second at most. */
function useLiveDetail(id: number): void {
  useEffect(() => {
    const again = throttle(() => void queryClient.invalidateQueries({ queryKey: engine.calls.get.key({ input: { id } }) }), 500);
    const stop = onCalls({
      changed: (calls) => calls.some((call) => call.id === id) && again.run(),
      removed: again.run,
      reconnected: again.run,
    });
    return () => {
      stop();
      again.stop();
    };
  }, [id]);
}
