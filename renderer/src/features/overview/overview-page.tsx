import { useQuery } from '@tanstack/react-query';
import { Page } from '../../components/page.tsx';
import { Problem } from '../../components/problem.tsx';
import { StatusDot } from '../../components/status-dot.tsx';
import { engine } from '../../lib/engine.ts';
import { ActivityStrip } from './activity-strip.tsx';
import { BridgesCard, TunnelsCard } from './bridges-card.tsx';
import { CaptureCard } from './capture-card.tsx';
import { healthOf } from './health.ts';
import { ListenersCard } from './listeners-card.tsx';
import { NoticeList } from './notice-list.tsx';
import { RecentCalls } from './recent-calls.tsx';
import { TryIt } from './try-it.tsx';
import { UpstreamsCard } from './upstreams-card.tsx';
import { WayMap } from './way-map.tsx';

/** How everything stands, at a glance. */
export function OverviewPage() {
  const { data: status, error, refetch } = useQuery(engine.status.get.queryOptions());
  if (!status) {
    return (
      <Page>{error !== null && <Problem title="The engine’s state cannot be read" error={error} onRetry={() => void refetch()} />}</Page>
    );
  }
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
        <TryIt />
      </div>
      <NoticeList notices={status.notices} />
      <WayMap status={status} />
      <ActivityStrip activity={status.activity} />
      <RecentCalls listeners={status.listeners} />
      <div className="grid items-start gap-4 min-[1040px]:grid-cols-2">
        <div className="grid gap-4">
          <ListenersCard listeners={status.listeners} />
          <CaptureCard capture={status.capture} />
        </div>
        <div className="grid gap-4">
          <UpstreamsCard upstreams={status.upstreams} />
          {status.bridges.length > 0 && <BridgesCard bridges={status.bridges} />}
          {status.tunnels.length > 0 && <TunnelsCard tunnels={status.tunnels} />}
        </div>
      </div>
    </Page>
  );
}
