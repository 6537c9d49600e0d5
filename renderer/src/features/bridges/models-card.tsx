import { useQuery } from '@tanstack/react-query';
import type { BridgeName } from '../../../../bridges/contract/index.ts';
import { Card } from '../../components/card.tsx';
import { CopyButton } from '../../components/copy-button.tsx';
import { Problem } from '../../components/problem.tsx';
import { engine } from '../../lib/engine.ts';

/** The models, by the names that clients call them. */
export function ModelsCard({ bridge }: { bridge: BridgeName }) {
  const { data: models, error, refetch } = useQuery(engine.bridges.models.queryOptions({ input: { bridge } }));
  return (
    <Card title="Models" actions={models && <span className="tnum text-2xs text-faint">{models.length}</span>}>
      {error !== null && !models && (
        <Problem title="The models cannot be read" error={error} onRetry={() => void refetch()} className="m-3" />
      )}
      {models?.length === 0 && (
        <p className="px-3.5 py-3 text-xs text-pretty text-muted">The provider lists none now. The doctor can say why.</p>
      )}
      {models && models.length > 0 && (
        <ul aria-label="Models" tabIndex={0} className="max-h-72 divide-y overflow-y-auto focus-visible:-outline-offset-2">
          {models.map((model) => (
            <li key={model.id} className="flex min-h-9 items-center gap-3 px-3.5 py-1">
              <code className="min-w-0 truncate font-mono text-xs">{model.id}</code>
              {!model.id.endsWith(`/${model.title}`) && <span className="truncate text-xs text-muted">{model.title}</span>}
              <span className="ml-auto text-2xs text-faint">{model.owner}</span>
              <CopyButton text={model.id} label={`Copy ${model.id}`} />
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
