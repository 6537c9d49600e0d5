import { lazy, Suspense, useCallback, useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { Card } from '../../components/card.tsx';
import { Cell, Table } from '../../components/table.tsx';
import { cn } from '../../lib/cn.ts';
import { useStore } from '../../lib/store.ts';
import { theme, type Theme } from '../../lib/theme.ts';
import { stacked, type Group } from './series.ts';
import type { PlotLine } from './plot.tsx';

// The charts' own library is read when the first chart is shown.
const Plot = lazy(() => import('./plot.tsx'));

const COLOURS = ['bg-accent', 'bg-wire-chat', 'bg-wire-messages', 'bg-practice', 'bg-ok', 'bg-warn'] as const;
const REST = 'bg-faint';

/**
 * A chart, what its colours stand for, the values under the pointer, and all of its numbers as a table below, for who
 * cannot see the chart or wants to know exactly.
 */
export function Chart({
  title,
  times,
  groups,
  kind,
  format,
  timeWords,
  range,
  unknown = 'unknown',
  note,
}: {
  title: string;
  /** Unix milliseconds. */
  times: readonly number[];
  groups: readonly Group[];
  kind: 'columns' | 'lines' | 'steps';
  format: (value: number) => string;
  timeWords: (time: number) => string;
  range?: readonly [number, number];
  /** What stands for a value that nobody knows. */
  unknown?: string;
  note?: ReactNode;
}) {
  const legend = useRef<HTMLUListElement>(null);
  const [at, setAt] = useState<number | null>(null);
  const [open, setOpen] = useState(false);
  const colours = useColours(legend, groups.length);
  const lines = useMemo((): PlotLine[] => {
    if (colours === null) return [];
    const values = kind === 'columns' ? stacked(groups) : groups.map((group) => group.values);
    const drawn = values.map((line, index) => ({ values: line, colour: colours.groups[index] ?? colours.ink }));
    // The whole column first, and what stands lower over it.
    return kind === 'columns' ? drawn.reverse() : drawn;
  }, [colours, groups, kind]);
  const words = useCallback((value: number | null | undefined): string => (value == null ? unknown : format(value)), [format, unknown]);
  const pointed = at === null ? undefined : times[at];
  return (
    <Card title={title} actions={<span className="tnum text-2xs text-faint">{pointed === undefined ? '' : timeWords(pointed)}</span>}>
      <div className="grid gap-1 px-2 pt-2 pb-1">
        <ul
          ref={legend}
          aria-label={`Colours of ${title}`}
          className="tnum flex min-h-5 flex-wrap gap-x-4 gap-y-0.5 px-1.5 text-2xs text-muted"
        >
          {groups.map(({ name, rest }, index) => (
            <li key={name} className="flex items-center gap-1.5">
              <span aria-hidden data-colour className={cn('size-2 rounded-xs', rest ? REST : COLOURS[index % COLOURS.length])} />
              {name}
              {at !== null && <span className="font-medium text-ink">{words(groups[index]?.values[at])}</span>}
            </li>
          ))}
        </ul>
        {colours !== null && (
          <Suspense fallback={<div className="h-[190px]" />}>
            <Plot
              times={times}
              lines={lines}
              kind={kind}
              format={format}
              ink={colours.ink}
              grid={colours.grid}
              {...(range && { range })}
              onPoint={setAt}
            />
          </Suspense>
        )}
        {note !== undefined && <p className="px-1.5 pb-1 text-2xs text-muted">{note}</p>}
      </div>
      <details className="border-t" onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary className="px-3.5 py-2 text-xs text-muted hover:text-ink">
          Numbers<span className="sr-only"> of {title}</span>
        </summary>
        {open && (
          <div className="max-h-80 overflow-y-auto border-t">
            <Table
              label={`Numbers of ${title}`}
              columns={[{ title: 'Time', width: 'w-36' }, ...groups.map(({ name }) => ({ title: name, right: true }))]}
            >
              {times
                .map((time, index) => (
                  <tr key={time}>
                    <Cell className="tnum h-7 text-muted">{timeWords(time)}</Cell>
                    {groups.map(({ name, values }) => (
                      <Cell key={name} className={cn('tnum h-7 text-right', values[index] == null && 'text-faint')}>
                        {words(values[index])}
                      </Cell>
                    ))}
                  </tr>
                ))
                .reverse()}
            </Table>
          </div>
        )}
      </details>
    </Card>
  );
}

type Colours = { theme: Theme; groups: string[]; ink: string; grid: string };

/** The theme's colours as a canvas takes them, read from the legend; anew where the theme changes. */
function useColours(legend: React.RefObject<HTMLUListElement | null>, count: number): Colours | null {
  const [colours, setColours] = useState<Colours | null>(null);
  const chosen = useStore(theme);
  useEffect(() => {
    const read = (): void => {
      const list = legend.current;
      if (!list) return;
      const style = getComputedStyle(list);
      setColours({
        theme: chosen,
        groups: [...list.querySelectorAll('[data-colour]')].slice(0, count).map((swatch) => getComputedStyle(swatch).backgroundColor),
        ink: style.color,
        grid: style.borderTopColor,
      });
    };
    read();
    const system = matchMedia('(prefers-color-scheme: dark)');
    system.addEventListener('change', read);
    return () => system.removeEventListener('change', read);
  }, [legend, count, chosen]);
  return colours;
}
