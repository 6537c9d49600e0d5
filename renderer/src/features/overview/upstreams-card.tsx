import type { Upstream } from '../../../../bridges/contract/index.ts';
import { PracticeBadge } from '../../components/badge.tsx';
import { PRACTICE, Wire } from '../../components/call-bits.tsx';
import { Card } from '../../components/card.tsx';
import { StatusDot } from '../../components/status-dot.tsx';

const CREDENTIALS: Readonly<Record<Upstream['credential'], string>> = {
  none: 'no credential',
  client: 'the client’s own credential',
  ours: 'Drawbridge’s credential',
};

/** Where calls can go next, and with whose credential. */
export function UpstreamsCard({ upstreams }: { upstreams: readonly Upstream[] }) {
  return (
    <Card title="Upstreams">
      <ul className="divide-y">
        {upstreams.map((upstream) => (
          <li key={upstream.id} className="grid gap-0.5 px-3.5 py-2">
            <div className="flex min-h-6 items-center gap-2">
              <StatusDot tone={upstream.state === 'ready' ? 'ok' : 'idle'} />
              <span className="font-medium">{upstream.label}</span>
              {upstream.kind === PRACTICE && <PracticeBadge />}
              <span className="ml-auto text-xs text-muted">{upstream.state === 'ready' ? 'Ready' : 'Not set up'}</span>
            </div>
            <p className="flex flex-wrap gap-x-2 pl-4 text-xs text-faint">
              <span className="min-w-0 truncate">{upstream.baseUrl ?? (upstream.kind === PRACTICE ? 'built in' : 'no address')}</span>
              <span>· {CREDENTIALS[upstream.credential]}</span>
              <span className="flex gap-1.5">
                ·
                {upstream.wires.map((wire) => (
                  <Wire key={wire} wire={wire} />
                ))}
              </span>
            </p>
            {upstream.state !== 'ready' && upstream.reason !== null && <p className="pl-4 text-xs text-muted">{upstream.reason}</p>}
          </li>
        ))}
      </ul>
    </Card>
  );
}
