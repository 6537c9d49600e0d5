import { exactNumbers } from '../exact-numbers.ts';
import { asString, isDeeper, isObject, parseJson } from '../json.ts';
import type { JsonObject, JsonValue, ReasoningRequest } from '../turn.ts';

/** How the citations of this format, and only they, are called. They go through the hub as they are. */
const OWN_CITATION = /_location$/;

/**
 * A citation in the words the formats share where there are any. A web citation keeps its own fields beside them:
 * without `encrypted_index` it could not be handed back to the provider.
 */
export function toAnnotation(citation: JsonValue, text: string): JsonValue {
  if (!isObject(citation) || citation.type !== 'web_search_result_location') return citation;
  return { ...citation, type: 'url_citation', start_index: 0, end_index: text.length };
}

/** The citations among annotations. Those of other providers lack what this format demands, and it can't be made up. */
export function toCitations(annotations: readonly JsonValue[]): JsonObject[] {
  return annotations.flatMap((annotation) => {
    if (!isObject(annotation)) return [];
    if (annotation.type === 'url_citation' && typeof annotation.encrypted_index === 'string') {
      const { start_index: _start, end_index: _end, ...citation } = annotation;
      return [{ ...citation, type: 'web_search_result_location' }];
    }
    return OWN_CITATION.test(asString(annotation.type) ?? '') ? [annotation] : [];
  });
}

/** Levels of an input. A request may have 64 in all (peek.ts), and a call stands a few down in it. */
const MAX_LEVELS = 50;

/**
 * The input of a call as JSON, its numbers as exactNumbers has them; undefined where its text is none, or is nested too deep
 * to be sent. No text at all is a call without arguments.
 */
export function toolInput(text: string): JsonValue | undefined {
  const value = text.trim() === '' ? {} : parseJson(text);
  if (isDeeper(value, MAX_LEVELS)) return undefined;
  return isObject(value) ? exactNumbers(value, text) : value;
}

/** The input of a call as the object this format demands; text that is none is kept whole under `input`. */
export function toolInputObject(text: string): JsonObject {
  const value = toolInput(text);
  return isObject(value) ? value : { input: text };
}

/** The kind of `thinking` that stands for a wish; undefined where none was uttered. */
export function thinkingType({ enabled, budgetTokens }: ReasoningRequest): 'adaptive' | 'enabled' | 'disabled' | undefined {
  if (enabled === false) return 'disabled';
  if (budgetTokens !== undefined) return 'enabled';
  return enabled === true ? 'adaptive' : undefined;
}

/** How much of the thinking a `display` asks to read, in the words of the hub; undefined where it is none of the known. */
export function summaryOf(display: JsonValue | undefined): string | undefined {
  if (display === 'omitted') return 'none';
  return display === 'summarized' ? 'auto' : undefined;
}

/** The `display` for what is asked to be read of the thinking; undefined where nothing was said of it. */
export function displayOf(summary: string | undefined): string | undefined {
  if (summary === undefined) return undefined;
  return summary === 'none' ? 'omitted' : 'summarized';
}

/** Groups of tools are flattened before (tools.ts); a name that comes with its group all the same is not to be mistaken for another. */
export function flatName({ name, namespace }: { name: string; namespace?: string }): string {
  return namespace === undefined ? name : `${namespace}__${name}`;
}

/** The field that marks a place for the prompt cache. */
export function cacheMark(cacheControl: JsonObject | undefined): JsonObject {
  return cacheControl === undefined ? {} : { cache_control: cacheControl };
}
