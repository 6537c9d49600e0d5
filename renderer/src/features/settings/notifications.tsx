import { useQuery } from '@tanstack/react-query';
import type { Settings } from '../../../../bridges/contract/index.ts';
import { Card } from '../../components/card.tsx';
import { FormRow, FormRows } from '../../components/form.tsx';
import { Switch } from '../../components/switch.tsx';
import { engine } from '../../lib/engine.ts';
import { causeOf } from '../../lib/errors.ts';
import { useSaveSettings } from '../../lib/settings.ts';

const KINDS = [
  { kind: 'tunnels', title: 'Tunnels', hint: 'One is down for a minute or needs you, and when it is back.' },
  { kind: 'signIns', title: 'Sign-ins', hint: 'A bridge needs you to sign in again.' },
  { kind: 'ceilings', title: 'Safety limits', hint: 'A bridge has reached its calls of a day.' },
] as const satisfies readonly { kind: keyof Settings['notifications']; title: string; hint: string }[];

/** What the desktop app interrupts for. The window shows all of it, whatever is chosen here. */
export function Notifications({ settings }: { settings: Settings }) {
  const { data: status } = useQuery(engine.status.get.queryOptions());
  const save = useSaveSettings('Saved what you are notified of');
  return (
    <Card title="Notifications">
      <p className="px-3.5 py-2.5 text-xs text-muted">
        What the system’s notifications tell. All of it stands on the overview too.
        {status?.host === 'headless' &&
          ' The desktop app shows them; headless, as it runs now, Drawbridge shows none. A webhook tells them anywhere.'}
      </p>
      <div className="border-t">
        <FormRows>
          {KINDS.map(({ kind, title, hint }) => (
            <FormRow
              key={kind}
              title={title}
              hint={hint}
              error={save.isError && save.variables.notifications?.[kind] !== undefined ? causeOf(save.error) : null}
            >
              <Switch
                label={`Notify of ${title.toLowerCase()}`}
                checked={settings.notifications[kind]}
                onChange={(wanted) => save.mutate({ notifications: { [kind]: wanted } })}
              />
            </FormRow>
          ))}
        </FormRows>
      </div>
    </Card>
  );
}
