import { useMutation, useQuery } from '@tanstack/react-query';
import { X } from 'lucide-react';
import { useState } from 'react';
import type { Price } from '../../../../bridges/contract/index.ts';
import { Button, IconButton } from '../../components/button.tsx';
import { Card } from '../../components/card.tsx';
import { FIELD } from '../../components/field.tsx';
import { AMOUNTS, PRICE_COLUMNS, PriceCells } from '../../components/price-cells.tsx';
import { Cell, Table } from '../../components/table.tsx';
import { toast } from '../../components/toasts.tsx';
import { client } from '../../host.ts';
import { cn } from '../../lib/cn.ts';
import { engine, queryClient } from '../../lib/engine.ts';
import { EMPTY_PRICE, priceOf, type PriceDraft } from './price-draft.ts';
import { Failed, Problem } from '../../components/problem.tsx';

const COLUMNS = [...PRICE_COLUMNS, { title: 'Actions', width: 'w-14', hidden: true }];

const ownOf = (prices: readonly (Price & { from: string })[] = []): Price[] =>
  prices.flatMap(({ from, ...price }) => (from === 'user' ? [price] : []));

/** Puts a price in the place of the one its model has, or takes that away; resolves with what there was. */
async function put(model: string, price: Price | null): Promise<Price | null> {
  const own = ownOf((await client.usage.prices()).prices);
  const others = own.filter((one) => one.model !== model);
  await client.usage.setPrices({ prices: price === null ? others : [...others, price] });
  await queryClient.invalidateQueries({ queryKey: engine.usage.key() });
  return own.find((one) => one.model === model) ?? null;
}

/** Prices of the owner's own, which count before ours. */
export function Prices() {
  const { data, error, refetch } = useQuery(engine.usage.prices.queryOptions());
  const [draft, setDraft] = useState<PriceDraft>(EMPTY_PRICE);
  const save = useMutation({
    // One after the other: they are written all together, and the next must not be without what this one adds.
    scope: { id: 'prices' },
    mutationFn: async ({ model, price, title }: { model: string; price: Price | null; title: string }) => {
      const before = await put(model, price);
      toast({ title, undo: () => put(model, before) });
    },
  });
  const own = ownOf(data?.prices);
  const price = data === undefined ? null : priceOf(draft);
  return (
    <Card title="Prices of your own" actions={<span className="text-2xs text-faint">Dollars for a million tokens</span>}>
      <p className="px-3.5 py-2.5 text-xs text-muted">
        For models we have no price for, or where yours is another. An empty amount is unknown, and so is the cost of calls that used such
        tokens. Past calls are reckoned anew. They stand in <code className="font-mono text-2xs break-all">{data?.file}</code>.
      </p>
      {error !== null && !data && (
        <Problem title="The prices cannot be read" error={error} onRetry={() => void refetch()} className="mx-3.5 mb-2.5" />
      )}
      {data?.problem != null && (
        <p role="alert" className="mx-3.5 mb-2.5 rounded-md bg-warn-soft px-2.5 py-1.5 text-xs text-warn">
          The file is not in force: {data.problem} Saving here writes it anew.
        </p>
      )}
      {own.length > 0 && (
        <div className="border-t">
          <Table label="Prices of your own" columns={COLUMNS}>
            {own.map((one) => (
              <tr key={one.model}>
                <PriceCells price={one} />
                <Cell className="text-right">
                  <IconButton
                    label={`Remove the price of ${one.model}`}
                    onClick={() => save.mutate({ model: one.model, price: null, title: `Removed the price of ${one.model}` })}
                  >
                    <X aria-hidden size={14} />
                  </IconButton>
                </Cell>
              </tr>
            ))}
          </Table>
        </div>
      )}
      <form
        className="flex flex-wrap items-end gap-2 border-t px-3.5 py-2.5"
        onSubmit={(event) => {
          event.preventDefault();
          if (price === null) return;
          const { model } = price;
          const dated = { ...price, date: new Date().toISOString().slice(0, 10) };
          save.mutate(
            { model, price: dated, title: `Saved the price of ${model}` },
            { onSuccess: () => setDraft((now) => (now === draft ? EMPTY_PRICE : now)) },
          );
        }}
      >
        <input
          aria-label="Model of a new price"
          placeholder="lab-large*"
          autoComplete="off"
          spellCheck={false}
          className={cn(FIELD, 'min-w-36 flex-1 font-mono')}
          value={draft.model}
          onChange={(event) => setDraft({ ...draft, model: event.target.value })}
        />
        {AMOUNTS.map(({ field, title }) => (
          <input
            key={field}
            aria-label={`${title}, dollars for a million tokens`}
            placeholder={title}
            inputMode="decimal"
            autoComplete="off"
            className={cn(FIELD, 'tnum w-[5.6rem] text-right')}
            value={draft[field]}
            onChange={(event) => setDraft({ ...draft, [field]: event.target.value })}
          />
        ))}
        <Button type="submit" busy={save.isPending} disabled={price === null}>
          Save price
        </Button>
        <Failed error={save.error} className="w-full" />
      </form>
    </Card>
  );
}
