import { useQuery } from '@tanstack/react-query';
import { Link, useLocation } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { DoctorCheck } from '../../../../bridges/contract/index.ts';
import { Button } from '../../components/button.tsx';
import { BUTTON_LINK } from '../../components/button-link.ts';
import { DoctorCard } from '../../components/doctor-card.tsx';
import { MendButton } from '../../components/mend-button.tsx';
import { client } from '../../host.ts';
import { engine } from '../../lib/engine.ts';
import { focusCard } from '../../lib/focus-card.ts';
import { CreateKey } from '../clients/index.ts';

/** The way to the page where a finding is mended; none where only its owner can, outside of this window. */
function Place({ check }: { check: string }) {
  const bridge = /^(.+)-account$/.exec(check)?.[1];
  const tunnel = /^tunnel-(.+)$/.exec(check)?.[1];
  if (tunnel !== undefined)
    return (
      <Link to="/tunnels/$name" params={{ name: tunnel }} className={BUTTON_LINK}>
        See the tunnel
      </Link>
    );
  if (bridge === undefined) return null;
  return (
    <Link to="/bridges/$name" params={{ name: bridge }} className={BUTTON_LINK}>
      See the bridge
    </Link>
  );
}

/** What most often goes wrong, as `drawbridge doctor` tells it. Who comes by `/settings#doctor` has it look at once. */
export function Doctor() {
  const { data: status } = useQuery(engine.status.get.queryOptions());
  const companion = status?.listeners.find(({ name }) => name === 'companion');
  const renderMend = ({ id }: DoctorCheck, again: () => void): ReactNode => {
    switch (id) {
      case 'companion':
        return companion?.mend && <MendButton mend={companion.mend} onMended={again} />;
      case 'store':
        return <Button onClick={() => focusCard('Stored calls')}>Go to the storage</Button>;
      case 'keys':
        return <CreateKey look="plain" onMade={again} />;
      default:
        return <Place check={id} />;
    }
  };
  return (
    <DoctorCard
      about="Looks at what most often goes wrong: Node, the state folder, the settings, the companion, the call history, the keys."
      examine={() => client.doctor.run()}
      wanted={useLocation({ select: ({ hash }) => hash === 'doctor' })}
      renderMend={renderMend}
    />
  );
}
