import { Page } from '../../components/page.tsx';
import { ClientSettings } from './client-settings.tsx';
import { KeysCard } from './keys-card.tsx';

/** Who may call, and how each program is pointed at the companion. */
export function ClientsPage() {
  return (
    <Page>
      <ClientSettings />
      <KeysCard />
    </Page>
  );
}
