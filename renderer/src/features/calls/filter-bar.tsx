import { useQuery } from '@tanstack/react-query';
import { X } from 'lucide-react';
import { memo, useCallback, type ReactNode, type RefObject } from 'react';
import type { Call, CallFilter } from '../../../../bridges/contract/index.ts';
import { Button } from '../../components/button.tsx';
import { Choice } from '../../components/choice.tsx';
import { isEmptyFilter } from '../../lib/call-filter.ts';
import { engine } from '../../lib/engine.ts';
import { number, plural } from '../../lib/format.ts';
import { knownValues } from './query/known.ts';
import { QueryField } from './query/query-field.tsx';
import { listOf, type CallsSearch } from './search.ts';

const OUTCOMES = [
  { value: 'ok', label: 'Succeeded' },
  { value: 'failed', label: 'Failed or cut' },
  { value: 'open', label: 'Running' },
];

/** What is shown of all calls, how many that are, and what else stands at the end of the bar. */
export function FilterBar({
  count,
  more,
  total,
  children,
  ...filters
}: FiltersProps & {
  count: number;
  more: boolean;
  /** How many calls there are in all, where that is known. */
  total: number | null;
  children?: ReactNode;
}) {
  return (
    <div role="search" aria-label="Filter the calls" className="flex min-h-11 shrink-0 flex-wrap items-center gap-1.5 border-b px-3 py-1.5">
      <Filters {...filters} />
      <p role="status" className="tnum ml-auto text-xs text-faint">
        {total !== null && total >= count ? plural(total, 'call') : more ? `${number(count)}+ calls` : plural(count, 'call')}
      </p>
      {children}
    </div>
  );
}

type FiltersProps = {
  filter: CallFilter;
  query: string;
  /** Calls at hand, whose values may be offered. */
  rowsNow: () => readonly Call[];
  field: RefObject<HTMLInputElement | null>;
  onChange: (search: CallsSearch) => void;
  onLeave: () => void;
};

/** Query and filter live in the URL; this only reads and writes them. It is left alone while calls come in. */
const Filters = memo(function Filters({ filter, query, rowsNow, field, onChange, onLeave }: FiltersProps) {
  const { data: facets } = useQuery(engine.calls.facets.queryOptions());
  const change = (part: { [Key in keyof CallFilter]: string | undefined }): void => onChange(listOf({ q: query, ...filter, ...part }));
  const known = useCallback(() => knownValues(facets, rowsNow()), [facets, rowsNow]);
  return (
    <>
      <QueryField value={query} known={known} field={field} onChange={(q) => onChange(listOf({ ...filter, q }))} onLeave={onLeave} />
      <Choice label="Outcome" any="Any outcome" value={filter.outcome} options={OUTCOMES} onChange={(outcome) => change({ outcome })} />
      <Choice
        label="Client"
        any="Any client"
        value={filter.client}
        options={named(facets?.clients)}
        onChange={(client) => change({ client })}
      />
      <Choice
        label="Caller"
        any="Any caller"
        value={filter.caller}
        options={named(facets?.callers)}
        onChange={(caller) => change({ caller })}
      />
      <Choice
        label="Upstream"
        any="Any upstream"
        value={filter.upstream}
        options={named(facets?.upstreams)}
        onChange={(upstream) => change({ upstream })}
      />
      <Choice label="Model" any="Any model" value={filter.model} options={named(facets?.models)} onChange={(model) => change({ model })} />
      {(!isEmptyFilter(filter) || query !== '') && (
        <Button look="ghost" onClick={() => onChange({})}>
          <X aria-hidden size={13} />
          Clear
        </Button>
      )}
    </>
  );
});

function named(values: readonly string[] = []): { value: string; label: string }[] {
  return values.map((value) => ({ value, label: value }));
}
