import { useQuery } from '@tanstack/react-query';
import { Card } from '../../components/card.tsx';
import { CodeBlock } from '../../components/code-block.tsx';
import { Problem } from '../../components/problem.tsx';
import { engine } from '../../lib/engine.ts';

/** What the gateway's administrator sets up: the account's key line, the block for sshd, the check script. */
export function KitCard({ name }: { name: string }) {
  const {
    data: kit,
    error,
    refetch,
  } = useQuery({
    ...engine.tunnels.serverKit.queryOptions({ input: { name } }),
    // They follow from the tunnel's definition and its ssh key: another one of that name has others.
    gcTime: 0,
  });
  return (
    <Card title="Set the gateway up">
      {error !== null && !kit && (
        <Problem title="The lines for the gateway cannot be made" error={error} onRetry={() => void refetch()} className="m-3" />
      )}
      {kit && (
        <div className="grid grid-cols-[minmax(0,1fr)] gap-4 px-3.5 py-3">
          <Part title="The account’s authorized_keys" hint="It allows the far ports and the check, and nothing else.">
            <CodeBlock text={kit.authorizedKeys} label="authorized_keys line" />
          </Part>
          <Fold title="Commands, as root and in this order">
            <CodeBlock text={kit.steps.join('\n')} label="commands for the gateway" />
          </Fold>
          <Fold title={`Block for ${kit.sshdFile}`}>
            <CodeBlock text={kit.sshdConfig} label="sshd settings" />
          </Fold>
          {kit.check && (
            <Fold title={`Check script, for ${kit.check.path}`}>
              <CodeBlock text={kit.check.script} label="check script" className="max-h-80 overflow-y-auto" />
            </Fold>
          )}
        </div>
      )}
    </Card>
  );
}

function Part({ title, hint, children }: { title: string; hint: string; children: React.ReactNode }) {
  return (
    <div className="grid grid-cols-[minmax(0,1fr)] gap-1.5">
      <p className="text-xs font-medium">{title}</p>
      {children}
      <p className="text-xs text-faint">{hint}</p>
    </div>
  );
}

function Fold({ title, children }: { title: string; children: React.ReactNode }) {
  return (
    <details>
      <summary className="w-fit rounded text-xs font-medium text-muted hover:text-ink">{title}</summary>
      <div className="pt-2">{children}</div>
    </details>
  );
}
