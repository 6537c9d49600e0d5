import type { AdapterStatus } from '../../contract/index.ts';
import type { Adapter, Exchange, Projected } from './adapter.ts';
import { spawnsOf, type Spawns } from './spawns.ts';

export type Reading = { adapter: string; projected: Projected };

type Entry = {
  adapter: Adapter;
  file: string | null;
  projected: number;
  warnings: number;
  failed: string | null;
};

/** Where what goes wrong is told: once for each adapter and kind of failure, not once for each call. */
export type Warn = (message: string) => void;

/** An adapter answered something of the wrong shape. */
export class WrongAnswer extends Error {}

/** An adapter that fails this often in a row is not asked any more in this run. */
const FAILURES_IN_A_ROW = 20;

/**
 * The adapters of a run, and who reads a call: they are asked by priority, then in the order of their registration,
 * and the first that has something to say is believed. One that throws, answers nothing, or answers something of the
 * wrong shape is passed over; the call goes to the next.
 */
export class Adapters {
  readonly #warn: Warn;
  #entries: Entry[] = [];
  #failures: { file: string; name: string; reason: string }[] = [];
  #inARow = new Map<string, number>();
  #told = new Set<string>();
  #spawns: Spawns | undefined;
  /** Calls that no adapter could read. They are stored and counted all the same. */
  unread = 0;

  constructor(warn: Warn) {
    this.#warn = warn;
  }

  /** Adds an adapter; `file` is where it was loaded from. A second one of the same name is refused, and named. */
  register(adapter: Adapter, file: string | null = null): void {
    const other = this.#entries.find((entry) => entry.adapter.name === adapter.name);
    if (other !== undefined) {
      this.fail(file ?? adapter.name, adapter.name, `There is already an adapter "${adapter.name}". Give it another name.`);
      return;
    }
    this.#entries.push({ adapter, file, projected: 0, warnings: 0, failed: null });
    this.#spawns = undefined;
    this.#entries.sort((a, b) => (b.adapter.priority ?? 0) - (a.adapter.priority ?? 0));
  }

  /** Remembers a file that could not be taken as an adapter. */
  fail(file: string, name: string, reason: string): void {
    this.#failures.push({ file, name, reason });
    this.#warn(`${file}: ${reason}`);
  }

  read(exchange: Exchange): Reading | undefined {
    for (const entry of this.#entries) {
      if (entry.failed !== null) continue;
      const projected = this.#ask(entry, exchange);
      if (projected === undefined) continue;
      entry.projected += 1;
      return { adapter: entry.adapter.name, projected };
    }
    this.unread += 1;
    return undefined;
  }

  list(): readonly Adapter[] {
    return this.#entries.filter((entry) => entry.failed === null).map((entry) => entry.adapter);
  }

  /** The tools by which replies ask for sub-tasks, of all that are asked. */
  get spawns(): Spawns {
    this.#spawns ??= spawnsOf(this.list());
    return this.#spawns;
  }

  get(name: string): Adapter | undefined {
    return this.list().find((adapter) => adapter.name === name);
  }

  status(): AdapterStatus[] {
    return [
      ...this.#entries.map(({ adapter, file, projected, warnings, failed }): AdapterStatus => ({
        name: adapter.name,
        from: file === null ? 'built-in' : 'folder',
        file,
        priority: adapter.priority ?? 0,
        state: failed === null ? 'ready' : 'failed',
        reason: failed,
        client: adapter.client === undefined ? null : { ...adapter.client, url: adapter.client.url ?? null },
        upstreams: [...(adapter.upstreams ?? [])],
        projected,
        warnings,
      })),
      ...this.#failures.map(({ file, name, reason }): AdapterStatus => ({
        name,
        from: 'folder',
        file,
        priority: 0,
        state: 'failed',
        reason,
        client: null,
        upstreams: [],
        projected: 0,
        warnings: 0,
      })),
    ];
  }

  #ask(entry: Entry, exchange: Exchange): Projected | undefined {
    const { adapter } = entry;
    try {
      if (!adapter.match(exchange)) return undefined;
      const answer = adapter.project(exchange);
      if (answer === null || answer === undefined || Object.keys(answer).length === 0) return undefined;
      this.#inARow.delete(adapter.name);
      return answer;
    } catch (error) {
      this.#misread(
        entry,
        error instanceof WrongAnswer ? error.message : `it threw: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
    return undefined;
  }

  #misread(entry: Entry, what: string): void {
    const { name } = entry.adapter;
    entry.warnings += 1;
    const row = (this.#inARow.get(name) ?? 0) + 1;
    this.#inARow.set(name, row);
    if (row >= FAILURES_IN_A_ROW) {
      this.#spawns = undefined;
      entry.failed = `It failed ${row} times in a row and is not asked any more; the last time ${what}. Mend it, then restart Drawbridge.`;
      this.#warn(`adapter ${name}: ${entry.failed}`);
    } else if (!this.#told.has(`${name} ${what}`) && this.#told.size < 100) {
      this.#told.add(`${name} ${what}`);
      this.#warn(`adapter ${name}: ${what}; the call was left to the next one`);
    }
  }
}
