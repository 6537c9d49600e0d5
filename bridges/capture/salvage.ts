import Database from 'better-sqlite3';
import type { Seal } from './seal.ts';
import { isDamage, Store } from './store.ts';
import type { Slices } from './jobs.ts';

export type Salvaged = {
  /** Calls that are in the store again. */
  calls: number;
  /** Of those, calls that have lost a body. */
  partly: number;
};

/** So many calls are taken over at a time. */
const AT_ONCE = 50;
/** Where that many stretches can't be read, the way to all of them is lost. */
const MOST_UNREADABLE = 10_000;

/**
 * Takes over what can still be read of a damaged database, which is left as it is. A stretch of calls that can't be read
 * is halved, until it can or is a single call.
 */
export function* salvage(into: Store, damaged: string, seal: Seal): Slices<Salvaged> {
  const saved: Salvaged = { calls: 0, partly: 0 };
  let from: Store;
  try {
    from = Store.reading(damaged, seal);
  } catch {
    // Not even its schema can be read.
    return saved;
  }
  try {
    const ids = from.read.prepare<[number, number], { id: number; call: number }>(
      `select id, call from exchanges where id >= ? and id < ? order by id limit ${AT_ONCE}`,
    );
    const waiting: [from: number, to: number][] = [[1, lastOf(from) + 1]];
    let unreadable = 0;
    for (let stretch = waiting.pop(); stretch !== undefined && unreadable < MOST_UNREADABLE; stretch = waiting.pop()) {
      const [start, end] = stretch;
      try {
        const page = ids.all(start, end);
        let taken: ('whole' | 'partly' | undefined)[] = [];
        into.transaction(() => void (taken = page.map(({ call }) => takeOver(from, into, call))));
        saved.calls += taken.filter((one) => one !== undefined).length;
        saved.partly += taken.filter((one) => one === 'partly').length;
        const last = page.at(-1);
        if (last !== undefined) waiting.push([last.id + 1, end]);
      } catch (error) {
        // The disk is full, say: that is nothing to halve. What else can't be read is left out, call by call.
        if (error instanceof Database.SqliteError && !isDamage(error)) throw error;
        unreadable += 1;
        const middle = Math.floor((start + end) / 2);
        if (end - start > 1) waiting.push([middle, end], [start, middle]);
      }
      yield;
    }
    return saved;
  } finally {
    from.close();
  }
}

/** The number of the last exchange: they are numbered from one on. */
function lastOf({ read }: Store): number {
  return read.prepare<[], number>("select seq from sqlite_sequence where name = 'exchanges'").pluck().get() ?? 0;
}

/** Undefined where the call is there already, or has no row. */
function takeOver(from: Store, into: Store, id: number): 'whole' | 'partly' | undefined {
  if (into.held(id) !== undefined) return undefined;
  const call = from.call(id);
  if (call === undefined) return undefined;
  const folder = from.read.prepare<[number], string | null>('select folder from calls where id = ?').pluck().get(id) ?? null;
  const kept = readable(() => from.sides(id));
  const points = readable(() => from.timeline(id).flat()) ?? [];
  const timeline = points.length === 0 ? null : Float64Array.from(points);
  const state = call.state === 'open' ? ('cut' as const) : call.state;
  into.write({ call: { ...call, state, cut: state === 'cut' }, ends: true, folder, sides: kept ?? [], timeline });
  return kept === undefined ? 'partly' : 'whole';
}

/** Undefined where what was kept is damaged. */
function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
