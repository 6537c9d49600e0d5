import { RefreshCw } from 'lucide-react';
import type { BridgeDetail, QuotaWindow } from '../../../../bridges/contract/index.ts';
import { IconButton } from '../../components/button.tsx';
import { Card } from '../../components/card.tsx';
import { toastError } from '../../components/toasts.tsx';
import { client } from '../../host.ts';
import { ago, fullTime } from '../../lib/format.ts';
import { Meter } from '../../components/meter.tsx';
import { useBridgeCommand } from './run.ts';
import { creditWords } from '../../lib/credits.ts';
import { untilText } from './until.ts';

/** What is used of the plan, when it is there anew, and how old that knowledge is. */
export function QuotaCard({ bridge }: { bridge: BridgeDetail }) {
  const ask = useBridgeCommand(() => client.bridges.retry({ bridge: bridge.name }));
  const { quota } = bridge;
  return (
    <Card
      title="Quota"
      actions={
        <>
          {quota !== null && (
            <span className="text-2xs text-faint" title={fullTime(quota.asOf)}>
              as of {ago(quota.asOf)}
            </span>
          )}
          <IconButton
            label="Ask the provider now"
            busy={ask.isPending}
            onClick={() => ask.mutate(undefined, { onError: (error) => toastError('The quota could not be asked for', error) })}
          >
            <RefreshCw aria-hidden size={14} />
          </IconButton>
        </>
      }
    >
      {quota === null || quota.windows.length === 0 ? (
        <p className="px-3.5 py-3 text-xs text-pretty text-muted">
          The provider has told no quota for this account. Keys that are billed by use have none.
        </p>
      ) : (
        <ul className="divide-y">
          {quota.windows.map((window) => (
            <Window key={window.name} window={window} />
          ))}
        </ul>
      )}
    </Card>
  );
}

function Window({ window: { name, usedPercent, minutes, resetsAt, credits } }: { window: QuotaWindow }) {
  const title = `${name.replaceAll('_', ' ')}${minutes === null ? '' : `, ${lengthOf(minutes)}`}`;
  const used = usedPercent === null ? null : Math.round(usedPercent * 10) / 10;
  return (
    <li className="grid gap-1.5 px-3.5 py-2.5">
      <p className="flex items-baseline gap-2">
        <span className="font-medium first-letter:uppercase">{title}</span>
        <span className="tnum ml-auto text-xs text-muted">{used === null ? 'use not stated' : `${used} % used`}</span>
      </p>
      <Meter label={`${title}: used`} percent={used} />
      {credits !== undefined && <p className="tnum text-xs text-muted">{creditWords(credits)}</p>}
      <p className="text-2xs text-faint" title={resetsAt === null ? undefined : fullTime(resetsAt)}>
        {resetsAt === null ? 'When it is there anew is not stated.' : `Anew ${untilText(resetsAt)}, ${fullTime(resetsAt)}`}
      </p>
    </li>
  );
}

/** `5 hours`, `7 days`. */
function lengthOf(minutes: number): string {
  if (minutes % 1440 === 0) return `${minutes / 1440} ${minutes === 1440 ? 'day' : 'days'}`;
  if (minutes % 60 === 0) return `${minutes / 60} ${minutes === 60 ? 'hour' : 'hours'}`;
  return `${minutes} minutes`;
}
