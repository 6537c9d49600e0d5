import { useQuery } from '@tanstack/react-query';
import type { BridgeDetail } from '../../../../bridges/contract/index.ts';
import { Card } from '../../components/card.tsx';
import { CodeBlock } from '../../components/code-block.tsx';
import { engine } from '../../lib/engine.ts';
import { ago, plural } from '../../lib/format.ts';
import { PlaceLink } from '../../shell/place-link.tsx';

const SHOWN = 4;

/** Where the bridge listens, and which client keys open it. */
export function AddressCard({ bridge }: { bridge: BridgeDetail }) {
  const { data: keys } = useQuery(engine.keys.list.queryOptions());
  return (
    <Card
      title="Address and keys"
      actions={
        <PlaceLink to="/clients" className="text-xs text-accent hover:underline">
          Manage keys
        </PlaceLink>
      }
    >
      <div className="grid gap-2.5 px-3.5 py-3">
        {(bridge.address === null || bridge.listenerProblem !== null) && (
          <p className="text-xs text-pretty text-warn">{bridge.listenerProblem ?? 'It does not listen.'}</p>
        )}
        {bridge.address !== null && (
          <>
            <CodeBlock text={`http://${bridge.address}/v1`} label="base URL" />
            <p className="text-xs text-pretty text-muted">
              This bridge alone, on this machine only. Through the companion its models go by the names listed under Models.
            </p>
          </>
        )}
      </div>
      {keys && (
        <ul aria-label="Client keys" className="divide-y border-t">
          {keys.slice(0, SHOWN).map((key) => (
            <li key={key.id} className="flex h-9 items-center gap-3 px-3.5 text-xs">
              <span className="truncate font-medium">{key.name}</span>
              <code className="font-mono text-muted">{key.hint}</code>
              <span className="tnum ml-auto text-muted">{key.lastUsedAt === null ? 'never used' : ago(key.lastUsedAt)}</span>
            </li>
          ))}
          {keys.length > SHOWN && (
            <li className="px-3.5 py-2 text-xs text-muted">and {plural(keys.length - SHOWN, 'more key', 'more keys')}</li>
          )}
          {keys.length === 0 && <li className="px-3.5 py-2.5 text-xs text-muted">No client key was made yet, so no program can call.</li>}
        </ul>
      )}
    </Card>
  );
}
