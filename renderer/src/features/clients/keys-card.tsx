import { useQuery } from '@tanstack/react-query';
import { Card } from '../../components/card.tsx';
import { Problem } from '../../components/problem.tsx';
import { engine } from '../../lib/engine.ts';
import { ago, fullTime } from '../../lib/format.ts';
import { CreateKey } from './create-key.tsx';
import { RevokeKey } from './revoke-key.tsx';

/** The client keys. Each tracks one caller and can be taken back alone. */
export function KeysCard() {
  const { data: keys, error, refetch } = useQuery(engine.keys.list.queryOptions());
  return (
    <Card title="Client keys" actions={<CreateKey />}>
      {error !== null && !keys && <Problem title="The keys cannot be read" error={error} onRetry={() => void refetch()} className="m-3" />}
      {keys?.length === 0 && (
        <p className="max-w-2xl px-3.5 py-4 text-muted">
          There is no key yet. Every client carries one, so that its calls bear a name and it can be shut out alone. Create one for each
          program you connect.
        </p>
      )}
      {keys && keys.length > 0 && (
        <table className="w-full table-fixed text-xs">
          <thead>
            <tr className="h-7 border-b text-left text-2xs text-faint">
              <th className="w-[34%] pl-3.5 font-normal">Name</th>
              <th className="font-normal">Key</th>
              <th className="font-normal">Created</th>
              <th className="font-normal">Last used</th>
              <th className="w-24 pr-3.5">
                <span className="sr-only">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody className="divide-y divide-line/60">
            {keys.map((key) => (
              <tr key={key.id} className="h-9">
                <td className="truncate pl-3.5 font-medium">{key.name}</td>
                <td className="font-mono text-muted">{key.hint}</td>
                <td className="tnum text-muted" title={fullTime(key.createdAt)}>
                  {ago(key.createdAt)}
                </td>
                <td className="tnum text-muted" title={key.lastUsedAt === null ? undefined : fullTime(key.lastUsedAt)}>
                  {key.lastUsedAt === null ? <span className="text-faint">never</span> : ago(key.lastUsedAt)}
                </td>
                <td className="pr-2 text-right">
                  <RevokeKey id={key.id} name={key.name} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Card>
  );
}
