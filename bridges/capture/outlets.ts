import type { Imported } from '../contract/index.ts';
import { answerExport } from './export/ask.ts';
import { importLines } from './import/import.ts';
import type { Answer, Query } from './protocol.ts';
import type { Store } from './store.ts';

/** What leaves the store as a file, or comes into it from one. */
export function answerOutlet(store: Store, query: Extract<Query, { kind: 'ids' | 'written' | 'parts' | 'import' }>): Answer {
  if (query.kind !== 'import') return answerExport(store, query);
  return { kind: 'imported', imported: takeIn(store, query.lines, query.firstLine), count: store.count, storeBytes: store.size() };
}

/** All of these lines or none. */
function takeIn(store: Store, lines: readonly string[], firstLine: number): Imported {
  const taken: { imported: Imported } = { imported: { stored: 0, duplicates: 0, bad: [] } };
  try {
    store.transaction(() => {
      taken.imported = importLines(store, lines, firstLine);
    });
  } catch (error) {
    store.forget();
    throw error;
  }
  return taken.imported;
}
