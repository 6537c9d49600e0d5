import { MARKS } from './marks.ts';
import type { JsonObject, Loss, WireFormat } from '../turn.ts';

type Paths = Readonly<{ history: string; reasoning: string; effort: string; format: string; verbosity: string }>;

/** Where a client of each format says what can get lost. */
const PATHS: Readonly<Record<WireFormat, Paths>> = {
  chat: {
    history: 'messages',
    reasoning: 'reasoning_effort',
    effort: 'reasoning_effort',
    format: 'response_format',
    verbosity: 'verbosity',
  },
  responses: {
    history: 'input',
    reasoning: 'reasoning',
    effort: 'reasoning.effort',
    format: 'text.format',
    verbosity: 'text.verbosity',
  },
  messages: {
    history: 'messages',
    reasoning: 'thinking',
    effort: 'output_config.effort',
    format: 'output_config.format',
    verbosity: 'verbosity',
  },
};

/** Fields whose loss means nothing: a mark of another codec, and whether an item of the history is complete. */
const SILENT = new Set(['instructions', 'status']);

/** What could not cross, each thing once, however often a long history repeats it. */
export class Losses {
  readonly list: Loss[] = [];
  /** The turn was written in this format. */
  readonly own: boolean;
  readonly paths: Paths;
  readonly #seen = new Set<string>();

  constructor(from: WireFormat) {
    this.own = from === 'messages';
    this.paths = PATHS[from];
  }

  /** The field that holds the history in the client's format. */
  get history(): string {
    return this.paths.history;
  }

  add(path: string, why: string): void {
    const key = `${path}\n${why}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.list.push({ path, why });
  }

  /** The fields to send along: all of them to their own format, else none. */
  extra(path: string, extra: JsonObject | undefined): JsonObject {
    if (extra === undefined) return {};
    if (this.own) {
      const { [MARKS.billing]: _billing, [MARKS.inline]: _inline, [MARKS.message]: _message, ...fields } = extra;
      return fields;
    }
    for (const key of Object.keys(extra)) if (!SILENT.has(key)) this.add(`${path}.${key}`, 'The Messages format has no such field.');
    return {};
  }
}
