import { readFileSync, statSync } from 'node:fs';
import type { Database } from 'better-sqlite3';
import type { AdapterStatus, Call, CallIdentity, Cost, QuotaPoint, UsageDimension, Why, Window5h } from '../contract/index.ts';
import { DrawbridgeError } from '../contract/errors.ts';
import { builtInAdapters } from './adapters/built-in.ts';
import { exchangeOf } from './adapters/exchange.ts';
import { loadAdapters } from './adapters/load.ts';
import { fromClaudeTranscript, fromCodexRollout, fromCopilotSession, type ClientHomes, type NativeIdentity } from './adapters/native.ts';
import { problemsOf } from './adapters/presets.ts';
import { SessionContexts } from './adapters/session-context.ts';
import { ConversationFollower } from './conversations/follow.ts';
import {
  parentOf,
  readConversations,
  readCost,
  readTree,
  type ConversationFilter,
  type ConversationPage,
  type ConversationTree,
} from './conversations/read.ts';
import { scanRequest } from './conversations/scan.ts';
import { comparePrompts } from './conversations/why.ts';
import type { Follower } from './followers.ts';
import { valueOf } from './heads.ts';
import { decoded } from './projector.ts';
import type { Side } from './record.ts';
import { openly, type Seal } from './seal.ts';
import { PriceTable, type KnownPrice } from './usage/prices.ts';
import { keepQuotas, readQuotas, type BridgeReport } from './usage/quotas.ts';
import { readSeries, readWindow, Rollup, type SeriesInput } from './usage/rollup.ts';

/** Where the worker finds what is the user's own. */
export type MeaningPlaces = {
  /** Folder of the user's adapters. */
  adapters: string;
  /** What clients' hooks wrote of their sessions. */
  contexts: string;
  /** Prices of the user's. */
  prices: string;
  homes: ClientHomes;
};

export type MeaningQuery =
  | { kind: 'conversations'; filter: ConversationFilter }
  | { kind: 'tree'; call: number; limit: number }
  | { kind: 'identity'; call: number }
  | { kind: 'why'; call: number }
  | { kind: 'adapters' }
  | { kind: 'series'; input: SeriesInput }
  | { kind: 'window5h'; by: UsageDimension | undefined; nowMs: number }
  | { kind: 'quotas'; bridge: string | undefined; fromMs: number; toMs: number }
  | { kind: 'cost'; call: number }
  | { kind: 'prices' };

export type MeaningAnswer =
  | { kind: 'conversations'; page: ConversationPage }
  | { kind: 'tree'; tree: ConversationTree | null }
  | { kind: 'identity'; identity: CallIdentity | null }
  | { kind: 'why'; why: Why | null }
  | { kind: 'adapters'; adapters: AdapterStatus[]; problems: string[]; unread: number }
  | { kind: 'series'; series: ReturnType<typeof readSeries> }
  | { kind: 'window5h'; windows: Window5h[] }
  | { kind: 'quotas'; points: QuotaPoint[] }
  | { kind: 'cost'; cost: Cost | null }
  | { kind: 'prices'; prices: KnownPrice[]; file: string; problem: string | null };

/** What the store gives of one call. */
export type CallSource = {
  call(id: number): Call | undefined;
  sides(id: number): readonly { side: Side; headers: string; body: Uint8Array | null }[];
};

/** What calls mean: who made them, what they belong to, what they cost. Lives in the capture worker, beside the store. */
export class Meaning {
  readonly #places: MeaningPlaces;
  readonly #contexts: SessionContexts;
  readonly #adapters;
  readonly #warn: (message: string) => void;
  readonly #prices: { table: PriceTable; problem: string | null; readMs: number };
  /** The price file is being read. */
  #reading: Promise<void> | undefined;
  #rollup: Rollup | undefined;
  #db: Database | undefined;
  #seal: Seal = openly;
  #reports: readonly BridgeReport[] = [];

  constructor(places: MeaningPlaces, warn: (message: string) => void) {
    this.#places = places;
    this.#warn = warn;
    this.#contexts = new SessionContexts(places.contexts);
    this.#adapters = builtInAdapters(warn);
    this.#prices = { table: new PriceTable(), problem: null, readMs: 0 };
  }

  /** Takes the adapters of the user's folder. Calls that are stored before are read by ours alone. */
  load(): Promise<void> {
    return loadAdapters(this.#places.adapters, this.#adapters);
  }

  /** A maker of what follows the store (followers.ts). */
  follow = (db: Database, seal: Seal): Follower => {
    this.#seal = seal;
    const conversations = new ConversationFollower(db, seal, this.#adapters, this.#contexts, this.#warn);
    const rollup = new Rollup(db, (call) => conversations.kind(call));
    rollup.bridges(this.#reports);
    this.#rollup = rollup;
    this.#db = db;
    return {
      stored(change) {
        conversations.stored(change);
        rollup.stored(change);
      },
      removed(ids) {
        conversations.removed(ids);
        rollup.removed(ids);
      },
      holds: () => conversations.holds(),
      flush() {
        conversations.flush();
        rollup.flush();
      },
      forget() {
        conversations.forget();
        rollup.forget();
      },
    };
  };

  /** Takes over how the bridges are signed in, and what their providers say of their limits. */
  bridges(reports: readonly BridgeReport[]): void {
    this.#reports = reports;
    this.#rollup?.bridges(reports);
    if (this.#db !== undefined) keepQuotas(this.#db, reports);
  }

  /** Answers from a connection that only reads. */
  answer(db: Database, source: CallSource, query: MeaningQuery): MeaningAnswer {
    switch (query.kind) {
      case 'conversations':
        return { kind: 'conversations', page: readConversations(db, this.#seal, this.#prices.table, query.filter) };
      case 'tree':
        return { kind: 'tree', tree: readTree(db, this.#seal, this.#prices.table, query.call, query.limit) ?? null };
      case 'identity':
        return { kind: 'identity', identity: this.#identity(source, query.call) };
      case 'why':
        return { kind: 'why', why: whyOf(db, source, query.call) };
      case 'adapters': {
        const problems = problemsOf(this.#adapters.list().flatMap((adapter) => [...(adapter.upstreams ?? [])]));
        return { kind: 'adapters', adapters: this.#adapters.status(), problems, unread: this.#adapters.unread };
      }
      case 'series':
        return { kind: 'series', series: readSeries(db, this.#prices.table, query.input) };
      case 'window5h':
        return { kind: 'window5h', windows: readWindow(db, this.#prices.table, query.by, query.nowMs) };
      case 'quotas':
        return { kind: 'quotas', points: readQuotas(db, query.bridge, query.fromMs, query.toMs) };
      case 'cost':
        return { kind: 'cost', cost: readCost(db, this.#prices.table, query.call) ?? null };
      case 'prices':
        return { kind: 'prices', prices: [...this.#prices.table.prices], file: this.#places.prices, problem: this.#prices.problem };
    }
  }

  /**
   * Takes over the user's price file where it changed; undefined where that which is there is in force. One that is wrong
   * leaves the last good table in force. Never rejects.
   */
  refresh(): Promise<void> | undefined {
    const changedMs = statSync(this.#places.prices, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    if (changedMs === this.#prices.readMs) return this.#reading;
    this.#prices.readMs = changedMs;
    if (changedMs > 0) {
      const reading = this.#readPrices(this.#places.prices).finally(() => {
        if (this.#reading === reading) this.#reading = undefined;
      });
      this.#reading = reading;
      return reading;
    }
    this.#prices.table = new PriceTable();
    this.#prices.problem = null;
    return undefined;
  }

  async #readPrices(file: string): Promise<void> {
    try {
      const { parsePrices } = await import('./usage/price-file.ts');
      this.#prices.table = new PriceTable(parsePrices(readFileSync(file, 'utf8'), file));
      this.#prices.problem = null;
    } catch (error) {
      this.#prices.problem = error instanceof DrawbridgeError ? error.message : `${file} can't be read.`;
    }
  }

  #identity(source: CallSource, id: number): CallIdentity | null {
    const call = source.call(id);
    if (call === undefined) return null;
    const sides = source.sides(id);
    const request = sides.find(({ side }) => side === 'clientRequest');
    const reply = sides.find(({ side }) => side === 'clientReply');
    const body = bodyOf(request);
    const scan = call.wireIn === null || body === undefined ? undefined : scanRequest(call.wireIn, body);
    const reading = this.#adapters.read(exchangeOf(call, { request: request?.headers, reply: reply?.headers }, scan));
    const told = reading?.projected ?? {};
    const native = told.session === undefined ? undefined : this.#native(reading?.adapter, told.session, told.thread, call, bodyOf(reply));
    const context = told.session === undefined ? undefined : this.#contexts.of(told.session);
    return {
      adapter: reading?.adapter ?? null,
      source: native?.source ?? told.source ?? 'hash',
      session: told.session ?? null,
      thread: told.thread ?? null,
      parentThread: told.parentThread ?? null,
      cwd: told.cwd ?? native?.cwd ?? context?.cwd ?? null,
      gitBranch: told.gitBranch ?? native?.gitBranch ?? context?.gitBranch ?? null,
      gitOrigin: told.gitOrigin ?? native?.gitOrigin ?? null,
      gitCommit: told.gitCommit ?? native?.gitCommit ?? null,
      facts: { ...native?.facts, ...told.facts },
    };
  }

  #native(
    adapter: string | undefined,
    session: string,
    thread: string | undefined,
    call: Call,
    reply: Buffer | undefined,
  ): NativeIdentity | undefined {
    const { homes } = this.#places;
    switch (adapter) {
      case 'claude': {
        const messageId = /"id":\s?"(msg_[\w-]{1,200})"/.exec(reply?.toString('utf8', 0, 4096) ?? '')?.[1];
        const transcript = this.#contexts.of(session)?.transcript ?? null;
        return fromClaudeTranscript(homes, session, thread ?? null, transcript, { messageId, requestId: undefined });
      }
      case 'codex':
        return fromCodexRollout(homes, thread ?? session, Date.parse(call.startedAt));
      case 'copilot':
        return fromCopilotSession(homes, session);
      default:
        return undefined;
    }
  }
}

function whyOf(db: Database, source: CallSource, id: number): Why | null {
  const link = parentOf(db, id);
  const call = source.call(id);
  if (link === undefined || call === undefined || call.wireIn === null) return null;
  const body = requestOf(source, id);
  const before = link.parent === null ? undefined : source.call(link.parent);
  const beforeBody = before === undefined ? undefined : requestOf(source, before.id);
  const previous =
    before === undefined || before.wireIn === null || beforeBody === undefined ? undefined : { wire: before.wireIn, body: beforeBody };
  const compared = body === undefined ? undefined : comparePrompts(call.wireIn, body, previous);
  if (compared === undefined) return null;
  return { call: id, previous: previous === undefined ? null : (before?.id ?? null), ...compared, cached: call.usage?.cached ?? null };
}

function requestOf(source: CallSource, id: number): string | undefined {
  return bodyOf(source.sides(id).find(({ side }) => side === 'clientRequest'))?.toString('utf8');
}

function bodyOf(side: { headers: string; body: Uint8Array | null } | undefined): Buffer | undefined {
  if (side === undefined || side.body === null) return undefined;
  const bytes = Buffer.from(side.body.buffer, side.body.byteOffset, side.body.byteLength);
  const pairs: [string, string][] = JSON.parse(side.headers);
  return decoded(bytes, valueOf(pairs, 'content-encoding'));
}
