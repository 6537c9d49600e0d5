import { Page } from '../../components/page.tsx';
import { ClientSettings } from './client-settings.tsx';
import { KeysCard } from './keys-card.tsx';
import { CLIENT_KEYS } from './rings.ts';

/** Who may call, and how each program is pointed at the companion. */
export function ClientsPage() {
  return (
    <Page>
      <ClientSettings />
      <KeysCard ring={CLIENT_KEYS} />
    </Page>
  );
}
