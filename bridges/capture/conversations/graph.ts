import type { Database, Statement } from 'better-sqlite3';
import type { RequestKind } from '../../contract/index.ts';
import { openly, type Seal } from '../seal.ts';
import { LastCalls } from './last-calls.ts';
import { linkOf, VIA, type Known, type Link, type LinkIndex, type NodeFacts, type Spawn } from './link.ts';
import type { End } from './scan.ts';

/** What is kept of a call beside what links it. */
export type NodeDetail = {
  steps: number;
  summary: boolean;
  title: string | null;
  context: { system: number; tools: number; history: number; results: number };
};

const PREFIX = VIA.indexOf('prefix');
const RETRY = VIA.indexOf('retry');
const SIDE = 1;
const SUMMARY = 2;
const ROOT = 4;
/** Of a sub-agent, as far as was known when the call was stored. */
const SUBTASK = 8;
/** What a call is, of its row in conv_nodes, named `n`. */
export const KIND_SQL = `case when n.call is null then null when n.flags & ${SIDE} then 'side' when n.flags & ${SUMMARY} then 'summary'
  when n.flags & ${SUBTASK} then 'subtask' else 'turn' end`;
/** More calls with one and the same history than this are not looked at. */
const MOST_ALIKE = 64;
const HASH_BYTES = 12;
const END_BYTES = HASH_BYTES + 1;
/** So many calls at least are remembered: what comes next hangs on one of the last. */
const REMEMBERED = 512;
/** A title that is the parent's; most calls of an agent have their parent's. */
const SAME_TITLE = '';

/** What linking asks of a call, and its title, written out. */
type Remembered = Known & { tip: string; conversation: number; flags: number; title: string | null };

type NodeRow = {
  call: number;
  conversation: number;
  parent: number | null;
  via: number;
  flags: number;
  tip: Buffer;
  deep: number;
  ends: Buffer;
  thread: number | null;
  parent_thread: number | null;
  prompt: Buffer | null;
  client: string;
  caller: string | null;
};

/**
 * The calls and how they hang together, in tables. Whatever the order in which calls are added, the links come out the
 * same: a call that is added looks for its own place, and every later call that could hang on it is asked again.
 * Runs inside the transaction that writes the call.
 */
export class Graph {
  readonly #sql: ReturnType<typeof prepare>;
  readonly #seal: Seal;
  readonly #index: LinkIndex;
  /** The last calls, as long as they come in the order of their ids; all calls from the first of them on. */
  readonly #remembered = new LastCalls<Remembered>(REMEMBERED);
  /** The last call of each conversation that is still to be told. */
  readonly #lasts = new Map<number, number>();
  /** No call has a larger id: nothing can hang on one that is larger. */
  #newest: number;

  constructor(db: Database, seal: Seal = openly) {
    this.#seal = seal;
    this.#sql = prepare(db);
    this.#index = this.#indexOf(this.#sql);
    this.#newest = this.#sql.newest.get()?.call ?? -1;
  }

  has(call: number): boolean {
    return call <= this.#newest && this.#sql.conversationOf.get(call) !== undefined;
  }

  /** Undefined where the call is not among them. */
  flags(call: number): number | undefined {
    return this.#remembered.get(call)?.flags ?? this.#sql.flagsOf.get(call)?.flags;
  }

  /** What kind of request a call is; null where it is not among them. */
  kind(call: number): RequestKind | null {
    const flags = this.flags(call);
    if (flags === undefined) return null;
    if ((flags & SIDE) !== 0) return 'side';
    if ((flags & SUMMARY) !== 0) return 'summary';
    return (flags & SUBTASK) !== 0 ? 'subtask' : 'turn';
  }

  /** Forgets what was learnt of calls whose transaction was rolled back. */
  forget(): void {
    this.#remembered.clear();
    this.#lasts.clear();
    this.#newest = this.#sql.newest.get()?.call ?? -1;
  }

  /** Adds a call; it is known by its row already. */
  add(told: NodeFacts, detail: NodeDetail): void {
    const sql = this.#sql;
    const facts = this.#seal.encrypted ? this.#hidden(told) : told;
    const link = linkOf(facts, this.#index);
    const ends = endsFromParent(facts, link);
    const parent = link.parent === null ? undefined : this.#remembered.get(link.parent);
    const flags =
      (facts.side ? SIDE : 0) |
      (detail.summary ? SUMMARY : 0) |
      (facts.root ? ROOT : 0) |
      (this.#isSubtask(facts, link, parent) ? SUBTASK : 0);
    const conversation =
      link.parent === null ? facts.call : (parent?.conversation ?? sql.conversationOf.get(link.parent)?.conversation ?? facts.call);
    sql.put.run(
      facts.call,
      conversation,
      link.parent,
      VIA.indexOf(link.via),
      flags,
      bytes(facts.tip),
      facts.deep ? 1 : 0,
      detail.steps,
      packEnds(ends),
      facts.thread,
      facts.parentThread,
      facts.prompt === null ? null : bytes(facts.prompt),
      parent !== undefined && parent.title === detail.title && detail.title !== null ? SAME_TITLE : this.#seal.closeText(detail.title),
      detail.context.system,
      detail.context.tools,
      detail.context.history,
      detail.context.results,
    );
    this.#lasts.set(conversation, Math.max(facts.call, this.#lasts.get(conversation) ?? 0));
    if (!facts.side) for (const { chain } of ends) sql.putEnd.run(bytes(chain), facts.call);
    for (const line of facts.lines) sql.putLine.run(facts.call, bytes(line));
    if (facts.call > this.#newest) {
      this.#newest = facts.call;
      // The parent's thread has begun before.
      if (!facts.side && (parent === undefined || parent.thread !== facts.thread)) this.#askSides(facts);
      const { call, client, caller, thread, tip } = facts;
      this.#remembered.add({ call, client, caller, thread, tip, conversation, flags, title: detail.title });
    } else {
      this.#remembered.clear();
      if (!facts.side) this.#askLater(facts);
    }
  }

  /** A sub-agent's first call is known by its client's word or by its prompt, the others by the call they follow. */
  #isSubtask({ parentThread }: NodeFacts, { parent, via }: Link, known: Remembered | undefined): boolean {
    if (parentThread !== null || via === 'task') return true;
    if (parent === null || via === 'side') return false;
    return ((known?.flags ?? this.flags(parent) ?? 0) & SUBTASK) !== 0;
  }

  /** A hash of what was said would tell whoever guesses it: in an encrypted store it is hashed again, with the key. */
  #hide(hex: string): string {
    return this.#seal.encrypted ? this.#seal.address(bytes(hex)).toString('hex', 0, HASH_BYTES) : hex;
  }

  #hidden(facts: NodeFacts): NodeFacts {
    return {
      ...facts,
      tip: this.#hide(facts.tip),
      ends: facts.ends.map(({ chain, deep }) => ({ chain: this.#hide(chain), deep })),
      prompt: facts.prompt === null ? null : this.#hide(facts.prompt),
      lines: facts.lines.map((line) => this.#hide(line)),
    };
  }

  /** Writes what was held back. To be run before the transaction ends. */
  flush(): void {
    for (const [conversation, last] of this.#lasts) this.#sql.putConversation.run(conversation, last);
    this.#lasts.clear();
  }

  /** Remembers that a call's reply asked for sub-tasks. `endedMs` counts from the ids' epoch. */
  addSpawns(call: number, prompts: readonly string[], endedMs: number): void {
    for (const prompt of prompts.map((one) => this.#hide(one))) {
      this.#sql.putSpawn.run(bytes(prompt), call, Math.round(endedMs));
      this.#askAgain(this.#sql.withPrompt.all(bytes(prompt), call));
    }
  }

  /** Remembers the lines of a summary that a call's reply gave. */
  addSummary(call: number, lines: readonly string[]): void {
    for (const line of lines.map((one) => this.#hide(one))) {
      this.#sql.putSummary.run(bytes(line), call);
      this.#askAgain(this.#sql.withLine.all(bytes(line), call));
    }
  }

  /** Takes calls out; what hung on them hangs on what is left. */
  remove(calls: readonly number[]): void {
    const orphans = new Set<number>();
    /** The ends of calls that hung on one that goes, by the call. */
    const handedOn = new Map<number, readonly End[]>();
    this.flush();
    this.#remembered.clear();
    // A parent comes before what hangs on it: where both go, its ends have been handed on by then.
    for (const call of calls.toSorted((a, b) => a - b)) {
      const row = this.#sql.node.get(call);
      if (row === undefined) continue;
      const kept = unpackEnds(row.ends);
      const ends = handedOn.get(call) ?? kept;
      for (const child of this.#sql.childrenOf.all(row.conversation, call)) {
        orphans.add(child.call);
        this.#writeTitle(child.call);
        if (child.via === PREFIX || child.via === RETRY)
          handedOn.set(child.call, endsWith(ends, row.tip.toString('hex'), unpackEnds(child.ends)));
      }
      for (const end of kept) this.#sql.dropEnd.run(bytes(end.chain), call);
      for (const drop of this.#sql.drop) drop.run(call);
      this.#rename(row.conversation);
    }
    for (const call of calls) orphans.delete(call);
    for (const call of orphans) this.#keepEnds(call, handedOn.get(call) ?? []);
    this.#askAgain([...orphans].map((call) => ({ call })));
  }

  #keepEnds(call: number, ends: readonly End[]): void {
    if (ends.length === 0) return;
    this.#sql.putEnds.run(packEnds(ends), call);
    for (const { chain } of ends) this.#sql.putEnd.run(bytes(chain), call);
  }

  /** Asks every later call that could hang on this one. While calls come in their order there are none. */
  #askLater(facts: NodeFacts): void {
    const sql = this.#sql;
    const { call, thread } = facts;
    const later = [...sql.endingAt.all(bytes(facts.tip), call), ...sql.tipAfter.all(bytes(facts.tip), call)];
    if (thread !== null) later.push(...sql.threadAfter.all(thread, call), ...sql.parentThreadAfter.all(thread, call));
    this.#askAgain(later);
    this.#askSides(facts);
  }

  /** The first of a thread is what side requests before it hang on. */
  #askSides({ call, thread }: NodeFacts): void {
    if (thread === null || this.#sql.threadBefore.get(thread, call) !== undefined) return;
    this.#askAgain(this.#sql.sidesBefore.all(thread, call));
  }

  #askAgain(calls: readonly { call: number }[]): void {
    for (const call of new Set(calls.map((one) => one.call))) {
      const row = this.#sql.node.get(call);
      if (row === undefined) continue;
      const link = linkOf(this.#factsOf(row), this.#index);
      if (link.parent !== row.parent || VIA.indexOf(link.via) !== row.via) this.#hang(call, link);
    }
  }

  /** Hangs a call, and everything below it, where it belongs. */
  #hang(call: number, link: Link): void {
    const sql = this.#sql;
    const row = sql.node.get(call);
    if (row === undefined) return;
    this.#writeTitle(call);
    this.#remembered.clear();
    this.flush();
    sql.link.run(link.parent, VIA.indexOf(link.via), call);
    const conversation = link.parent === null ? call : (sql.node.get(link.parent)?.conversation ?? call);
    if (conversation !== row.conversation) {
      const below = this.#below(row);
      for (const one of below) sql.move.run(conversation, one);
      this.#rename(row.conversation);
    }
    this.#rename(conversation);
  }

  /** A call that is to get another parent keeps its title itself. */
  #writeTitle(call: number): void {
    const own = this.#sql.titleOf.get(call);
    let from = own;
    while (from?.title === SAME_TITLE && from.parent !== null) from = this.#sql.titleOf.get(from.parent);
    if (own?.title === SAME_TITLE) this.#sql.putTitle.run(from?.title ?? null, call);
  }

  /**
   * Calls with a tip, the newest first: those remembered, then those that stand in the tables alone. However they are found, no
   * more than MOST_ALIKE are looked at: which they are must not depend on what is remembered.
   */
  *#withTip(chain: string, before: number, since: number): Generator<Known> {
    let from = before;
    let left = MOST_ALIKE;
    // What comes in order is asked of all that is remembered.
    if (before > this.#newest) {
      for (const one of this.#remembered.withTip(chain)) {
        if (left === 0) return;
        left -= 1;
        if ((one.flags & SIDE) === 0) yield one;
      }
      from = this.#remembered.oldest ?? before;
    }
    if (from < since || left === 0) return;
    for (const { call } of this.#sql.withTip.all(bytes(chain), from, left)) {
      const known = this.#known(call);
      if (known !== undefined) yield known;
    }
  }

  /** The call as linking knows it; undefined for side requests, and for calls whose row is gone. */
  #known(call: number): Known | undefined {
    const known = this.#sql.known.get(call);
    return known === undefined || (known.flags & SIDE) !== 0 ? undefined : known;
  }

  #indexOf(sql: ReturnType<typeof prepare>): LinkIndex {
    return {
      withTip: (chain, before, since) => this.#withTip(chain, before, since),
      inThread: (thread, before) => sql.threadBefore.get(thread, before)?.call,
      firstInThread: (thread) => sql.threadFirst.get(thread)?.call,
      spawnsOf: (prompt, before): readonly Spawn[] => sql.spawns.all(bytes(prompt), before),
      summariesWith: (line, before): readonly Known[] => sql.summaries.all(bytes(line), before),
    };
  }

  #below(row: NodeRow): number[] {
    const children = new Map<number, number[]>();
    for (const one of this.#sql.inConversation.all(row.conversation)) {
      if (one.parent === null) continue;
      const list = children.get(one.parent);
      if (list === undefined) children.set(one.parent, [one.call]);
      else list.push(one.call);
    }
    const found = [row.call];
    for (const call of found) for (const child of children.get(call) ?? []) found.push(child);
    return found;
  }

  /** Brings a conversation's row in line with its calls. */
  #rename(conversation: number): void {
    const last = this.#sql.lastOf.get(conversation)?.call;
    this.#sql.dropConversation.run(conversation);
    if (last !== undefined) this.#sql.putConversation.run(conversation, last);
  }

  #factsOf(row: NodeRow): NodeFacts {
    return {
      call: row.call,
      client: row.client,
      caller: row.caller,
      thread: row.thread,
      parentThread: row.parent_thread,
      tip: row.tip.toString('hex'),
      deep: row.deep === 1,
      ends: unpackEnds(row.ends),
      prompt: row.prompt?.toString('hex') ?? null,
      lines: this.#sql.linesOf.all(row.call).map(({ line }) => line.toString('hex')),
      side: (row.flags & SIDE) !== 0,
      root: (row.flags & ROOT) !== 0,
    };
  }
}

/** Ends before the parent's can't change anything any more; they are not kept. */
function endsFromParent(facts: NodeFacts, link: Link): readonly End[] {
  return link.via === 'retry' ? facts.ends.slice(-1) : facts.ends.slice(link.end ?? 0);
}

/** A call's ends with those of a parent whose history it begins with or repeats. Neither list has gaps, each goes on to the end of its history. */
function endsWith(ofParent: readonly End[], tip: string, own: readonly End[]): readonly End[] {
  const at = own.findIndex(({ chain }) => chain === tip);
  const shared = at < 0 ? own.length : at;
  return shared >= ofParent.length ? own : [...ofParent, ...own.slice(shared)];
}

function packEnds(ends: readonly End[]): Buffer {
  return Buffer.concat(ends.map((end) => Buffer.concat([bytes(end.chain), Buffer.from([end.deep ? 1 : 0])])));
}

function unpackEnds(packed: Buffer): End[] {
  return Array.from({ length: packed.length / END_BYTES }, (_, i) => ({
    chain: packed.toString('hex', i * END_BYTES, i * END_BYTES + 12),
    deep: packed[i * END_BYTES + 12] === 1,
  }));
}

function bytes(hex: string): Buffer {
  return Buffer.from(hex, 'hex');
}

type KnownRow = { call: number; client: string; caller: string | null; thread: number | null };
type CallRow = { call: number };

/**
 * A parameter that is compared as it is, or that is a limit, has a query with an order or a join planned anew each time it is
 * run; `+?` does not.
 */
function prepare(db: Database) {
  const calls = <Key extends number | Buffer = number>(sql: string): Statement<[Key, number], CallRow> =>
    db.prepare<[Key, number], CallRow>(sql);
  return {
    node: db.prepare<[number], NodeRow>(
      'select n.*, c.client, c.caller from conv_nodes n left join calls c on c.id = n.call where n.call = +?',
    ),
    conversationOf: db.prepare<[number], { conversation: number }>('select conversation from conv_nodes where call = ?'),
    put: db.prepare<(number | string | Buffer | null)[]>(
      `insert into conv_nodes values (${Array.from({ length: 17 }, () => '?').join(', ')})`,
    ),
    putEnd: db.prepare<[Buffer, number]>('insert or ignore into conv_ends (chain, call) values (?, ?)'),
    putLine: db.prepare<[number, Buffer]>('insert or ignore into conv_lines (call, line) values (?, ?)'),
    putSpawn: db.prepare<[Buffer, number, number]>('insert or replace into conv_spawns (prompt, call, ended_ms) values (?, ?, ?)'),
    putSummary: db.prepare<[Buffer, number]>('insert or ignore into conv_summaries (line, call) values (?, ?)'),
    putConversation: db.prepare<[number, number]>(
      'insert into conversations (id, last_call) values (?, ?) on conflict (id) do update set last_call = max(last_call, excluded.last_call)',
    ),
    dropConversation: db.prepare<[number]>('delete from conversations where id = ?'),
    putEnds: db.prepare<[Buffer, number]>('update conv_nodes set ends = ? where call = ?'),
    dropEnd: db.prepare<[Buffer, number]>('delete from conv_ends where chain = ? and call = ?'),
    drop: ['conv_nodes', 'conv_lines', 'conv_spawns', 'conv_summaries'].map((table) =>
      db.prepare<[number]>(`delete from ${table} where call = ?`),
    ),
    link: db.prepare<[number | null, number, number]>('update conv_nodes set parent = ?, via = ? where call = ?'),
    move: db.prepare<[number, number]>('update conv_nodes set conversation = ? where call = ?'),
    lastOf: db.prepare<[number], CallRow>('select call from conv_nodes where conversation = +? order by call desc limit 1'),
    inConversation: db.prepare<[number], { call: number; parent: number | null }>(
      'select call, parent from conv_nodes where conversation = ?',
    ),
    childrenOf: db.prepare<[number, number], { call: number; via: number; ends: Buffer }>(
      'select call, via, ends from conv_nodes where conversation = ? and parent = ?',
    ),
    linesOf: db.prepare<[number], { line: Buffer }>('select line from conv_lines where call = ?'),
    newest: db.prepare<[], { call: number | null }>('select max(call) as call from conv_nodes'),
    flagsOf: db.prepare<[number], { flags: number }>('select flags from conv_nodes where call = ?'),
    titleOf: db.prepare<[number], { title: string | null; parent: number | null }>('select title, parent from conv_nodes where call = ?'),
    putTitle: db.prepare<[string | null, number]>('update conv_nodes set title = ? where call = ?'),
    known: db.prepare<[number], KnownRow & { flags: number }>(
      'select n.call, n.thread, n.flags, c.client, c.caller from conv_nodes n join calls c on c.id = n.call where n.call = +?',
    ),
    // Answered by the index alone.
    withTip: db.prepare<[Buffer, number, number], CallRow>(
      'select call from conv_nodes where tip = +? and call < +? order by call desc limit +?',
    ),
    threadBefore: calls(`select call from conv_nodes where thread = +? and call < +? and flags & ${SIDE} = 0 order by call desc limit 1`),
    threadFirst: db.prepare<[number], CallRow>(
      `select call from conv_nodes where thread = +? and flags & ${SIDE} = 0 order by call limit 1`,
    ),
    spawns: db.prepare<[Buffer, number], KnownRow & { endedMs: number }>(
      `select s.call, s.ended_ms as endedMs, n.thread, c.client, c.caller from conv_spawns s
       join conv_nodes n on n.call = s.call join calls c on c.id = s.call
       where s.prompt = +? and s.call < +? and n.flags & ${SIDE} = 0 order by s.call desc limit ${MOST_ALIKE}`,
    ),
    summaries: db.prepare<[Buffer, number], KnownRow>(
      `select s.call, n.thread, c.client, c.caller from conv_summaries s
       join conv_nodes n on n.call = s.call join calls c on c.id = s.call
       where s.line = +? and s.call < +? and n.flags & ${SIDE} = 0 order by s.call desc limit ${MOST_ALIKE}`,
    ),
    endingAt: db.prepare<[Buffer, number], CallRow>('select call from conv_ends where chain = ? and call > ?'),
    tipAfter: db.prepare<[Buffer, number], CallRow>('select call from conv_nodes where tip = ? and call > ?'),
    threadAfter: calls('select call from conv_nodes where thread = ? and call > ? and via <> 1'),
    parentThreadAfter: calls('select call from conv_nodes where parent_thread = ? and call > ? and via <> 1'),
    sidesBefore: calls(`select call from conv_nodes where thread = ? and call < ? and flags & ${SIDE} = ${SIDE}`),
    withPrompt: db.prepare<[Buffer, number], CallRow>('select call from conv_nodes where prompt = ? and call > ?'),
    withLine: db.prepare<[Buffer, number], CallRow>('select call from conv_lines where line = ? and call > ?'),
  };
}
