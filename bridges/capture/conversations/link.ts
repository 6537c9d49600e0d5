import type { Chain, End, Scan } from './scan.ts';

/**
 * Which call a call follows. The answer depends on nothing but the calls there are, never on the order in which they
 * were stored: whatever is asked of the index is asked of earlier calls (a smaller id), and a call that is stored late
 * makes those after it be asked again (`tables.ts`).
 */

/** How a call was linked. */
export const VIA = ['none', 'prefix', 'retry', 'thread', 'task', 'side', 'summary'] as const;
export type Via = (typeof VIA)[number];
/** `end`: which of its ends the parent's history is, where that linked it. */
export type Link = { parent: number | null; via: Via; end?: number };

/** What decides about a call's place. Threads go by their number in the index. */
export type NodeFacts = {
  call: number;
  client: string;
  caller: string | null;
  /** Null where the client names no session. */
  thread: number | null;
  parentThread: number | null;
  /** Its whole history. */
  tip: Chain;
  deep: boolean;
  /** In order, without the last. */
  ends: readonly End[];
  /** Hash of what was said first, where nothing was answered yet. */
  prompt: string | null;
  /** Hashes of the lines of a rewritten history, where it looks like one. */
  lines: readonly string[];
  side: boolean;
  /** The adapter says that it begins a conversation, whatever its history looks like. */
  root: boolean;
};

/** An earlier call, as far as linking needs to know it. */
export type Known = { call: number; client: string; caller: string | null; thread: number | null };
export type Spawn = Known & { endedMs: number };

/** What is known of calls before `before`, the nearest first. Side requests are in none of the answers. */
export type LinkIndex = {
  /** Those from `since` on. Read no further than is needed. */
  withTip(chain: Chain, before: number, since: number): Iterable<Known>;
  inThread(thread: number, before: number): number | undefined;
  firstInThread(thread: number): number | undefined;
  spawnsOf(prompt: string, before: number): readonly Spawn[];
  summariesWith(line: string, before: number): readonly Known[];
};

/** Ids hold the time: this many to a millisecond (recorder.ts). */
export const IDS_PER_MS = 4096;
const RETRY_WITHIN = 10 * 60_000 * IDS_PER_MS;
const TASK_WITHIN = 24 * 3_600_000 * IDS_PER_MS;
/** Where only the prompt ties a sub-task to the call that spawned it, it begins soon after. */
const TASK_AFTER_MS = 30_000;

export function linkOf(node: NodeFacts, index: LinkIndex): Link {
  if (node.root) return NO_LINK;
  if (node.side) return sideLink(node, index);
  return (
    prefixLink(node, index) ??
    subtaskLink(node, index) ??
    threadLink(node, index) ??
    summaryLink(node, index) ??
    taskLink(node, index) ??
    NO_LINK
  );
}

const NO_LINK: Link = { parent: null, via: 'none' };

function prefixLink(node: NodeFacts, index: LinkIndex): Link | undefined {
  const since = node.thread === null ? node.call - RETRY_WITHIN : 0;
  for (const known of index.withTip(node.tip, node.call, since)) if (isRetry(known, node)) return { parent: known.call, via: 'retry' };
  for (let i = node.ends.length - 1; i >= 0; i--) {
    const end = node.ends[i];
    const parent = end === undefined ? undefined : nearest(index.withTip(end.chain, node.call, 0), node, end.deep);
    if (parent !== undefined) return { parent: parent.call, via: 'prefix', end: i };
  }
  return undefined;
}

function isRetry(known: Known, node: NodeFacts): boolean {
  if (node.thread !== null || known.thread !== null) return node.thread === known.thread;
  return known.caller === node.caller && known.client === node.client && node.call - known.call <= RETRY_WITHIN;
}

/** The likeliest of several calls with the same history: of the same thread, else of the same caller, else the nearest. */
function nearest(candidates: Iterable<Known>, node: NodeFacts, deep: boolean): Known | undefined {
  let best: Known | undefined;
  let bestTie = 0;
  const strongest = node.thread === null ? 2 : 3;
  for (const known of candidates) {
    const tie = tieOf(known, node, deep);
    if (tie > bestTie) {
      best = known;
      bestTie = tie;
    }
    if (bestTie === strongest) break;
  }
  return best;
}

/** How much speaks for a call beside the equal history; 0 where two conversations may just have begun alike. */
function tieOf(known: Known, node: NodeFacts, deep: boolean): number {
  if (node.thread !== null && known.thread === node.thread) return 3;
  const named = node.thread !== null && known.thread !== null;
  if (!named && known.caller === node.caller) return 2;
  return deep ? 1 : 0;
}

/** A thread whose client says which thread it came from. */
function subtaskLink(node: NodeFacts, index: LinkIndex): Link | undefined {
  const { thread, parentThread } = node;
  if (parentThread === null || (thread !== null && index.inThread(thread, node.call) !== undefined)) return undefined;
  const spawn = spawnsOf(node, index).find((known) => known.thread === parentThread);
  const parent = spawn?.call ?? index.inThread(parentThread, node.call);
  return parent === undefined ? undefined : { parent, via: 'task' };
}

/** The client goes on in its thread with another history: it compacted or edited it. */
function threadLink(node: NodeFacts, index: LinkIndex): Link | undefined {
  const parent = node.thread === null ? undefined : index.inThread(node.thread, node.call);
  return parent === undefined ? undefined : { parent, via: 'thread' };
}

function summaryLink(node: NodeFacts, index: LinkIndex): Link | undefined {
  let best: Known | undefined;
  for (const line of node.lines) {
    const known = index.summariesWith(line, node.call).find((one) => one.caller === node.caller && node.call - one.call <= TASK_WITHIN);
    if (known !== undefined && (best === undefined || known.call > best.call)) best = known;
  }
  return best === undefined ? undefined : { parent: best.call, via: 'summary' };
}

/** Without a header, a sub-task is known by its prompt: it is what a tool call of an earlier reply asked for, word for word. */
function taskLink(node: NodeFacts, index: LinkIndex): Link | undefined {
  const startedMs = node.call / IDS_PER_MS;
  const spawn = spawnsOf(node, index).find((known) => {
    if (node.thread !== null && known.thread !== null) return node.thread === known.thread;
    return known.caller === node.caller && startedMs - known.endedMs <= TASK_AFTER_MS;
  });
  return spawn === undefined ? undefined : { parent: spawn.call, via: 'task' };
}

function spawnsOf(node: NodeFacts, index: LinkIndex): readonly Spawn[] {
  if (node.prompt === null) return [];
  return index.spawnsOf(node.prompt, node.call).filter((known) => node.call - known.call <= TASK_WITHIN);
}

function sideLink(node: NodeFacts, index: LinkIndex): Link {
  const parent = node.thread === null ? undefined : (index.inThread(node.thread, node.call) ?? index.firstInThread(node.thread));
  return parent === undefined ? NO_LINK : { parent, via: 'side' };
}

/** What of a scan decides about a call's place. */
export function endsOf({ steps, deep, ends }: Scan): { tip: Chain; deep: boolean; ends: readonly End[] } {
  return { tip: steps.at(-1)?.chain ?? '', deep, ends };
}
