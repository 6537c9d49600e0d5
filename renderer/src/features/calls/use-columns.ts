import { useState } from 'react';
import { COLUMNS, USUAL_COLUMNS, type ColumnId } from './columns.ts';

const STORAGE_KEY = 'drawbridge.call-columns';

/** Which columns are wanted, kept in this browser. At least one always is. */
export function useColumns(): { chosen: ReadonlySet<ColumnId>; toggle: (id: ColumnId) => void; reset: () => void } {
  const [chosen, setChosen] = useState(stored);
  const keep = (next: ReadonlySet<ColumnId>): void => {
    setChosen(next);
    try {
      localStorage.setItem(STORAGE_KEY, [...next].join(','));
    } catch {
      // Storage may be forbidden; the choice then lasts as long as the window.
    }
  };
  return {
    chosen,
    toggle: (id) => {
      const next = new Set(chosen);
      if (!next.delete(id)) next.add(id);
      if (next.size > 0) keep(next);
    },
    reset: () => keep(new Set(USUAL_COLUMNS)),
  };
}

function stored(): ReadonlySet<ColumnId> {
  try {
    const names = localStorage.getItem(STORAGE_KEY)?.split(',') ?? [];
    const known = COLUMNS.filter(({ id }) => names.includes(id)).map(({ id }) => id);
    if (known.length > 0) return new Set(known);
  } catch {
    // As above.
  }
  return new Set(USUAL_COLUMNS);
}
