import type { Database } from 'better-sqlite3';
import { DrawbridgeError } from '../../contract/errors.ts';
import type { Conversation, ConversationNode, Cost, Tokens } from '../../contract/index.ts';
import type { Seal } from '../seal.ts';
import { BILLING, type PriceTable, type Spent } from '../usage/prices.ts';
import { BILLING_SQL } from '../usage/rollup.ts';
import { VIA } from './link.ts';
import { placesOf } from './tree.ts';

export type ConversationPage = { conversations: Conversation[]; next: { last: number; id: number } | null };
export type ConversationTree = { conversation: Conversation; nodes: ConversationNode[]; more: boolean };

export type ConversationFilter = {
  limit: number;
  before?: { last: number; id: number } | undefined;
  client?: string | undefined;
  caller?: string | undefined;
  model?: string | undefined;
  folder?: string | undefined;
  text?: string | undefined;
};

const STATES = ['open', 'done', 'cut'] as const;
const TASK = VIA.indexOf('task');

type HeadRow = {
  id: number;
  last: number;
  title: string | null;
  client: string;
  caller: string | null;
  session: string | null;
  cwd: string | null;
  branch: string | null;
  model: string | null;
  startedMs: number;
  lastMs: number;
};

const HEAD = `select v.id, v.last_call as last, n.title, c.client, c.caller, t.session, t.cwd, t.git_branch as branch,
    coalesce(l.model_used, l.model_requested) as model, c.started_ms as startedMs, l.started_ms as lastMs
  from conversations v join conv_nodes n on n.call = v.id join calls c on c.id = v.id join calls l on l.id = v.last_call
  left join conv_threads t on t.id = n.thread`;

/**
 * Conversations, newest first, by keyset. What is only a side request of nothing is no conversation.
 * Throws DrawbridgeError bad_input where titles are looked for in an encrypted store.
 */
export function readConversations(db: Database, seal: Seal, prices: PriceTable, filter: ConversationFilter): ConversationPage {
  const where = ['n.flags & 1 = 0'];
  const values: (string | number)[] = [];
  const add = (clause: string, ...bound: (string | number)[]): void => {
    where.push(clause);
    values.push(...bound);
  };
  if (filter.before !== undefined) add('(v.last_call, v.id) < (?, ?)', filter.before.last, filter.before.id);
  if (filter.client !== undefined) add('c.client = ?', filter.client);
  if (filter.caller !== undefined) add('c.caller = ?', filter.caller);
  if (filter.model !== undefined) add('? in (l.model_used, l.model_requested)', filter.model);
  if (filter.folder !== undefined) {
    const below = filter.folder.replaceAll(/[\\%_]/g, '\\$&');
    add(`(t.cwd = ? or t.cwd like ? escape '\\' or t.cwd like ? escape '\\')`, filter.folder, `${below}/%`, `${below}\\\\%`);
  }
  const { text = '' } = filter;
  if (text !== '' && seal.encrypted)
    throw new DrawbridgeError('bad_input', 'This call history is encrypted: its titles can be read, not searched.');
  if (text !== '') add(`n.title like ? escape '\\'`, `%${text.replaceAll(/[\\%_]/g, '\\$&')}%`);
  const rows = db
    .prepare<(string | number)[], HeadRow>(`${HEAD} where ${where.join(' and ')} order by v.last_call desc, v.id desc limit ?`)
    .all(...values, filter.limit + 1);
  const page = rows.slice(0, filter.limit);
  const last = page.at(-1);
  return {
    conversations: page.map((row) => conversationOf(db, prices, opened(row, seal))),
    next: rows.length > filter.limit && last !== undefined ? { last: last.last, id: last.id } : null,
  };
}

function opened(row: HeadRow, seal: Seal): HeadRow {
  return { ...row, title: seal.openText(row.title), session: seal.openText(row.session), branch: seal.openText(row.branch) };
}

type SumRow = {
  model: string | null;
  billing: number;
  calls: number;
  failed: number;
  subtasks: number;
  uncounted: number;
  input: number | null;
  cached: number | null;
  cacheWrite: number | null;
  output: number | null;
  reasoning: number | null;
};

function conversationOf(db: Database, prices: PriceTable, row: HeadRow): Conversation {
  const sums = db
    .prepare<[number], SumRow>(
      `select coalesce(c.model_used, c.model_requested) as model, ${BILLING_SQL} as billing, count(*) as calls,
         sum(c.status >= 400 or c.state = 2) as failed, sum(n.via = ${TASK}) as subtasks,
         sum(c.state <> 0 and (c.status is null or c.status < 400) and (c.tokens_input is null or c.tokens_output is null)) as uncounted,
         sum(c.tokens_input) as input, sum(c.tokens_cached) as cached, sum(c.tokens_cache_write) as cacheWrite,
         sum(c.tokens_output) as output, sum(c.tokens_reasoning) as reasoning
       from conv_nodes n join calls c on c.id = n.call left join usage_accounts p on p.call = c.id
       where n.conversation = ? group by 1, 2`,
    )
    .all(row.id);
  const add = (pick: (sum: SumRow) => number): number => sums.reduce((total, sum) => total + pick(sum), 0);
  const told = (pick: (sum: SumRow) => number | null): number | null => {
    const values = sums.map(pick).filter((value) => value !== null);
    return values.length === 0 ? null : values.reduce((total, value) => total + value, 0);
  };
  return {
    id: row.id,
    title: row.title,
    client: row.client,
    caller: row.caller,
    session: row.session,
    cwd: row.cwd,
    gitBranch: row.branch,
    model: row.model,
    startedAt: new Date(row.startedMs).toISOString(),
    lastAt: new Date(row.lastMs).toISOString(),
    calls: add((sum) => sum.calls),
    failed: add((sum) => sum.failed),
    subtasks: add((sum) => sum.subtasks),
    tokens: tokensOf({
      input: told((sum) => sum.input),
      cached: told((sum) => sum.cached),
      cacheWrite: told((sum) => sum.cacheWrite),
      output: told((sum) => sum.output),
      reasoning: told((sum) => sum.reasoning),
    }),
    cost: prices.cost(sums.map((sum) => spent(sum))),
  };
}

type Counts = Pick<SumRow, 'input' | 'cached' | 'cacheWrite' | 'output' | 'reasoning'>;

function tokensOf({ input, cached, cacheWrite, output, reasoning }: Counts): Tokens {
  const inputNet = input === null ? null : Math.max(0, input - (cached ?? 0));
  return { inputGross: input, inputNet, cached, cacheWrite, output, reasoning };
}

function spent(row: Counts & { model: string | null; billing: number; calls: number; uncounted: number }): Spent {
  const { model, calls, uncounted, input, cached, cacheWrite, output } = row;
  return { model, billing: BILLING[row.billing] ?? 'use', calls, uncounted, input, cached, cacheWrite, output };
}

type NodeRow = Counts & {
  call: number;
  parent: number | null;
  via: number;
  flags: number;
  steps: number;
  title: string | null;
  system: number;
  tools: number;
  history: number;
  results: number;
  startedMs: number;
  model: string | null;
  upstream: string | null;
  status: number | null;
  state: number;
  durationMs: number | null;
  billing: number;
};

/** The conversation that holds a call, with its calls in order; undefined where the call is in none. */
export function readTree(db: Database, seal: Seal, prices: PriceTable, call: number, limit: number): ConversationTree | undefined {
  const id = db.prepare<[number], { id: number }>('select conversation as id from conv_nodes where call = ?').get(call)?.id;
  const head = id === undefined ? undefined : db.prepare<[number], HeadRow>(`${HEAD} where v.id = ?`).get(id);
  if (head === undefined) return undefined;
  const rows = db
    .prepare<[number, number], NodeRow>(
      `select n.call, n.parent, n.via, n.flags, n.steps, n.title, n.system_bytes as system, n.tools_bytes as tools,
         n.history_bytes as history, n.results_bytes as results, c.started_ms as startedMs,
         coalesce(c.model_used, c.model_requested) as model, c.upstream, c.status, c.state, c.duration_ms as durationMs,
         ${BILLING_SQL} as billing, c.tokens_input as input, c.tokens_cached as cached, c.tokens_cache_write as cacheWrite,
         c.tokens_output as output, c.tokens_reasoning as reasoning
       from conv_nodes n join calls c on c.id = n.call left join usage_accounts p on p.call = c.id
       where n.conversation = ? order by n.call limit ?`,
    )
    .all(head.id, limit + 1);
  const nodes = rows.slice(0, limit);
  const places = placesOf(
    nodes.map((row) => ({
      call: row.call,
      parent: row.parent,
      via: VIA[row.via] ?? 'none',
      steps: row.steps,
      summary: (row.flags & 2) !== 0,
      startedMs: row.startedMs,
    })),
  );
  const titles = new Map<number, string | null>();
  // A call follows an earlier one, whose title it may share (graph.ts).
  for (const row of nodes) titles.set(row.call, row.title === '' && row.parent !== null ? (titles.get(row.parent) ?? null) : row.title);
  return {
    conversation: conversationOf(db, prices, opened(head, seal)),
    more: rows.length > limit,
    nodes: nodes.map((row): ConversationNode => {
      const counted = row.input !== null && row.output !== null;
      return {
        call: row.call,
        parent: row.parent,
        ...(places.get(row.call) ?? { kind: 'turn', line: 'main' }),
        startedAt: new Date(row.startedMs).toISOString(),
        title: seal.openText(titles.get(row.call) ?? null),
        model: row.model,
        upstream: row.upstream,
        status: row.status,
        state: STATES[row.state] ?? 'done',
        durationMs: row.durationMs,
        tokens: tokensOf(row),
        cost: prices.cost([spent({ ...row, calls: 1, uncounted: counted ? 0 : 1 })]),
        context: { system: row.system, tools: row.tools, history: row.history, results: row.results },
        messages: row.steps,
      };
    }),
  };
}

/** What one call cost; undefined where there is no such call. */
export function readCost(db: Database, prices: PriceTable, call: number): Cost | undefined {
  const row = db
    .prepare<[number], Counts & { model: string | null; billing: number }>(
      `select coalesce(c.model_used, c.model_requested) as model, ${BILLING_SQL} as billing, c.tokens_input as input,
         c.tokens_cached as cached, c.tokens_cache_write as cacheWrite, c.tokens_output as output, c.tokens_reasoning as reasoning
       from calls c left join usage_accounts p on p.call = c.id where c.id = ?`,
    )
    .get(call);
  if (row === undefined) return undefined;
  return prices.cost([spent({ ...row, calls: 1, uncounted: row.input !== null && row.output !== null ? 0 : 1 })]);
}

/** What a call is linked to: its parent, or what it would be compared with. Undefined where the call is in no conversation. */
export function parentOf(db: Database, call: number): { parent: number | null } | undefined {
  return db.prepare<[number], { parent: number | null }>('select parent from conv_nodes where call = ?').get(call);
}
