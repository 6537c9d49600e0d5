import type { Database } from 'better-sqlite3';
import { DrawbridgeError } from '../contract/errors.ts';
import type { Call, CallFilter } from '../contract/index.ts';
import {
  parseQuery,
  stretchOf,
  type Comparison,
  type QueryField,
  type QueryTerm,
  type QueryTime,
  type QueryValue,
} from '../contract/query.ts';
import { idAt } from './recorder.ts';
import { fromRow, type Row } from './rows.ts';
import { spaced } from './unspaced.ts';

/** Which calls are wanted, newest first. `now` is Unix milliseconds. */
export type Listing = {
  limit: number;
  before?: number | undefined;
  filter?: CallFilter | undefined;
  query?: string | undefined;
  now: number;
};

type Value = string | number;
type Clause = { sql: string; values: Value[] };
/** Values of indexed columns, of which a row has at least one. */
type Few = { column: string; value: Value }[];
/** Clauses that must all hold, the words looked for, and ways to find the rows by an index. */
type Plan = { where: Clause[]; words: string[]; few: Few[] };

/** The columns behind each field. Those marked `few` have an index and hold a small number of different values. */
const COLUMNS: Record<QueryField, { columns: readonly string[]; few?: true }> = {
  model: { columns: ['model_requested', 'model_used'], few: true },
  client: { columns: ['client'], few: true },
  caller: { columns: ['caller'], few: true },
  upstream: { columns: ['upstream'], few: true },
  route: { columns: ['route'], few: true },
  folder: { columns: ['folder'], few: true },
  status: { columns: ['status'], few: true },
  path: { columns: ['path'] },
  method: { columns: ['method'] },
  version: { columns: ['client_version'] },
  error: { columns: ['error'] },
  wire: { columns: ['wire_in'] },
  to: { columns: ['wire_out'] },
  state: { columns: ['state'] },
  is: { columns: [''] },
  duration: { columns: ['duration_ms'] },
  ttfb: { columns: ['ttfb_ms'] },
  input: { columns: ['tokens_input'] },
  cached: { columns: ['tokens_cached'] },
  output: { columns: ['tokens_output'] },
  reasoning: { columns: ['tokens_reasoning'] },
  tools: { columns: ['tool_calls'] },
  request: { columns: ['request_bytes'] },
  reply: { columns: ['reply_bytes'] },
  id: { columns: ['calls.id'] },
  replay: { columns: ['replay_of'] },
  time: { columns: ['calls.id'] },
  since: { columns: ['calls.id'] },
  until: { columns: ['calls.id'] },
};

/** Rows that stand in a column's index: where there is a condition, the others are found by another column. */
const INDEXED: Readonly<Record<string, string>> = { model_used: 'model_used is not model_requested' };

const STATES = ['open', 'done', 'cut'];
/** More different values than this are not merged from their indexes; such a filter holds for most rows anyway. */
const MOST_VALUES = 24;
const MOST_DISTINCT = 500;

/** Newest first. Throws DrawbridgeError bad_input where the query can't be understood or the store has no index. */
export function listCalls(db: Database, listing: Listing, noIndex: boolean): Call[] {
  const plan = planOf(db, listing);
  if (plan.words.length > 0) {
    if (noIndex)
      throw new DrawbridgeError('bad_input', 'This call history is encrypted: it can be filtered by fields, not searched for words.');
    return byWords(db, plan, listing);
  }
  const [few] = plan.few.toSorted((a, b) => a.length - b.length);
  if (few !== undefined) return byValues(db, plan, few, listing);
  const { sql, values } = both(plan.where, listing.before);
  return db
    .prepare<Value[], Row>(`select * from calls ${sql} order by id desc limit ?`)
    .all(...values, listing.limit)
    .map(fromRow);
}

/** The ids of all calls a query finds. */
export function findCalls(db: Database, query: string, now: number, noIndex: boolean): number[] {
  const ids: number[] = [];
  for (let before: number | undefined; ;) {
    const page = listCalls(db, { limit: 1000, before, query, now }, noIndex);
    ids.push(...page.map((call) => call.id));
    before = page.at(-1)?.id;
    if (page.length < 1000) return ids;
  }
}

/** The different values of an indexed column: the index answers "next after this one" without reading every row. */
export function distinctValues(db: Database, column: string, most = 500): Value[] {
  const indexed = INDEXED[column] ?? 'true';
  const next = db.prepare<[Value], { value: Value | null }>(`select min(${column}) as value from calls where ${column} > ? and ${indexed}`);
  const first = db.prepare<[], { value: Value | null }>(`select min(${column}) as value from calls where ${indexed}`).get()?.value ?? null;
  const values: Value[] = [];
  for (let value = first; value !== null && values.length < most; value = next.get(value)?.value ?? null) values.push(value);
  return values;
}

/** For each value the newest rows by its index, merged: any filter on such a column costs a page, not a table. */
function byValues(db: Database, plan: Plan, few: Few, { limit, before }: Listing): Call[] {
  const { sql, values } = both(plan.where, before);
  const ids = few.flatMap(({ column, value }) =>
    db
      .prepare<Value[], { id: number }>(
        `select id from calls ${sql === '' ? 'where' : `${sql} and`} ${column} = ? and ${INDEXED[column] ?? 'true'}
         order by id desc limit ?`,
      )
      .all(...values, value, limit)
      .map((row) => row.id),
  );
  return rowsOf(db, newest(ids, limit));
}

/** Words with fewer rows than this are read whole. */
const FEW_ROWS = 1000;

/**
 * The index stands in the order in which calls were stored: nearly that of their ids, and far from it where calls were imported
 * or saved from a damaged store. A page is read as it was stored; where calls of the time it spans were stored elsewhere, it is
 * read anew by their ids.
 */
function byWords(db: Database, plan: Plan, { limit, before = Number.MAX_SAFE_INTEGER }: Listing): Call[] {
  const words = plan.words.join(' AND ');
  // Request and reply of a call may both hold the words.
  const most = 2 * limit;
  const hits = (order: 'search.rowid' | 'exchanges.call', within: readonly Clause[]): Hit[] => {
    const { sql, values } = both([...plan.where, ...within], before);
    return db
      .prepare<Value[], Hit>(
        `select exchanges.call, exchanges.id as stored from search cross join exchanges on exchanges.id = search.rowid >> 1
         cross join calls on calls.id = exchanges.call ${sql} and search match ? order by ${order} desc limit ?`,
      )
      .all(...values, words, most);
  };
  const pageOf = (found: readonly Hit[]): number[] =>
    newest(
      found.map(({ call }) => call),
      limit,
    );
  const rows = db.prepare<[string, number], number>('select count(*) from (select 1 from search where search match ? limit ?)').pluck();
  if ((rows.get(words, FEW_ROWS) ?? 0) < FEW_ROWS) return rowsOf(db, pageOf(hits('exchanges.call', [])));

  const top = db.prepare<[number], number>('select id from exchanges where call < ? order by call desc limit 1').pluck().get(before) ?? 0;
  const found = hits('search.rowid', [{ sql: 'search.rowid <= ?', values: [2 * top + 1] }]);
  const page = pageOf(found);
  const oldest = (page.length < limit ? undefined : page.at(-1)) ?? 0;
  const bottom = (found.length < most ? undefined : found.at(-1)?.stored) ?? 0;
  const stored = db
    .prepare<[number, number], { first: number | null; last: number | null }>(
      'select min(id) as first, max(id) as last from exchanges where call >= ? and call < ?',
    )
    .get(oldest, before);
  const [first, last] = [stored?.first ?? 0, stored?.last ?? 0];
  if (first >= bottom && last <= top) return rowsOf(db, page);
  const span = { sql: 'search.rowid between ? and ? and calls.id >= ?', values: [2 * first, 2 * last + 1, oldest] };
  return rowsOf(db, pageOf(hits('exchanges.call', [span])));
}

/** A call that holds the words, and the place of its exchange in the order of storing. */
type Hit = { call: number; stored: number };

function newest(ids: readonly number[], limit: number): number[] {
  return [...new Set(ids)].sort((a, b) => b - a).slice(0, limit);
}

function rowsOf(db: Database, ids: readonly number[]): Call[] {
  const row = db.prepare<[number], Row>('select * from calls where id = ?');
  return ids.flatMap((id) => row.all(id)).map(fromRow);
}

function both(clauses: readonly Clause[], before: number | undefined): Clause {
  const all = before === undefined ? clauses : [...clauses, { sql: 'calls.id < ?', values: [before] }];
  return {
    sql: all.length === 0 ? '' : `where ${all.map((clause) => clause.sql).join(' and ')}`,
    values: all.flatMap((clause) => clause.values),
  };
}

function planOf(db: Database, { filter = {}, query = '', now }: Listing): Plan {
  const plan: Plan = { where: [], words: [], few: [] };
  const { terms, problems } = parseQuery(query);
  const [problem] = problems;
  if (problem !== undefined) throw new DrawbridgeError('bad_input', problem.message, { start: problem.start, end: problem.end });
  const exactly = (field: QueryField, value: string | undefined): void => {
    if (value !== undefined)
      addField(db, plan, { type: 'field', not: false, field, start: 0, end: 0, values: [{ kind: 'name', pattern: value }] }, now, true);
  };
  exactly('client', filter.client);
  exactly('caller', filter.caller);
  exactly('upstream', filter.upstream);
  exactly('model', filter.model);
  if (filter.outcome !== undefined) plan.where.push({ sql: PROPERTIES[filter.outcome], values: [] });
  if (filter.text !== undefined && filter.text !== '') plan.where.push(anywhere(filter.text));
  for (const term of terms) {
    if (term.type === 'field') addField(db, plan, term, now, false);
    else if (term.not)
      plan.where.push({
        sql: 'calls.id not in (select exchanges.call from search join exchanges on exchanges.id = search.rowid >> 1 where search match ?)',
        values: [match(term)],
      });
    else plan.words.push(match(term));
  }
  return plan;
}

/** FTS5's own syntax is never let through: every word goes in quotation marks. It reads no further than a NUL. */
function match(term: Extract<QueryTerm, { type: 'text' }>): string {
  if (term.text.includes('\0')) {
    const { start, end } = term;
    throw new DrawbridgeError('bad_input', "The character NUL can't be looked for.", { start, end });
  }
  const words = spaced(term.text);
  const found = `${quoted(words)}${term.prefix ? '*' : ''}`;
  // Earlier versions indexed a row of such characters as one word: it is found by its beginning.
  return words === term.text ? found : `(${found} OR ${quoted(term.text)}*)`;
}

const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;

function anywhere(text: string): Clause {
  const like = `%${text.replace(/[\\%_]/g, '\\$&')}%`;
  const columns = ['model_requested', 'model_used', 'path', 'caller', 'client', 'upstream', 'error'];
  return { sql: `(${columns.map((column) => `${column} like ? escape '\\'`).join(' or ')})`, values: columns.map(() => like) };
}

const PROPERTIES: Readonly<Record<'open' | 'ok' | 'failed' | 'cut' | 'streamed' | 'translated' | 'lossy' | 'replay', string>> = {
  open: 'state = 0',
  ok: 'state = 1 and status < 400',
  failed: '(status >= 400 or state = 2)',
  cut: 'state = 2',
  streamed: 'streamed = 1',
  translated: 'wire_in <> wire_out',
  lossy: 'lost is not null',
  replay: 'replay_of is not null',
};

const isProperty = (name: string): name is keyof typeof PROPERTIES => Object.hasOwn(PROPERTIES, name);

function addField(db: Database, plan: Plan, term: Extract<QueryTerm, { type: 'field' }>, now: number, exact: boolean): void {
  const { columns, few } = COLUMNS[term.field];
  const any = anyOf(term.values.flatMap((value) => columns.map((column) => clauseOf(column, value, now, exact))));
  plan.where.push(term.not ? { sql: `not coalesce(${any.sql}, 0)`, values: any.values } : any);
  if (few === undefined || term.not) return;
  const leads = columns.map((column) => valuesOf(db, column, term.values, now, exact));
  const pairs: Few = [];
  for (const lead of leads) {
    if (lead === undefined) return;
    pairs.push(...lead);
  }
  if (pairs.length <= MOST_VALUES) plan.few.push(pairs);
}

/** The values a column has that the term means; undefined where it has too many to look at. */
function valuesOf(db: Database, column: string, wanted: readonly QueryValue[], now: number, exact: boolean): Few | undefined {
  const all = distinctValues(db, column, MOST_DISTINCT);
  if (all.length >= MOST_DISTINCT) return undefined;
  const { sql, values } = anyOf(wanted.map((value) => clauseOf('value', value, now, exact)));
  const fits = db.prepare<Value[], { yes: number }>(`select ${sql} as yes from (select ? as value)`);
  return all.filter((value) => fits.get(...values, value)?.yes === 1).map((value) => ({ column, value }));
}

function anyOf(clauses: readonly Clause[]): Clause {
  return { sql: `(${clauses.map((clause) => clause.sql).join(' or ')})`, values: clauses.flatMap((clause) => clause.values) };
}

function clauseOf(column: string, value: QueryValue, now: number, exact: boolean): Clause {
  switch (value.kind) {
    case 'name':
      if (exact) return { sql: `${column} = ?`, values: [value.pattern] };
      return { sql: `${column} like ? escape '\\'`, values: [value.pattern.replace(/[\\%_]/g, '\\$&').replaceAll('*', '%')] };
    case 'choice':
      if (column === '') return { sql: isProperty(value.choice) ? PROPERTIES[value.choice] : '0', values: [] };
      return { sql: `${column} = ?`, values: [column === 'state' ? STATES.indexOf(value.choice) : value.choice] };
    case 'number':
      return { sql: `${column} ${value.compare} ?`, values: [value.value] };
    case 'range':
      return { sql: `${column} between ? and ?`, values: [value.from, value.to] };
    case 'time':
      return timeClause(column, value.compare, value.time, now);
  }
}

/** Ids rise with time, so that a stretch of time is a stretch of ids. */
function timeClause(column: string, compare: Comparison, time: QueryTime, now: number): Clause {
  const span = stretchOf(time, now);
  const [from, to] = [idAt(span.from), idAt(span.to)];
  switch (compare) {
    case '=':
      return { sql: `${column} >= ? and ${column} < ?`, values: [from, to] };
    case '>':
      return { sql: `${column} >= ?`, values: [to] };
    case '>=':
      return { sql: `${column} >= ?`, values: [from] };
    case '<':
      return { sql: `${column} < ?`, values: [from] };
    case '<=':
      return { sql: `${column} < ?`, values: [to] };
  }
}
