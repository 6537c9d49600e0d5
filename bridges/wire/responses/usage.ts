import { asCount, asObject } from '../json.ts';
import type { JsonObject, JsonValue, Usage } from '../turn.ts';

/** Reads a `usage` object (SPEC 10.4); undefined where it holds no counts. */
export function parseUsage(value: JsonValue | undefined): Usage | undefined {
  const fields = asObject(value);
  if (fields === undefined) return undefined;
  const details = asObject(fields.input_tokens_details);
  const usage: Usage = {};
  const input = asCount(fields.input_tokens);
  const cached = asCount(details?.cached_tokens);
  const cacheWrite = asCount(details?.cache_write_tokens);
  const output = asCount(fields.output_tokens);
  const reasoning = asCount(asObject(fields.output_tokens_details)?.reasoning_tokens);
  if (input !== undefined) usage.input = input;
  if (cached !== undefined) usage.cached = cached;
  if (cacheWrite !== undefined) usage.cacheWrite = cacheWrite;
  if (output !== undefined) usage.output = output;
  if (reasoning !== undefined) usage.reasoning = reasoning;
  return Object.keys(usage).length === 0 ? undefined : usage;
}

/** Renders counts as a `usage` object; null where nothing was counted. */
export function renderUsage(usage: Usage): JsonObject | null {
  if (Object.keys(usage).length === 0) return null;
  const { input = 0, cached = 0, output = 0, reasoning = 0, cacheWrite } = usage;
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: cached, ...(cacheWrite !== undefined && { cache_write_tokens: cacheWrite }) },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: reasoning },
    total_tokens: input + output,
  };
}
