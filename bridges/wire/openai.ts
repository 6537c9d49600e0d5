import type { JsonObject } from './turn.ts';

/** Top-level fields that the hub has no word for and that mean the same in both OpenAI formats. */
export const SHARED_BY_OPENAI: ReadonlySet<string> = new Set([
  'metadata',
  'safety_identifier',
  'prompt_cache_retention',
  'prompt_cache_options',
]);

/** The arguments of a function as OpenAI's clients and services parse them: where a model wrote none, an empty object. */
export function writtenArguments(text: string): string {
  return text.trim() === '' ? `${text}{}` : text;
}

/** The schema of a function's arguments as OpenAI takes it: of an object, and with its properties even where it has none. */
export function argumentSchema(parameters: JsonObject = {}): JsonObject {
  const { type, properties } = parameters;
  const isTold = type !== undefined && (type !== 'object' || properties !== undefined);
  return isTold ? parameters : { type: 'object', properties: {}, ...parameters };
}
