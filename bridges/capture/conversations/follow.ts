import Database from 'better-sqlite3';
import type { Call, RequestKind, WireFormat } from '../../contract/index.ts';
import type { Adapters, Reading } from '../adapters/registry.ts';
import { exchangeOf } from '../adapters/exchange.ts';
import type { SessionContexts } from '../adapters/session-context.ts';
import { isAssembled } from '../assembled.ts';
import { redactText } from '../../engine/redact.ts';
import type { Follower, StoredCallChange } from '../followers.ts';
import { valueOf } from '../heads.ts';
import { decoded } from '../projector.ts';
import type { Seal } from '../seal.ts';
import { Graph } from './graph.ts';
import { endsOf, IDS_PER_MS } from './link.ts';
import { rewrittenLines, spawnedPrompts, summaryLines, textHash } from './reply.ts';
import { RecentScans, type Scan } from './scan.ts';

type Side = StoredCallChange['sides'][number];

/** Puts every stored call where it belongs among the others. What an adapter or a body does never stops a call from being stored. */
export class ConversationFollower implements Follower {
  readonly #graph: Graph;
  readonly #seal: Seal;
  readonly #adapters: Adapters;
  readonly #contexts: SessionContexts;
  readonly #warn: (message: string) => void;
  readonly #scans = new RecentScans();
  readonly #sql: ReturnType<typeof prepare>;

  constructor(db: Database.Database, seal: Seal, adapters: Adapters, contexts: SessionContexts, warn: (message: string) => void) {
    this.#graph = new Graph(db, seal);
    this.#seal = seal;
    this.#adapters = adapters;
    this.#contexts = contexts;
    this.#warn = warn;
    this.#sql = prepare(db);
  }

  stored(change: StoredCallChange): void {
    try {
      this.#stored(change);
    } catch (error) {
      // Only where the database itself fails may the call be lost with it.
      if (error instanceof Database.SqliteError) throw error;
      this.#warn(`a call could not be put into a conversation: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** What kind of request a call is; null where it is in no conversation. */
  kind(call: number): RequestKind | null {
    return this.#graph.kind(call);
  }

  flush(): void {
    this.#graph.flush();
  }

  holds(): Iterable<Buffer> {
    return this.#scans.holds();
  }

  forget(): void {
    this.#graph.forget();
  }

  removed(ids: readonly number[]): void {
    const threads = new Set<number>();
    for (const id of ids) {
      const { thread = null, parent = null } = this.#sql.threadsOf.get(id) ?? {};
      if (thread !== null) threads.add(thread);
      if (parent !== null) threads.add(parent);
    }
    this.#graph.remove(ids);
    // Where a session ran is told by nothing else once its calls are gone.
    for (const thread of threads) this.#sql.dropThread.run(thread, thread, thread);
  }

  #stored({ call, ends, sides }: StoredCallChange): void {
    const request = sides.find(({ side }) => side === 'clientRequest');
    const reply = sides.find(({ side }) => side === 'clientReply');
    if (request !== undefined && call.wireIn !== null) this.#begin(call, call.wireIn, request, reply);
    if (ends && reply !== undefined && call.wireIn !== null) this.#end(call, call.wireIn, reply);
  }

  #begin(call: Call, wire: WireFormat, request: Side, reply: Side | undefined): void {
    const body = plain(request);
    const scan = body === undefined ? undefined : this.#scans.scan(wire, body);
    if (scan === undefined || this.#graph.has(call.id)) return;
    const reading = this.#adapters.read(exchangeOf(call, { request: request.headers, reply: reply?.headers }, scan));
    this.#add(call, scan, reading);
  }

  #add(call: Call, scan: Scan, reading: Reading | undefined): void {
    const told = reading?.projected ?? {};
    const ends = endsOf(scan);
    this.#graph.add(
      {
        call: call.id,
        client: call.client,
        caller: call.caller,
        thread: told.session === undefined ? null : this.#thread(told.session, told.thread ?? '', told),
        parentThread:
          told.session === undefined || told.parentThread === undefined ? null : this.#thread(told.session, told.parentThread, {}),
        ...ends,
        prompt: ends.deep || scan.first === null ? null : textHash(scan.first),
        lines: rewrittenLines(scan.opening, scan.first),
        side: told.kind === 'side',
        root: told.root === true,
      },
      {
        steps: scan.steps.length,
        summary: told.kind === 'summary',
        title: scan.title,
        context: scan.context,
      },
    );
  }

  #end(call: Call, wire: WireFormat, reply: Side): void {
    if (call.status === null || call.status >= 400) return;
    const flags = this.#graph.flags(call.id);
    if (flags === undefined) return;
    const body = plain(reply);
    if (body === undefined) return;
    // What comes from another store may have been put together there.
    const streamed = call.streamed && !isAssembled(reply.headers);
    const prompts = spawnedPrompts(wire, streamed, body, this.#adapters.spawns);
    if (prompts.length > 0) this.#graph.addSpawns(call.id, prompts.map(textHash), call.id / IDS_PER_MS + (call.durationMs ?? 0));
    if ((flags & 2) !== 0) this.#graph.addSummary(call.id, summaryLines(wire, streamed, body));
  }

  /** The number of a thread; what is known of it is added to what was known before. */
  #thread(
    session: string,
    thread: string,
    told: { cwd?: string | undefined } & Partial<Record<'gitBranch' | 'gitOrigin' | 'gitCommit', string | undefined>>,
  ): number {
    const { closeText, openText } = this.#seal;
    const known = this.#sql.findThread.get(closeText(session), closeText(thread));
    const context = told.cwd === undefined && (known === undefined || known.cwd === null) ? this.#contexts.of(session) : undefined;
    const cwd = told.cwd ?? context?.cwd ?? known?.cwd ?? null;
    const branch = told.gitBranch ?? context?.gitBranch ?? openText(known?.git_branch ?? null);
    const origin = told.gitOrigin === undefined ? openText(known?.git_origin ?? null) : withoutCredentials(told.gitOrigin);
    const commit = told.gitCommit ?? openText(known?.git_commit ?? null);
    const sealed = [closeText(branch), closeText(origin), closeText(commit)] as const;
    if (known === undefined) return Number(this.#sql.putThread.run(closeText(session), closeText(thread), cwd, ...sealed).lastInsertRowid);
    if (cwd !== known.cwd || sealed[0] !== known.git_branch || sealed[1] !== known.git_origin || sealed[2] !== known.git_commit)
      this.#sql.updateThread.run(cwd, ...sealed, known.id);
    return known.id;
  }
}

function plain(side: Side): Buffer | undefined {
  if (side.body === null) return undefined;
  const encoded = side.headers.toLowerCase().includes('"content-encoding"');
  if (!encoded) return side.body;
  const pairs: [string, string][] = JSON.parse(side.headers);
  return decoded(side.body, valueOf(pairs, 'content-encoding'));
}

/** An address of a repository may hold a name and a password. */
function withoutCredentials(origin: string): string {
  return redactText(origin).replace(/\/\/[^/@]+@/, '//');
}

function prepare(db: Database.Database) {
  return {
    threadsOf: db.prepare<[number], { thread: number | null; parent: number | null }>(
      'select thread, parent_thread as parent from conv_nodes where call = ?',
    ),
    findThread: db.prepare<
      [string, string],
      { id: number; cwd: string | null; git_branch: string | null; git_origin: string | null; git_commit: string | null }
    >('select * from conv_threads where session = ? and thread = ?'),
    putThread: db.prepare<(string | null)[]>(
      'insert into conv_threads (session, thread, cwd, git_branch, git_origin, git_commit) values (?, ?, ?, ?, ?, ?)',
    ),
    updateThread: db.prepare<(string | number | null)[]>(
      'update conv_threads set cwd = ?, git_branch = ?, git_origin = ?, git_commit = ? where id = ?',
    ),
    dropThread: db.prepare<[number, number, number]>(
      `delete from conv_threads where id = ? and not exists (select 1 from conv_nodes where thread = ?)
       and not exists (select 1 from conv_nodes where parent_thread = ?)`,
    ),
  };
}
