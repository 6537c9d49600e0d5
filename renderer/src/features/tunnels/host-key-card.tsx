import type { TunnelStatus } from '../../../../bridges/contract/index.ts';
import { Button } from '../../components/button.tsx';
import { Card } from '../../components/card.tsx';
import { CodeBlock } from '../../components/code-block.tsx';
import { toast } from '../../components/toasts.tsx';
import { Failed } from '../../components/problem.tsx';
import { client } from '../../host.ts';
import { useTunnelCommand } from './run.ts';

const COMMAND = 'ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub';

/** The gateway's host key: shown, compared by a person, and only then pinned. */
export function HostKeyCard({ tunnel }: { tunnel: TunnelStatus }) {
  const { name } = tunnel.definition;
  const ask = useTunnelCommand(() => client.tunnels.hostKey({ name }));
  const trust = useTunnelCommand((fingerprint: string) => client.tunnels.trust({ name, fingerprint }));
  const shown = ask.data;
  const error = ask.error ?? trust.error;
  return (
    <Card
      title="Host key"
      actions={
        <Button busy={ask.isPending} onClick={() => ask.mutate(undefined)} className="h-6.5">
          {tunnel.fingerprint === null ? 'Ask the gateway' : 'Compare again'}
        </Button>
      }
    >
      <div className="grid gap-2.5 px-3.5 py-3">
        {tunnel.fingerprint === null ? (
          <p className="text-xs text-pretty text-muted">
            None is pinned yet. Before the first session you compare the gateway’s host key once; from then on any other is refused.
          </p>
        ) : (
          <div className="grid gap-1">
            <p className="text-xs text-muted">Pinned. A gateway that shows another key is refused.</p>
            <code className="font-mono text-xs break-all">{tunnel.fingerprint}</code>
          </div>
        )}
        {shown && (
          <div role="group" aria-label="Key the gateway shows" className="grid gap-2.5 rounded-md border bg-sunken p-3">
            <div className="grid gap-1">
              <p className="text-xs font-medium">The gateway shows ({shown.type}):</p>
              <code aria-label="Fingerprint" className="font-mono text-xs break-all">
                {shown.fingerprint}
              </code>
            </div>
            {shown.pinned === shown.fingerprint ? (
              <p className="text-xs text-ok">It is the one that is pinned.</p>
            ) : (
              <>
                {shown.pinned !== null && (
                  <p className="text-xs text-pretty text-bad">
                    This is not the one that is pinned. Either the gateway was set up anew, or somebody stands in between.
                  </p>
                )}
                <p className="text-xs text-pretty text-muted">Run this on the gateway itself, and compare every character:</p>
                <CodeBlock text={COMMAND} label="command that shows the host key" className="bg-surface" />
                <div className="flex gap-2">
                  <Button
                    look="primary"
                    busy={trust.isPending}
                    onClick={() =>
                      trust.mutate(shown.fingerprint, {
                        onSuccess: () => {
                          ask.reset();
                          toast({ title: 'The host key is pinned' });
                        },
                      })
                    }
                  >
                    It is the same: pin it
                  </Button>
                  <Button onClick={() => ask.reset()}>Not the same</Button>
                </div>
              </>
            )}
          </div>
        )}
        <Failed error={error} className="break-words" />
      </div>
    </Card>
  );
}
