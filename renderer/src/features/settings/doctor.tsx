import { useQuery } from '@tanstack/react-query';
import { useLocation } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { DoctorCheck } from '../../../../bridges/contract/index.ts';
import { Button } from '../../components/button.tsx';
import { DoctorCard } from '../../components/doctor-card.tsx';
import { MendButton } from '../../components/mend-button.tsx';
import { client } from '../../host.ts';
import { engine } from '../../lib/engine.ts';
import { focusCard } from '../../lib/focus-card.ts';
import { CreateKey } from '../clients/index.ts';

/** What most often goes wrong, as `drawbridge doctor` tells it. Who comes by `/settings#doctor` has it look at once. */
export function Doctor() {
  const { data: status } = useQuery(engine.status.get.queryOptions());
  const companion = status?.listeners.find(({ name }) => name === 'companion');
  const mendOf = ({ id }: DoctorCheck, again: () => void): ReactNode => {
    switch (id) {
      case 'companion':
        return companion?.mend && <MendButton mend={companion.mend} onMended={again} />;
      case 'store':
        return <Button onClick={() => focusCard('Stored calls')}>Go to the storage</Button>;
      case 'keys':
        return <CreateKey look="plain" onMade={again} />;
      default:
        return null;
    }
  };
  return (
    <DoctorCard
      about="Looks at what most often goes wrong: Node, the state folder, the settings, the companion, the call history, the keys."
      examine={() => client.doctor.run()}
      wanted={useLocation({ select: ({ hash }) => hash === 'doctor' })}
      mendOf={mendOf}
    />
  );
}
