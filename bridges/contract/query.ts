/**
 * The query language of the calls page and of `drawbridge calls --query`: `model:gpt-5* status:>=400 "rate limit"`.
 * Pure and without a schema library, so that the window can parse and complete while one types. docs/search.md tells
 * it to people.
 */

/** What a field's values are, and how they are compared. */
type Kind =
  /** Text, whatever its case; `*` stands for any run of characters. */
  | 'name'
  /** A number, with a unit where one is usual. */
  | 'number'
  /** A day, a minute, or how long ago. */
  | 'time'
  /** One of a few words. */
  | 'choice';

type Field = { kind: Kind; about: string; units?: Readonly<Record<string, number>>; choices?: readonly string[] };

const MS = { ms: 1, s: 1000, m: 60_000, min: 60_000, h: 3_600_000 };
const BYTES = { b: 1, kb: 1000, mb: 1e6, gb: 1e9, kib: 1024, mib: 1_048_576 };
const COUNT = { k: 1000, m: 1e6 };

/** Every field a query may name. */
export const QUERY_FIELDS = {
  model: { kind: 'name', about: 'the model as it was asked for, or as it answered' },
  client: { kind: 'name', about: 'the program that called' },
  caller: { kind: 'name', about: 'the name of the client key' },
  upstream: { kind: 'name', about: 'where the call went' },
  route: { kind: 'name', about: 'the rule that chose the upstream' },
  folder: { kind: 'name', about: 'the folder the client worked in' },
  path: { kind: 'name', about: 'the path that was called' },
  method: { kind: 'name', about: 'the HTTP method' },
  version: { kind: 'name', about: 'the version of the client' },
  error: { kind: 'name', about: 'what went wrong; error:* for any' },
  wire: { kind: 'choice', about: 'the wire format the client spoke', choices: ['chat', 'responses', 'messages'] },
  to: { kind: 'choice', about: 'the wire format the upstream spoke', choices: ['chat', 'responses', 'messages'] },
  state: { kind: 'choice', about: 'how far the call is', choices: ['open', 'done', 'cut'] },
  is: {
    kind: 'choice',
    about: 'a property of the call',
    choices: ['ok', 'failed', 'open', 'cut', 'streamed', 'translated', 'lossy', 'replay'],
  },
  status: { kind: 'number', about: 'the HTTP status the client got' },
  duration: { kind: 'number', about: 'how long the call took', units: MS },
  ttfb: { kind: 'number', about: 'how long until the first byte of the reply', units: MS },
  input: { kind: 'number', about: 'tokens of the prompt, cached ones included', units: COUNT },
  cached: { kind: 'number', about: 'tokens of the prompt that came from a cache', units: COUNT },
  output: { kind: 'number', about: 'tokens of the reply', units: COUNT },
  reasoning: { kind: 'number', about: 'tokens spent on reasoning', units: COUNT },
  tools: { kind: 'number', about: 'tools that the reply called' },
  request: { kind: 'number', about: 'bytes of the request', units: BYTES },
  reply: { kind: 'number', about: 'bytes of the reply', units: BYTES },
  id: { kind: 'number', about: 'the number of the call' },
  replay: { kind: 'number', about: 'the number of the call that this one sends again' },
  time: { kind: 'time', about: 'when the call began: 2026-03-14 or 2026-03-14T15:09' },
  since: { kind: 'time', about: 'calls that began at or after: a day, or how long ago (2h, 7d)' },
  until: { kind: 'time', about: 'calls that began before the end of: a day, or how long ago' },
} as const satisfies Record<string, Field>;

export type QueryField = keyof typeof QUERY_FIELDS;

/** A stretch of time in Unix milliseconds, `to` excluded; or an instant that many milliseconds ago. */
export type QueryTime = { from: number; to: number } | { agoMs: number };

export type Comparison = '=' | '>' | '>=' | '<' | '<=';

/** One alternative of a field's value. */
export type QueryValue =
  | { kind: 'name'; pattern: string }
  | { kind: 'choice'; choice: string }
  | { kind: 'number'; compare: Comparison; value: number }
  | { kind: 'range'; from: number; to: number }
  | { kind: 'time'; compare: Comparison; time: QueryTime };

/** Where something stands in the text: [start, end) in UTF-16 units. */
export type Span = { start: number; end: number };

export type QueryTerm = Span &
  (
    | { type: 'text'; not: boolean; text: string; phrase: boolean; prefix: boolean }
    /** Any one of the values is enough. */
    | { type: 'field'; not: boolean; field: QueryField; values: QueryValue[] }
  );

export type QueryProblem = Span & { message: string };

/** All terms must hold. What could not be understood is in `problems` and not in `terms`. */
export type ParsedQuery = { terms: QueryTerm[]; problems: QueryProblem[] };

/** A piece of a query between blanks: `-field:value`, `word`, or `"a phrase"`. */
export type QueryToken = Span & {
  not: boolean;
  /** The name before the colon, as it was typed; null where there is none. */
  field: (Span & { name: string }) | null;
  /** What comes after, cut at commas where there is a field. */
  values: (Span & { text: string; quoted: boolean; closed: boolean })[];
};

/** Cuts a query into its tokens. Never fails: whatever was typed is some token. */
export function tokenise(query: string): QueryToken[] {
  const tokens: QueryToken[] = [];
  let at = 0;
  while (at < query.length) {
    if (isBlank(query[at])) {
      at += 1;
      continue;
    }
    const start = at;
    const not = query[at] === '-' && at + 1 < query.length && !isBlank(query[at + 1]);
    if (not) at += 1;
    const named = /^[A-Za-z]+:/.exec(query.slice(at));
    const field = named === null ? null : { name: named[0].slice(0, -1), start: at, end: at + named[0].length - 1 };
    if (named !== null) at += named[0].length;
    const values: QueryToken['values'] = [];
    for (;;) {
      const value = readValue(query, at, field !== null);
      values.push(value);
      at = value.end;
      if (field === null || query[at] !== ',') break;
      at += 1;
    }
    tokens.push({ start, end: at, not, field, values });
  }
  return tokens;
}

function readValue(query: string, start: number, listed: boolean): QueryToken['values'][number] {
  let at = start;
  if (query[at] === '"') {
    const close = query.indexOf('"', at + 1);
    const end = close < 0 ? query.length : close + 1;
    return { start, end, text: query.slice(at + 1, close < 0 ? end : close), quoted: true, closed: close >= 0 };
  }
  const ends = listed ? /[\s",]/g : /[\s"]/g;
  ends.lastIndex = at;
  at = ends.exec(query)?.index ?? query.length;
  return { start, end: at, text: query.slice(start, at), quoted: false, closed: true };
}

/** Reads a query. What is wrong in it is told with its place; the rest still stands. */
export function parseQuery(query: string): ParsedQuery {
  const terms: QueryTerm[] = [];
  const problems: QueryProblem[] = [];
  for (const token of tokenise(query)) {
    const { start, end, not } = token;
    const unclosed = token.values.find((value) => !value.closed);
    if (unclosed !== undefined) {
      problems.push({ start: unclosed.start, end: unclosed.end, message: 'The quotation mark is not closed.' });
      continue;
    }
    if (token.field === null) {
      const [value] = token.values;
      const text = value?.text ?? '';
      const prefix = value?.quoted === false && /^[^*]+\*$/.test(text);
      const plain = prefix ? text.slice(0, -1) : text;
      if (/[\p{L}\p{N}]/u.test(plain)) terms.push({ type: 'text', start, end, not, text: plain, phrase: value?.quoted === true, prefix });
      else problems.push({ start, end, message: 'There is nothing to look for here: a word has letters or digits.' });
      continue;
    }
    const field = fieldOf(token.field.name);
    if (field === undefined) {
      const { start: from, end: to, name } = token.field;
      problems.push({ start: from, end: to, message: `There is no field "${name}". To look for the text, put it in quotation marks.` });
      continue;
    }
    const values: QueryValue[] = [];
    for (const value of token.values) {
      const read = readFieldValue(field, value.text, value.quoted);
      if (typeof read === 'string') problems.push({ start: value.start, end: value.end, message: read });
      else values.push(read);
    }
    if (values.length === token.values.length) terms.push({ type: 'field', start, end, not, field, values });
  }
  return { terms, problems };
}

/** What can be put in at the cursor: replace [start, end) of the text by `insert`. */
export type Completion = Span & { insert: string; label: string; about: string };

/** The values known of fields whose values can't be told beforehand. */
export type KnownValues = Readonly<Partial<Record<QueryField, readonly string[]>>>;

/** What may come at the cursor: fields at the beginning of a word, values after a colon. At most `limit`. */
export function completeQuery(query: string, cursor: number, known: KnownValues, limit = 20): Completion[] {
  const token = tokenise(query).find((one) => one.start < cursor && cursor <= one.end);
  if (token?.field == null || cursor <= token.field.end) {
    const start = token === undefined ? cursor : token.start + (token.not ? 1 : 0);
    if (token?.values[0]?.quoted === true) return [];
    const typed = query.slice(start, cursor).toLowerCase();
    return QUERY_FIELD_NAMES.filter((name) => name.startsWith(typed))
      .slice(0, limit)
      .map((name) => ({
        start,
        end: token?.field?.end === undefined ? cursor : token.field.end + 1,
        insert: `${name}:`,
        label: `${name}:`,
        about: QUERY_FIELDS[name].about,
      }));
  }
  const name = fieldOf(token.field.name);
  const value = token.values.find((one) => one.start <= cursor && cursor <= one.end);
  if (name === undefined || value === undefined) return [];
  const typed = query.slice(value.start + (value.quoted ? 1 : 0), cursor).toLowerCase();
  const field: Field = QUERY_FIELDS[name];
  return (field.choices ?? known[name] ?? [])
    .filter((one) => one.toLowerCase().startsWith(typed))
    .slice(0, limit)
    .map((one) => ({ start: value.start, end: value.end, insert: quotedWhereNeeded(one), label: one, about: '' }));
}

/** A value as it must be typed. */
export function quotedWhereNeeded(value: string): string {
  return /[\s,"]/.test(value) || value === '' ? `"${value.replaceAll('"', '')}"` : value;
}

const isField = (name: string): name is QueryField => Object.hasOwn(QUERY_FIELDS, name);
const QUERY_FIELD_NAMES: readonly QueryField[] = Object.keys(QUERY_FIELDS).filter(isField);

function fieldOf(typed: string): QueryField | undefined {
  const name = typed.toLowerCase();
  return isField(name) ? name : undefined;
}

/** The value, or what is wrong with it. */
function readFieldValue(name: QueryField, text: string, quoted: boolean): QueryValue | string {
  const field: Field = QUERY_FIELDS[name];
  if (text === '') return `"${name}:" needs a value.`;
  switch (field.kind) {
    case 'name':
      return { kind: 'name', pattern: text };
    case 'choice': {
      const choice = field.choices?.find((one) => one === text.toLowerCase());
      return choice === undefined ? `"${name}:" takes ${field.choices?.join(', ')}, not "${text}".` : { kind: 'choice', choice };
    }
    case 'number': {
      const range = quoted ? null : /^(.+?)\.\.(.+)$/.exec(text);
      if (range !== null) {
        const [from, to] = [readNumber(range[1] ?? '', field), readNumber(range[2] ?? '', field)];
        return from === undefined || to === undefined ? notANumber(name, text, field) : { kind: 'range', from, to };
      }
      const { compare, rest } = readComparison(text);
      const value = readNumber(rest, field);
      return value === undefined ? notANumber(name, text, field) : { kind: 'number', compare, value };
    }
    case 'time': {
      const { compare, rest } =
        name === 'time' ? readComparison(text) : { compare: name === 'since' ? ('>=' as const) : ('<=' as const), rest: text };
      const time = readTime(rest);
      if (time === undefined)
        return `"${text}" is no time. Write a day (2026-03-14), a minute (2026-03-14T15:09) or how long ago (30m, 2h, 7d).`;
      return { kind: 'time', compare, time };
    }
  }
}

function notANumber(name: QueryField, text: string, field: Field): string {
  const units = field.units === undefined ? '' : ` Units are ${Object.keys(field.units).join(', ')}.`;
  return `"${name}:" takes a number, as in ${name}:>=10 or ${name}:10..20, not "${text}".${units}`;
}

function readComparison(text: string): { compare: Comparison; rest: string } {
  const compare = (['>=', '<=', '>', '<', '='] as const).find((one) => text.startsWith(one));
  return { compare: compare ?? '=', rest: compare === undefined ? text : text.slice(compare.length) };
}

function readNumber(text: string, field: Field): number | undefined {
  const parts = /^(\d+(?:\.\d+)?)([a-z]*)$/i.exec(text);
  if (parts === null) return undefined;
  const unit = (parts[2] ?? '').toLowerCase();
  const factor = unit === '' ? 1 : field.units?.[unit];
  return factor === undefined ? undefined : Number(parts[1]) * factor;
}

const AGO = { s: 1000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 };
const MINUTE_MS = 60_000;

/** The stretch that is meant, in Unix milliseconds; `now` too. */
export function stretchOf(time: QueryTime, now: number): { from: number; to: number } {
  return 'agoMs' in time ? { from: now - time.agoMs, to: now - time.agoMs } : time;
}

/**
 * A time as queries write it; undefined where it is none. Days and minutes are those of the time zone of whoever reads it,
 * unless it names one.
 */
export function readTime(text: string): QueryTime | undefined {
  const ago = /^(\d+(?:\.\d+)?)(s|m|min|h|d|w)$/.exec(text);
  if (ago !== null) {
    const unit = ago[2];
    return unit !== undefined && Object.hasOwn(AGO, unit) ? { agoMs: Number(ago[1]) * AGO[unit as keyof typeof AGO] } : undefined;
  }
  const day = /^(\d{4})-(\d{2})-(\d{2})(T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2})?)?$/.exec(text);
  if (day === null) return undefined;
  const [year, month, date] = [Number(day[1]), Number(day[2]) - 1, Number(day[3])];
  const begins = new Date(year, month, date);
  if (begins.getMonth() !== month) return undefined;
  if (day[4] === undefined) return { from: begins.getTime(), to: new Date(year, month, date + 1).getTime() };
  const from = Date.parse(text);
  if (Number.isNaN(from)) return undefined;
  return { from, to: from + (/T\d{2}:\d{2}:/.test(text) ? 1000 : MINUTE_MS) };
}

function isBlank(character: string | undefined): boolean {
  return character !== undefined && /\s/.test(character);
}
