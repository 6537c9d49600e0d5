import { asObject } from './json.ts';
import { isSilent, MARKS } from './marks.ts';
import type { JsonObject, JsonValue, Loss, WireFormat } from './turn.ts';

type Paths = Readonly<{
  history: string;
  reasoning: string;
  effort: string;
  summary: string;
  format: string;
  verbosity: string;
  stop: string;
  user: string;
}>;

/** Where a client of each format says what can get lost. */
const PATHS: Readonly<Record<WireFormat, Paths>> = {
  chat: {
    history: 'messages',
    reasoning: 'reasoning_effort',
    effort: 'reasoning_effort',
    summary: 'reasoning_effort',
    format: 'response_format',
    verbosity: 'verbosity',
    stop: 'stop',
    user: 'user',
  },
  responses: {
    history: 'input',
    reasoning: 'reasoning',
    effort: 'reasoning.effort',
    summary: 'reasoning.summary',
    format: 'text.format',
    verbosity: 'text.verbosity',
    stop: 'stop',
    user: 'user',
  },
  messages: {
    history: 'messages',
    reasoning: 'thinking',
    effort: 'output_config.effort',
    summary: 'thinking.display',
    format: 'output_config.format',
    verbosity: 'verbosity',
    stop: 'stop_sequences',
    user: 'metadata.user_id',
  },
};

/** Fields that the hub takes apart: what is kept of one under its name is the rest. */
const DIVIDED: Readonly<Record<WireFormat, ReadonlySet<string>>> = {
  chat: new Set(),
  responses: new Set(['reasoning', 'text']),
  messages: new Set(['thinking', 'output_config', 'metadata', 'tool_choice']),
};

/** What could not cross to a format, each thing once, however often a long history repeats it. */
export class Losses {
  readonly list: Loss[] = [];
  readonly from: WireFormat;
  /** The turn was written in the very format it is rendered in: nothing gets lost by the way. */
  readonly own: boolean;
  readonly paths: Paths;
  readonly #title: string;
  #seen: Set<string> | undefined;

  /** `title` is what the format rendered in is called. */
  constructor(from: WireFormat, to: WireFormat, title: string) {
    this.from = from;
    this.own = from === to;
    this.paths = PATHS[from];
    this.#title = title;
  }

  /** The field that holds the history in the client's format. */
  get history(): string {
    return this.paths.history;
  }

  add(path: string, why: string): void {
    const key = `${path}\n${why}`;
    this.#seen ??= new Set();
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.list.push({ path, why });
  }

  /** A field that the format has no word for. */
  field(path: string): void {
    this.add(path, `${this.#title} has no such field.`);
  }

  /** A field at the top of a request that is not passed on. */
  top(name: string, value: JsonValue | undefined): void {
    const rest = DIVIDED[this.from].has(name) ? asObject(value) : undefined;
    if (rest !== undefined) for (const [key, each] of Object.entries(rest)) this.#wish(`${name}.${key}`, each);
    else this.#wish(name, value);
  }

  /** The unknown fields to send along: all but the marks to their own format, else none. */
  extra(path: string, extra: JsonObject | undefined): JsonObject {
    if (extra === undefined) return {};
    if (this.own) return withoutMarks(extra);
    for (const [key, value] of Object.entries(extra)) if (!isSilent(key)) this.#wish(`${path}.${key}`, value);
    this.extra(path, asObject(extra[MARKS.message]));
    this.extra(`${path}.namespace`, asObject(extra[MARKS.namespace]));
    return {};
  }

  #wish(path: string, value: JsonValue | undefined): void {
    if (!asksForNothing(value)) this.field(path);
  }
}

/** True for a field that could as well be absent: client libraries write them all, and send back replies as they came. */
export function asksForNothing(value: JsonValue | undefined): boolean {
  return value === undefined || value === null || value === false || value === '' || (Array.isArray(value) && value.length === 0);
}

const MARK_NAMES = new Set<string>(Object.values(MARKS));

function withoutMarks(extra: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(extra).filter(([key]) => !MARK_NAMES.has(key)));
}
