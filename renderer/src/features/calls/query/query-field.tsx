import { Search, X } from 'lucide-react';
import { useEffect, useId, useMemo, useRef, useState, type KeyboardEvent, type ReactNode, type RefObject } from 'react';
import { completeQuery, parseQuery, type Completion, type KnownValues, type QueryProblem } from '../../../../../bridges/contract/query.ts';
import { FIELD } from '../../../components/field.tsx';
import { IconButton } from '../../../components/button.tsx';
import { Kbd } from '../../../components/kbd.tsx';
import { cn } from '../../../lib/cn.ts';

const TYPING_PAUSE_MS = 180;

/**
 * The query of the calls page. What may come at the cursor is offered while one types; what cannot be understood is
 * underlined where it stands, and the list keeps the last query that could.
 */
export function QueryField({
  value,
  known,
  field,
  onChange,
  onLeave,
}: {
  value: string;
  /** Values that calls have, to offer. Asked for while one types. */
  known: () => KnownValues;
  field: RefObject<HTMLInputElement | null>;
  /** Takes a query that is sound. */
  onChange: (query: string) => void;
  onLeave: () => void;
}) {
  const [text, setText] = useTypedQuery(value, onChange);
  const [cursor, setCursor] = useState(0);
  const [offering, setOffering] = useState(false);
  const [active, setActive] = useState<number | null>(null);
  const listId = useId();
  const problemId = useId();
  const { problems } = useMemo(() => parseQuery(text), [text]);
  const offers = useMemo(() => (offering ? useful(completeQuery(text, cursor, known(), 60), text) : []), [offering, text, cursor, known]);
  const isOpen = offers.length > 0;
  const [problem] = problems;
  // A word that is still being typed is not wrong yet.
  const shownProblem = problem !== undefined && (!offering || cursor <= problem.start || cursor > problem.end) ? problem : null;

  const place = (at: number): void => {
    setCursor(at);
    setActive(null);
  };
  const take = (completion: Completion): void => {
    const next = text.slice(0, completion.start) + completion.insert + text.slice(completion.end);
    const at = completion.start + completion.insert.length;
    setText(next);
    place(at);
    requestAnimationFrame(() => field.current?.setSelectionRange(at, at));
  };
  const press = (event: KeyboardEvent): void => {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step !== 0) {
      event.preventDefault();
      if (isOpen) setActive(((active ?? (step > 0 ? -1 : 0)) + step + offers.length) % offers.length);
      else if (step > 0) setOffering(true);
      return;
    }
    // Tab ends the word that was begun; where none was, it goes on to what comes after the field.
    const isBegun = /\S$/.test(text.slice(0, cursor));
    const chosen = offers[active ?? (event.key === 'Tab' && isBegun ? 0 : -1)];
    if ((event.key === 'Enter' || (event.key === 'Tab' && !event.shiftKey)) && isOpen && chosen !== undefined) {
      event.preventDefault();
      take(chosen);
    } else if (event.key === 'Enter') {
      setOffering(false);
      if (problem === undefined) {
        onChange(text.trim());
        onLeave();
      }
    } else if (event.key === 'Escape') {
      event.preventDefault();
      if (isOpen) setOffering(false);
      else onLeave();
    }
  };

  return (
    <div className="relative min-w-56 flex-[2_1_22rem]">
      <Search aria-hidden size={13} className="absolute top-[7px] left-2 text-faint" />
      <input
        ref={field}
        type="text"
        role="combobox"
        aria-label="Query the calls"
        aria-autocomplete="list"
        aria-expanded={isOpen}
        aria-controls={listId}
        aria-activedescendant={isOpen && active !== null ? `${listId}-${active}` : undefined}
        aria-invalid={shownProblem !== null}
        aria-describedby={shownProblem === null ? undefined : problemId}
        autoComplete="off"
        spellCheck={false}
        placeholder='model:gpt-5* status:>=400 "rate limit"'
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setOffering(true);
          place(event.target.selectionStart ?? event.target.value.length);
        }}
        onFocus={() => setOffering(true)}
        onBlur={() => setOffering(false)}
        onSelect={(event) => {
          const at = event.currentTarget.selectionStart ?? 0;
          if (at !== cursor) place(at);
        }}
        onKeyDown={press}
        className={cn(FIELD, 'w-full pr-8 pl-7 font-mono', shownProblem !== null && 'border-bad')}
      />
      <Underlines text={text} problems={shownProblem === null ? [] : problems} field={field} />
      <span className="absolute top-[3px] right-1">
        {text === '' ? (
          <span aria-hidden className="mt-[2px] mr-[2px] block">
            <Kbd>/</Kbd>
          </span>
        ) : (
          <IconButton
            label="Clear the query"
            className="size-[22px]"
            onClick={() => {
              setText('');
              onChange('');
              field.current?.focus();
            }}
          >
            <X aria-hidden size={13} />
          </IconButton>
        )}
      </span>
      {(isOpen || shownProblem !== null) && (
        <div className="absolute top-[calc(100%+4px)] left-0 z-30 grid w-full min-w-80 gap-1">
          {shownProblem !== null && (
            <p id={problemId} role="alert" className="rounded-md border border-bad/40 bg-bad-soft px-2.5 py-1.5 text-xs shadow-lg">
              <code className="mr-1.5 font-mono font-medium text-bad">{text.slice(shownProblem.start, shownProblem.end)}</code>
              {shownProblem.message}
            </p>
          )}
          {isOpen && <Offers id={listId} offers={offers} active={active} onTake={take} />}
        </div>
      )}
    </div>
  );
}

function Offers({
  id,
  offers,
  active,
  onTake,
}: {
  id: string;
  offers: readonly Completion[];
  active: number | null;
  onTake: (completion: Completion) => void;
}) {
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (active !== null) list.current?.children[active]?.scrollIntoView({ block: 'nearest' });
  }, [active]);
  return (
    <div
      ref={list}
      id={id}
      role="listbox"
      // A box that scrolls would be a stop of Tab by itself, and be gone as soon as the field is left.
      tabIndex={-1}
      aria-label="What may come here"
      className="max-h-72 overflow-y-auto rounded-lg border bg-raised p-1 shadow-lg"
    >
      {offers.map((offer, at) => (
        <div
          key={offer.label}
          id={`${id}-${at}`}
          role="option"
          tabIndex={-1}
          aria-selected={at === active}
          // The field keeps the focus.
          onPointerDown={(event) => event.preventDefault()}
          onClick={() => onTake(offer)}
          className={cn('flex h-7 items-center gap-3 rounded px-2 text-xs hover:bg-hover', at === active && 'bg-selected')}
        >
          <span className="shrink-0 font-mono">{offer.label}</span>
          <span className="ml-auto min-w-0 truncate text-muted">{offer.about}</span>
        </div>
      ))}
    </div>
  );
}

/** Draws a line under what is wrong, in step with the field's own scrolling. */
function Underlines({
  text,
  problems,
  field,
}: {
  text: string;
  problems: readonly QueryProblem[];
  field: RefObject<HTMLInputElement | null>;
}) {
  const mirror = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const input = field.current;
    const follow = (): void => mirror.current?.scrollTo({ left: input?.scrollLeft ?? 0 });
    follow();
    input?.addEventListener('scroll', follow);
    return () => input?.removeEventListener('scroll', follow);
  });
  if (problems.length === 0) return null;
  const pieces: ReactNode[] = [];
  let at = 0;
  for (const { start, end } of problems.toSorted((a, b) => a.start - b.start)) {
    pieces.push(text.slice(at, start));
    pieces.push(
      <span key={start} className="underline decoration-bad decoration-wavy decoration-1 underline-offset-[3px]">
        {text.slice(Math.max(at, start), end)}
      </span>,
    );
    at = Math.max(at, end);
  }
  pieces.push(text.slice(at));
  return (
    <div
      ref={mirror}
      aria-hidden
      className="pointer-events-none absolute inset-y-0 right-8 left-[29px] overflow-hidden pt-[6px] font-mono text-xs whitespace-pre text-transparent select-none"
    >
      {pieces}
    </div>
  );
}

/** An offer that would change nothing is none. */
function useful(offers: readonly Completion[], text: string): Completion[] {
  return offers.filter(({ start, end, insert }) => text.slice(start, end) !== insert);
}

/** A text that is reported once typing pauses and it can be understood, and that follows when it is changed from elsewhere. */
function useTypedQuery(value: string, report: (text: string) => void): [string, (text: string) => void] {
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
    if (text.trim() === reported.current.trim() || parseQuery(text).problems.length > 0) return undefined;
    const timer = setTimeout(() => {
      reported.current = text.trim();
      latest.current(text.trim());
    }, TYPING_PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return [text, setText];
}
