import { useQuery } from '@tanstack/react-query';
import type { Window5h } from '../../../../bridges/contract/index.ts';
import { Unstated } from '../../components/call-bits.tsx';
import { Card } from '../../components/card.tsx';
import { CostValue } from '../../components/cost.tsx';
import { Problem } from '../../components/problem.tsx';
import { Cell, Table } from '../../components/table.tsx';
import { engine } from '../../lib/engine.ts';
import { compact, number, time } from '../../lib/format.ts';
import { EACH_MINUTE } from '../../lib/each-minute.ts';

const COLUMNS = [
  { title: 'Bridge or provider' },
  { title: 'Oldest call', width: 'w-28' },
  { title: 'Falls out at', width: 'w-28' },
  { title: 'Calls', width: 'w-20', right: true },
  { title: 'Errors', width: 'w-20', right: true },
  { title: 'Tokens in', width: 'w-24', right: true },
  { title: 'Tokens out', width: 'w-24', right: true },
  { title: 'Cost', width: 'w-40', right: true },
] as const;

/** The last five hours, as subscriptions count them. */
export function WindowCard() {
  const { data, error } = useQuery(engine.usage.window5h.queryOptions({ input: { by: 'bridge' }, ...EACH_MINUTE }));
  const busy = data?.filter(({ numbers }) => numbers.calls > 0) ?? [];
  return (
    <Card title="The last five hours" actions={<span className="text-2xs text-faint">A rolling window, as subscriptions count</span>}>
      {error !== null ? (
        <Problem title="The window cannot be read" error={error} className="m-3.5" />
      ) : busy.length === 0 ? (
        <p className="px-3.5 py-3 text-xs text-muted">{data ? 'No calls in the last five hours.' : ''}</p>
      ) : (
        <Table label="The last five hours" columns={COLUMNS} className="min-w-[52rem]">
          {busy.map((window) => (
            <Row key={window.group} window={window} />
          ))}
        </Table>
      )}
    </Card>
  );
}

function Row({ window: { group, startedAt, endsAt, numbers } }: { window: Window5h }) {
  return (
    <tr>
      <Cell className="font-medium">{group ?? <span className="text-faint">not stated</span>}</Cell>
      <Cell className="tnum text-muted">{startedAt === null ? <Unstated /> : time(startedAt)}</Cell>
      <Cell className="tnum text-muted">{endsAt === null ? <Unstated /> : time(endsAt)}</Cell>
      <Cell className="tnum text-right">{number(numbers.calls)}</Cell>
      <Cell className="tnum text-right">{number(numbers.errors)}</Cell>
      <Cell className="tnum text-right">{numbers.inputGross === null ? <Unstated /> : compact(numbers.inputGross)}</Cell>
      <Cell className="tnum text-right">{numbers.output === null ? <Unstated /> : compact(numbers.output)}</Cell>
      <Cell className="text-right">
        <CostValue cost={numbers.cost} />
      </Cell>
    </tr>
  );
}
