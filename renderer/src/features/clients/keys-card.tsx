import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Card } from '../../components/card.tsx';
import { Problem } from '../../components/problem.tsx';
import { Cell, Table } from '../../components/table.tsx';
import { ago, fullTime } from '../../lib/format.ts';
import { CreateKey } from './create-key.tsx';
import { RevokeKey } from './revoke-key.tsx';
import type { Ring } from './rings.ts';
import { USES } from './uses.ts';

const COLUMNS = [
  { title: 'Name', width: 'w-[28%]' },
  { title: 'Key' },
  { title: 'For' },
  { title: 'Created' },
  { title: 'Last used' },
  { title: 'Actions', width: 'w-24', hidden: true },
];

/** The keys of a ring. Each goes by a name of its own and can be taken back alone. */
export function KeysCard({ ring, about }: { ring: Ring; about?: ReactNode }) {
  const { data: keys, error, refetch } = useQuery({ queryKey: ring.queryKey, queryFn: ring.list });
  return (
    <Card title={ring.title} actions={<CreateKey ring={ring} />}>
      {about !== undefined && <p className="px-3.5 py-2.5 text-xs text-muted">{about}</p>}
      {error !== null && !keys && <Problem title="The keys cannot be read" error={error} onRetry={() => void refetch()} className="m-3" />}
      {keys?.length === 0 && <p className="max-w-2xl px-3.5 py-4 text-muted">{ring.empty}</p>}
      {keys && keys.length > 0 && (
        <Table label={ring.title} columns={COLUMNS.filter(({ title }) => ring.hasUse || title !== 'For')}>
          {keys.map((key) => (
            <tr key={key.id} className="transition-colors hover:bg-hover">
              <Cell className="truncate font-medium">{key.name}</Cell>
              <Cell className="font-mono text-muted">{key.hint}</Cell>
              {ring.hasUse && <Cell className="truncate text-muted">{USES[key.use]}</Cell>}
              <Cell className="tnum text-muted" title={fullTime(key.createdAt)}>
                {ago(key.createdAt)}
              </Cell>
              <Cell className="tnum text-muted" title={key.lastUsedAt === null ? undefined : fullTime(key.lastUsedAt)}>
                {key.lastUsedAt === null ? <span className="text-faint">never</span> : ago(key.lastUsedAt)}
              </Cell>
              <Cell className="text-right">
                <RevokeKey ring={ring} id={key.id} name={key.name} />
              </Cell>
            </tr>
          ))}
        </Table>
      )}
    </Card>
  );
}
