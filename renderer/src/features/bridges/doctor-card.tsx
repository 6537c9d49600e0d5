import { useNavigate } from '@tanstack/react-router';
import type { BridgeName } from '../../../../bridges/contract/index.ts';
import { Button } from '../../components/button.tsx';
import { DoctorCard } from '../../components/doctor-card.tsx';
import { toastError } from '../../components/toasts.tsx';
import { client } from '../../host.ts';
import { focusCard } from '../../lib/focus-card.ts';
import { mendOf } from './mends.ts';
import { useBridgeCommand } from './run.ts';

/** The bridge's own doctor. */
export function BridgeDoctor({ bridge, onSignIn }: { bridge: BridgeName; onSignIn: () => void }) {
  return (
    <DoctorCard
      about="Tells apart why this bridge would not serve: keychain, account, listener, limits, scope, models."
      examine={() => client.doctor.run({ bridge })}
      renderMend={({ id }, again) => <Mend bridge={bridge} check={id} onSignIn={onSignIn} onMended={again} />}
    />
  );
}

/** The button that mends a finding, where this window can. The doctor looks again after. */
function Mend({ bridge, check, onSignIn, onMended }: { bridge: BridgeName; check: string; onSignIn: () => void; onMended: () => void }) {
  const navigate = useNavigate();
  const act = useBridgeCommand((kind: 'enable' | 'retry') =>
    kind === 'enable' ? client.bridges.enable({ bridge, enabled: true }) : client.bridges.retry({ bridge }),
  );
  const mend = mendOf(check);
  if (mend === null) return null;
  const press = (): void => {
    if (mend.does === 'sign-in') onSignIn();
    else if (mend.does === 'settings') void navigate({ to: '/settings' });
    else if (mend.does === 'scope' || mend.does === 'limits') focusCard(mend.does === 'scope' ? 'Scope of use' : 'Safety limits');
    else act.mutate(mend.does, { onSuccess: onMended, onError: (error) => toastError('This could not be mended', error) });
  };
  return (
    <Button busy={act.isPending} onClick={press}>
      {mend.label}
    </Button>
  );
}
