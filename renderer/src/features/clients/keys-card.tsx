import { useQuery } from '@tanstack/react-query';
import { Card } from '../../components/card.tsx';
import { Problem } from '../../components/problem.tsx';
import { Cell, Table } from '../../components/table.tsx';
import { engine } from '../../lib/engine.ts';
import { ago, fullTime } from '../../lib/format.ts';
import { CreateKey } from './create-key.tsx';
import { RevokeKey } from './revoke-key.tsx';
import { USES } from './uses.ts';

const COLUMNS = [
  { title: 'Name', width: 'w-[28%]' },
  { title: 'Key' },
  { title: 'For' },
  { title: 'Created' },
  { title: 'Last used' },
  { title: 'Actions', width: 'w-24', hidden: true },
];

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
        <Table label="Client keys" columns={COLUMNS}>
          {keys.map((key) => (
            <tr key={key.id} className="transition-colors hover:bg-hover">
              <Cell className="truncate font-medium">{key.name}</Cell>
              <Cell className="font-mono text-muted">{key.hint}</Cell>
              <Cell className="truncate text-muted">{USES[key.use]}</Cell>
              <Cell className="tnum text-muted" title={fullTime(key.createdAt)}>
                {ago(key.createdAt)}
              </Cell>
              <Cell className="tnum text-muted" title={key.lastUsedAt === null ? undefined : fullTime(key.lastUsedAt)}>
                {key.lastUsedAt === null ? <span className="text-faint">never</span> : ago(key.lastUsedAt)}
              </Cell>
              <Cell className="text-right">
                <RevokeKey id={key.id} name={key.name} />
              </Cell>
            </tr>
          ))}
        </Table>
      )}
    </Card>
  );
}
