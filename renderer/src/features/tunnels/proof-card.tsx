import { CircleCheck, CircleDashed } from 'lucide-react';
import type { TunnelStatus } from '../../../../bridges/contract/index.ts';
import { Button } from '../../components/button.tsx';
import { Card } from '../../components/card.tsx';
import { toastError } from '../../components/toasts.tsx';
import { client } from '../../host.ts';
import { cn } from '../../lib/cn.ts';
import { ago, fullTime } from '../../lib/format.ts';
import { useTunnelCommand } from './run.ts';
import { MARKS } from './words.ts';

/** What is proved of the tunnel, by whom and when; and what is not. */
export function ProofCard({ tunnel }: { tunnel: TunnelStatus }) {
  const { name } = tunnel.definition;
  const check = useTunnelCommand(() => client.tunnels.check({ name }));
  return (
    <Card
      title="Proof"
      actions={
        tunnel.farPort !== null && (
          <Button
            busy={check.isPending}
            className="h-6.5"
            onClick={() => check.mutate(undefined, { onError: (error) => toastError('The far side could not be asked', error) })}
          >
            Prove now
          </Button>
        )
      }
    >
      <ul className="grid divide-y min-[860px]:grid-cols-3 min-[860px]:divide-x min-[860px]:divide-y-0">
        {MARKS.map(({ mark, title, meaning }) => {
          const seen = tunnel.marks[mark];
          const Icon = seen ? CircleCheck : CircleDashed;
          return (
            <li key={mark} className="flex items-start gap-2.5 px-3.5 py-3">
              <Icon aria-hidden size={17} className={cn('mt-px shrink-0', seen ? 'text-ok' : 'text-faint')} />
              <div className="min-w-0">
                <p className="font-medium">
                  {title}
                  {!seen && <span className="font-normal text-faint">: not proven</span>}
                </p>
                <p className="text-xs text-pretty text-muted">{meaning}</p>
                {seen && (
                  <p className="text-2xs break-words text-faint" title={fullTime(seen.at)}>
                    {ago(seen.at)}, by {seen.by}
                  </p>
                )}
              </div>
            </li>
          );
        })}
      </ul>
      {tunnel.unproven !== null && <p className="border-t px-3.5 py-2 text-xs text-pretty text-warn">{tunnel.unproven}</p>}
      {tunnel.listens.length > 0 && (
        <p className="border-t px-3.5 py-2 text-xs text-muted">
          The gateway reports: <code className="font-mono">{tunnel.listens.join(', ')}</code>
        </p>
      )}
    </Card>
  );
}
