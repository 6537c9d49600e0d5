import { useQuery } from '@tanstack/react-query';
import { Search, X } from 'lucide-react';
import { useEffect, useRef, useState, type RefObject } from 'react';
import type { CallFilter } from '../../../../bridges/contract/index.ts';
import { Button } from '../../components/button.tsx';
import { Choice } from '../../components/choice.tsx';
import { FIELD } from '../../components/field.tsx';
import { Kbd } from '../../components/kbd.tsx';
import { filterFromSearch, isEmptyFilter } from '../../lib/call-filter.ts';
import { cn } from '../../lib/cn.ts';
import { engine } from '../../lib/engine.ts';
import { number, plural } from '../../lib/format.ts';

const OUTCOMES = [
  { value: 'ok', label: 'Succeeded' },
  { value: 'failed', label: 'Failed or cut' },
  { value: 'open', label: 'Running' },
];
const TYPING_PAUSE_MS = 180;

/** What is shown of all calls. The filter lives in the URL; this only reads and writes it. */
export function FilterBar({
  filter,
  field,
  count,
  more,
  total,
  onChange,
  onLeave,
}: {
  filter: CallFilter;
  field: RefObject<HTMLInputElement | null>;
  count: number;
  more: boolean;
  /** How many calls there are in all, where that is known. */
  total: number | null;
  onChange: (filter: CallFilter) => void;
  onLeave: () => void;
}) {
  const { data: facets } = useQuery(engine.calls.facets.queryOptions());
  const change = (part: { [Key in keyof CallFilter]: string | undefined }): void => onChange(filterFromSearch({ ...filter, ...part }));
  const [text, setText] = useTypedText(filter.text ?? '', (typed) => change({ text: typed }));
  return (
    <div role="search" aria-label="Filter the calls" className="flex min-h-11 shrink-0 flex-wrap items-center gap-1.5 border-b px-3 py-1.5">
      <div className="relative max-w-60 min-w-32 flex-1">
        <Search aria-hidden size={13} className="absolute top-[7px] left-2 text-faint" />
        <input
          ref={field}
          type="search"
          aria-label="Filter by text"
          placeholder="Model, path, caller…"
          value={text}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === 'Escape' || event.key === 'Enter') onLeave();
          }}
          className={cn(FIELD, 'w-full pr-7 pl-7 [&::-webkit-search-cancel-button]:hidden')}
        />
        <span aria-hidden className="absolute top-[5px] right-1.5">
          <Kbd>/</Kbd>
        </span>
      </div>
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
      {!isEmptyFilter(filter) && (
        <Button look="ghost" onClick={() => onChange({})}>
          <X aria-hidden size={13} />
          Clear
        </Button>
      )}
      <p role="status" className="tnum ml-auto text-xs text-faint">
        {total !== null && total >= count ? plural(total, 'call') : more ? `${number(count)}+ calls` : plural(count, 'call')}
      </p>
    </div>
  );
}

/** A text that is reported once typing pauses, and follows when it is changed from elsewhere. */
function useTypedText(value: string, report: (text: string) => void): [string, (text: string) => void] {
  const [text, setText] = useState(value);
  const reported = useRef(value);
  const latest = useRef(report);
  useEffect(() => {
    latest.current = report;
  });
  useEffect(() => {
    if (value === reported.current) return;
    reported.current = value;
    setText(value);
  }, [value]);
  useEffect(() => {
    if (text === reported.current) return undefined;
    const timer = setTimeout(() => {
      reported.current = text;
      latest.current(text);
    }, TYPING_PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return [text, setText];
}

function named(values: readonly string[] = []): { value: string; label: string }[] {
  return values.map((value) => ({ value, label: value }));
}
