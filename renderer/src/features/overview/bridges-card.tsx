import type { Bridge, Tunnel } from '../../../../bridges/contract/index.ts';
import { Badge } from '../../components/badge.tsx';
import { Card } from '../../components/card.tsx';
import { MendButton } from '../../components/mend-button.tsx';
import { StatusDot, type DotTone } from '../../components/status-dot.tsx';

const ACCOUNTS: Readonly<Record<Bridge['state'], { tone: DotTone; label: string }>> = {
  signed_out: { tone: 'idle', label: 'Signed out' },
  signing_in: { tone: 'warn', label: 'Signing in' },
  ready: { tone: 'ok', label: 'Ready' },
  auth_required: { tone: 'bad', label: 'Sign in again' },
  denied: { tone: 'bad', label: 'Denied' },
};

/** The signed-in accounts that clients can use. */
export function BridgesCard({ bridges }: { bridges: readonly Bridge[] }) {
  return (
    <Card title="Bridges">
      <ul className="divide-y">
        {bridges.map((bridge) => (
          <li key={bridge.name} className="grid gap-1.5 px-3.5 py-2">
            <div className="flex min-h-6 items-center gap-2">
              <StatusDot tone={ACCOUNTS[bridge.state].tone} />
              <span className="font-medium">{bridge.label}</span>
              <Badge tone={bridge.standing === 'official' ? 'neutral' : 'warn'}>{bridge.standing}</Badge>
              <span className="ml-auto text-xs text-muted">{ACCOUNTS[bridge.state].label}</span>
            </div>
            {bridge.address !== null && <code className="pl-4 font-mono text-xs text-muted">{bridge.address}</code>}
            {bridge.reason !== null && <p className="pl-4 text-xs text-muted">{bridge.reason}</p>}
            {bridge.mend && (
              <div className="pl-4">
                <MendButton mend={bridge.mend} />
              </div>
            )}
          </li>
        ))}
      </ul>
    </Card>
  );
}

/** The reverse tunnels that lend bridges to the gateway. */
export function TunnelsCard({ tunnels }: { tunnels: readonly Tunnel[] }) {
  return (
    <Card title="Tunnels">
      <ul className="divide-y">
        {tunnels.map((tunnel) => (
          <li key={tunnel.name} className="grid gap-1.5 px-3.5 py-2">
            <div className="flex min-h-6 items-center gap-2">
              <span className="font-medium">{tunnel.name}</span>
              <span className="ml-auto text-xs text-muted">{tunnel.state}</span>
            </div>
            {tunnel.reason !== null && <p className="text-xs text-muted">{tunnel.reason}</p>}
            {tunnel.mend && <MendButton mend={tunnel.mend} />}
          </li>
        ))}
      </ul>
    </Card>
  );
}
