import { RequestError } from './codec.ts';
import { parseRequest } from './messages/request-parse.ts';
import { estimateTokens, type Measure } from './tokens.ts';
import type { JsonValue } from './turn.ts';

/** The answer to a count, or what is wrong with the request, for its sender to read. */
export type Count = { tokens: number } | { problem: string };

/** Counts what a `count_tokens` request holds, its body as UTF-8 JSON in the messages format. Never throws. */
export function countBody(body: Uint8Array, measure: Measure): Count {
  try {
    const parsed: JsonValue = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'));
    return { tokens: estimateTokens(parseRequest(parsed), measure) };
  } catch (error) {
    if (error instanceof RequestError) return { problem: `${error.path}: ${error.message}` };
    return {
      problem: error instanceof SyntaxError ? 'The request body is not valid JSON.' : 'The request body is nested too deeply to be read.',
    };
  }
}
