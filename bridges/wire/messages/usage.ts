import { asCount, asObject } from '../json.ts';
import type { JsonObject, JsonValue, Usage } from '../turn.ts';

/** Token counts of one reply as this format tells them, in several places: later ones replace earlier ones. */
export class Counts {
  #input: number | undefined;
  #cached: number | undefined;
  #cacheWrite: number | undefined;
  #output: number | undefined;
  #reasoning: number | undefined;

  /** Takes over the counts of a `usage` object. */
  read(value: JsonValue | undefined): void {
    const usage = asObject(value);
    if (usage === undefined) return;
    this.#input = asCount(usage.input_tokens) ?? this.#input;
    this.#cached = asCount(usage.cache_read_input_tokens) ?? this.#cached;
    this.#cacheWrite = asCount(usage.cache_creation_input_tokens) ?? this.#cacheWrite;
    this.#output = asCount(usage.output_tokens) ?? this.#output;
    this.#reasoning = asCount(asObject(usage.output_tokens_details)?.thinking_tokens) ?? this.#reasoning;
  }

  /** The counts as the hub has them: there `input` is the whole prompt, here it is what no cache had a part in. */
  usage(): Usage | undefined {
    const usage: Usage = {};
    if (this.#input !== undefined) usage.input = this.#input + (this.#cached ?? 0) + (this.#cacheWrite ?? 0);
    if (this.#cached !== undefined) usage.cached = this.#cached;
    if (this.#cacheWrite !== undefined) usage.cacheWrite = this.#cacheWrite;
    if (this.#output !== undefined) usage.output = this.#output;
    if (this.#reasoning !== undefined) usage.reasoning = this.#reasoning;
    return Object.keys(usage).length === 0 ? undefined : usage;
  }
}

/** Token counts as this format has them. */
export function renderUsage({ input = 0, cached = 0, cacheWrite = 0, output = 0, reasoning }: Usage): JsonObject {
  const usage: JsonObject = {
    input_tokens: Math.max(0, input - cached - cacheWrite),
    cache_creation_input_tokens: cacheWrite,
    cache_read_input_tokens: cached,
    output_tokens: output,
  };
  if (reasoning !== undefined) usage.output_tokens_details = { thinking_tokens: reasoning };
  return usage;
}
