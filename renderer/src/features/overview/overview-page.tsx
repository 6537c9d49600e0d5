import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Stethoscope } from 'lucide-react';
import { useEffect, useMemo, useState } from 'react';
import type { Status } from '../../../../bridges/contract/index.ts';
import { BUTTON_LINK } from '../../components/button-link.ts';
import { Page } from '../../components/page.tsx';
import { Problem } from '../../components/problem.tsx';
import { StatusDot } from '../../components/status-dot.tsx';
import { engine } from '../../lib/engine.ts';
import { useCallFeed } from '../../lib/use-call-feed.ts';
import { ActivityStrip } from './activity-strip.tsx';
import { BridgesCard, TunnelsCard } from './bridges-card.tsx';
import { CaptureCard } from './capture-card.tsx';
import { EACH_MINUTE } from '../../lib/each-minute.ts';
import { flowOf } from './flow.ts';
import { healthOf } from '../../lib/health.ts';
import { ListenersCard } from './listeners-card.tsx';
import { NoticeList } from './notice-list.tsx';
import { RecentCalls } from './recent-calls.tsx';
import { TryIt } from './try-it.tsx';
import { WayMap } from './way-map.tsx';

const EVERYTHING = {};
/** How many of the newest calls the map's numbers are taken from. */
const COUNTED = 500;

/** How everything stands, at a glance. */
export function OverviewPage() {
  const { data: status, error, refetch } = useQuery(engine.status.get.queryOptions(EACH_MINUTE));
  if (!status) {
    return (
      <Page>{error !== null && <Problem title="The engine’s state cannot be read" error={error} onRetry={() => void refetch()} />}</Page>
    );
  }
  return <Standing status={status} />;
}

function Standing({ status }: { status: Status }) {
  const { feed, view } = useCallFeed(EVERYTHING, COUNTED);
  const now = useNow();
  const flow = useMemo(() => flowOf(view.rows, view.more, now), [view, now]);
  const health = healthOf(status);
  return (
    <Page>
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
        <div role="status" aria-label="Health" className="mr-auto flex min-w-0 items-center gap-3">
          <StatusDot tone={health.level} className="size-2.5" />
          <div className="min-w-0">
            <p className="text-base font-semibold">{health.title}</p>
            <p className="text-muted">{health.detail}</p>
          </div>
        </div>
        {(health.level !== 'ok' || status.notices.some(({ level }) => level !== 'info')) && (
          <Link to="/settings" hash="doctor" className={BUTTON_LINK}>
            <Stethoscope aria-hidden size={13} />
            Examine
          </Link>
        )}
        <TryIt />
      </div>
      <NoticeList notices={status.notices} />
      <WayMap status={status} flow={flow} />
      <ActivityStrip activity={status.activity} />
      <RecentCalls feed={feed} view={view} listeners={status.listeners} />
      <div className="grid items-start gap-4 min-[1040px]:grid-cols-2">
        <ListenersCard listeners={status.listeners} />
        <CaptureCard capture={status.capture} />
        {status.bridges.length > 0 && <BridgesCard bridges={status.bridges} />}
        {status.tunnels.length > 0 && <TunnelsCard tunnels={status.tunnels} />}
      </div>
    </Page>
  );
}

/** The time, told anew now and then, so that what is older than an hour leaves the numbers though nothing happens. */
function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 15_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}
