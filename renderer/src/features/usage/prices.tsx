import { useQuery } from '@tanstack/react-query';
import type { Price } from '../../../../bridges/contract/index.ts';
import { Badge } from '../../components/badge.tsx';
import { Card } from '../../components/card.tsx';
import { PRICE_COLUMNS, PriceCells } from '../../components/price-cells.tsx';
import { Cell, Table } from '../../components/table.tsx';
import { engine } from '../../lib/engine.ts';
import { plural } from '../../lib/format.ts';

const COLUMNS = [...PRICE_COLUMNS, { title: 'From', width: 'w-52' }];

/** The price table that costs are reckoned with, and where the user's own rows go. */
export function Prices() {
  const { data } = useQuery(engine.usage.prices.queryOptions());
  if (!data) return null;
  return (
    <Card title="Prices" actions={<span className="text-2xs text-faint">Dollars for a million tokens</span>}>
      <p className="px-3.5 py-2.5 text-xs text-muted">
        Costs are reckoned when they are shown, with these prices. Rows of your own go into{' '}
        <code className="font-mono break-all">{data.file}</code> and come before ours.
      </p>
      {data.problem !== null && (
        <p role="alert" className="mx-3.5 mb-2.5 rounded-md bg-warn-soft px-2.5 py-1.5 text-xs text-warn">
          Your prices are not in force: {data.problem}
        </p>
      )}
      <details className="border-t">
        <summary className="px-3.5 py-2 text-xs text-muted hover:text-ink">{plural(data.prices.length, 'price')}</summary>
        <Table label="Prices" columns={COLUMNS} className="min-w-[46rem] border-t">
          {data.prices.map((price) => (
            <tr key={`${price.from} ${price.model}`}>
              <PriceCells price={price} />
              <Cell className="truncate text-muted" title={price.source}>
                {price.from === 'user' && <Badge tone="accent">yours</Badge>} {price.date}, {hostOf(price)}
              </Cell>
            </tr>
          ))}
        </Table>
      </details>
    </Card>
  );
}

function hostOf({ source }: Price): string {
  return URL.canParse(source) ? new URL(source).hostname : source;
}
