import { useQuery } from '@tanstack/react-query';
import { Page } from '../../components/page.tsx';
import { Problem } from '../../components/problem.tsx';
import { Waiting } from '../../components/progress.tsx';
import { engine } from '../../lib/engine.ts';
import { Appearance } from './appearance.tsx';
import { Ports } from './ports.tsx';
import { Privacy } from './privacy.tsx';

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
    <Page>
      <Appearance />
      <Ports settings={data.settings} />
      <Privacy settings={data.settings} />
    </Page>
  );
}
