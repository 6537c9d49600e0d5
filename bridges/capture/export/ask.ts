import type { AssembledPart } from '../../contract/index.ts';
import { callDetail } from '../detail.ts';
import type { Store } from '../store.ts';
import type { StoredCall } from '../worker.ts';
import { HAR_BETWEEN, harEntry } from './har.ts';
import { callLine } from './jsonl.ts';

/** What an export asks of the capture worker: bodies are put together and written out there, beside the store. */
export type ExportQuery =
  /** Ids of calls that have ended, newest first. */
  | { kind: 'ids'; query: string | undefined; before: number | undefined; now: number }
  /** These calls written out, until there is enough for one answer. */
  | { kind: 'written'; format: 'jsonl' | 'har'; ids: readonly number[]; bodies: boolean }
  | { kind: 'parts'; call: number };

export type ExportAnswer =
  /** `next` is the id to go on before; null at the end. */
  | { kind: 'ids'; ids: number[]; next: number | null }
  /** `taken` of the ids are done: written, or removed meanwhile. */
  | { kind: 'written'; text: string; taken: number }
  | { kind: 'parts'; parts: { request: AssembledPart[]; reply: AssembledPart[] } | null };

const PAGE = 1000;
/** An answer ends after the call that makes it longer than this. UTF-16 units. */
const ENOUGH = 512 * 1024;

export function answerExport(store: Store, query: ExportQuery): ExportAnswer {
  switch (query.kind) {
    case 'ids': {
      const page = store.list({ limit: PAGE, before: query.before, query: query.query, now: query.now });
      const ids = page.filter((call) => call.state !== 'open').map((call) => call.id);
      return { kind: 'ids', ids, next: page.length < PAGE ? null : (page.at(-1)?.id ?? null) };
    }
    case 'written': {
      const texts: string[] = [];
      let length = 0;
      let taken = 0;
      for (const id of query.ids) {
        taken += 1;
        const stored = readCall(store, id);
        if (stored === undefined) continue;
        const text = query.format === 'har' ? harEntry(stored, query.bodies) : callLine(stored, folderOf(store, id), query.bodies);
        texts.push(text);
        length += text.length;
        if (length >= ENOUGH) break;
      }
      return { kind: 'written', text: texts.join(query.format === 'har' ? HAR_BETWEEN : ''), taken };
    }
    case 'parts': {
      const stored = readCall(store, query.call);
      return { kind: 'parts', parts: stored === undefined ? null : callDetail(stored, 0).assembled };
    }
  }
}

function readCall(store: Store, id: number): StoredCall | undefined {
  const call = store.call(id);
  return call === undefined ? undefined : { call, sides: store.sides(id), timeline: store.timeline(id) };
}

function folderOf(store: Store, id: number): string | null {
  return store.read.prepare<[number], { folder: string | null }>('select folder from calls where id = ?').get(id)?.folder ?? null;
}
