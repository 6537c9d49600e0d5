import { useQuery } from '@tanstack/react-query';
import { TriangleAlert } from 'lucide-react';
import { Page } from '../../components/page.tsx';
import { Problem } from '../../components/problem.tsx';
import { Waiting } from '../../components/progress.tsx';
import { engine } from '../../lib/engine.ts';
import { About } from './about.tsx';
import { Appearance } from './appearance.tsx';
import { Doctor } from './doctor.tsx';
import { Folders } from './folders.tsx';
import { Gateway } from './gateway.tsx';
import { Keys } from './keys.tsx';
import { Network } from './network.tsx';
import { Notifications } from './notifications.tsx';
import { Ports } from './ports.tsx';
import { Prices } from './prices.tsx';
import { Privacy } from './privacy.tsx';
import { Providers } from './providers.tsx';
import { ReadKeys } from './read-keys.tsx';
import { Startup } from './startup.tsx';
import { Storage } from './storage.tsx';
import { Telemetry } from './telemetry.tsx';
import { Webhook } from './webhook.tsx';
import { Transfer } from './transfer.tsx';

/** Everything that can be set, and what this engine is. */
export function SettingsPage() {
  const { data, error, refetch } = useQuery(engine.settings.get.queryOptions());
  if (!data) {
    return error === null ? (
      <Waiting label="Reading the settings" />
    ) : (
      <Page>
        <Problem title="The settings cannot be read" error={error} onRetry={() => void refetch()} />
      </Page>
    );
  }
  return (
    <Page width="max-w-[780px]">
      {data.problem !== null && (
        <div role="alert" className="flex items-start gap-2.5 rounded-lg border border-warn/30 bg-warn-soft px-3.5 py-2.5">
          <TriangleAlert aria-hidden size={15} className="mt-0.5 shrink-0 text-warn" />
          <div className="min-w-0">
            <p className="font-medium">The settings file is not in force</p>
            <p className="text-xs break-words text-muted">{data.problem}</p>
          </div>
        </div>
      )}
      <Appearance />
      <Startup />
      <Notifications settings={data.settings} />
      <Webhook />
      <Ports settings={data.settings} />
      <Privacy settings={data.settings} />
      <Storage settings={data.settings} />
      <Folders settings={data.settings} />
      <Keys />
      <ReadKeys />
      <Prices />
      <Providers />
      <Gateway settings={data.settings} />
      <Network />
      <Telemetry />
      <Transfer settings={data.settings} path={data.path} />
      <Doctor />
      <About />
    </Page>
  );
}
