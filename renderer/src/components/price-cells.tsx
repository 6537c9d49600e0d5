import type { Price } from '../../../bridges/contract/index.ts';
import { dollars } from '../lib/format.ts';
import { Unstated } from './call-bits.tsx';
import { Cell, type Column } from './table.tsx';

/** The amounts of a price, dollars for a million tokens, in the order they are shown and typed in. */
export const AMOUNTS = [
  { field: 'input', title: 'In', width: 'w-20' },
  { field: 'cached', title: 'Cached', width: 'w-20' },
  { field: 'cacheWrite', title: 'Cache write', width: 'w-24' },
  { field: 'output', title: 'Out', width: 'w-20' },
] as const satisfies readonly { field: keyof Price; title: string; width: string }[];

/** The columns of a table of prices, which `PriceCells` fill; a table adds its own after them. */
export const PRICE_COLUMNS: readonly Column[] = [{ title: 'Model' }, ...AMOUNTS.map(({ title, width }) => ({ title, width, right: true }))];

/** The model of a price and its amounts. */
export function PriceCells({ price }: { price: Omit<Price, 'date' | 'source'> }) {
  return (
    <>
      <Cell className="truncate font-mono" title={price.model}>
        {price.model}
      </Cell>
      {AMOUNTS.map(({ field }) => (
        <Cell key={field} className="tnum text-right">
          {price[field] === null ? <Unstated /> : dollars(price[field])}
        </Cell>
      ))}
    </>
  );
}
