import { openAiRules } from '../openai-models.ts';
import type { JsonObject } from '../turn.ts';

/**
 * Names the limit of a request in the way every server understands, in the place. `max_completion_tokens` is OpenAI's own: its
 * reasoning models want it, many others pass over it and write as much as they like, and some refuse what they do not know.
 */
export function useOlderNames(body: JsonObject, model: string): void {
  const { max_completion_tokens: most } = body;
  if (most === undefined || openAiRules(model).efforts !== undefined) return;
  delete body.max_completion_tokens;
  body.max_tokens = most;
}
