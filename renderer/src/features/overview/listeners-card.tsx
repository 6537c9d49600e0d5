import type { Listener } from '../../../../bridges/contract/index.ts';
import { Card } from '../../components/card.tsx';
import { CopyButton } from '../../components/copy-button.tsx';
import { MendButton } from '../../components/mend-button.tsx';
import { StatusDot, type DotTone } from '../../components/status-dot.tsx';

const NAMES: Readonly<Record<Listener['name'], { label: string; job: string }>> = {
  companion: { label: 'Companion', job: 'what your clients call' },
  ui: { label: 'Window', job: 'this window, in a browser' },
  control: { label: 'Control', job: 'the command line' },
};
const STATES: Readonly<Record<Listener['state'], { tone: DotTone; label: string }>> = {
  starting: { tone: 'warn', label: 'Starting' },
  listening: { tone: 'ok', label: 'Listening' },
  failed: { tone: 'bad', label: 'Failed' },
  stopped: { tone: 'idle', label: 'Stopped' },
};

/** Where the engine listens, and what to do where it does not. */
export function ListenersCard({ listeners }: { listeners: readonly Listener[] }) {
  return (
    <Card title="Listeners">
      <ul className="divide-y">
        {listeners.map((listener) => {
          const state = STATES[listener.state];
          return (
            <li key={listener.name} className="grid grid-cols-[minmax(0,1fr)] gap-1.5 px-3.5 py-2">
              <div className="flex min-h-6 items-center gap-2">
                <StatusDot tone={state.tone} />
                <span className="font-medium" title={NAMES[listener.name].job}>
                  {NAMES[listener.name].label}
                </span>
                <span className="text-xs whitespace-nowrap text-muted">{state.label}</span>
                {listener.address !== null && (
                  <span className="ml-auto flex min-w-0 items-center gap-1">
                    <code className="min-w-0 truncate font-mono text-xs" title={listener.address}>
                      {listener.address}
                    </code>
                    <CopyButton text={listener.address} label={`Copy the address of ${NAMES[listener.name].label}`} />
                  </span>
                )}
              </div>
              {listener.reason !== null && <p className="pl-4 text-xs text-bad">{listener.reason}</p>}
              {listener.mend && (
                <div className="pl-4">
                  <MendButton mend={listener.mend} />
                </div>
              )}
            </li>
          );
        })}
      </ul>
    </Card>
  );
}
