/** Top-level fields that the hub has no word for and that mean the same in both OpenAI formats. */
export const SHARED_BY_OPENAI: ReadonlySet<string> = new Set([
  'metadata',
  'safety_identifier',
  'prompt_cache_retention',
  'prompt_cache_options',
]);
