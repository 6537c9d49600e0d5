import { isObject } from './json.ts';
import type { JsonObject, JsonValue } from './turn.ts';

declare global {
  // In every V8 since 11.4, and not in TypeScript's library yet.
  interface JSON {
    rawJSON(text: string): JsonObject;
  }
}

/** Whole numbers of so many digits may be more than a JavaScript number holds. */
const DIGITS = 16;
const WHOLE = /^-?\d+$/;

/** `value` as it was parsed from `text`, but for whole numbers that were rounded: JSON.stringify writes them as they stood there. */
export function exactNumbers<T extends JsonValue>(value: T, text: string): T {
  if (!mayHoldLarge(text)) return value;
  const exact: T = JSON.parse(text, (_key, each: JsonValue, context?: { source?: string }) => {
    const isRounded = typeof each === 'number' && !Number.isSafeInteger(each);
    const source = context?.source;
    return isRounded && source !== undefined && WHOLE.test(source) ? JSON.rawJSON(source) : each;
  });
  return exact;
}

/** What holds the schema of a tool's arguments, or of an answer. */
const SCHEMAS: ReadonlySet<string> = new Set(['input_schema', 'parameters', 'schema']);

/**
 * A body as JSON, its numbers plain but for those in the arguments of calls and in schemas: they are another's data, and are
 * written again as exactNumbers has them. Throws SyntaxError.
 */
export function readBody(text: string): JsonValue {
  const body: JsonValue = JSON.parse(text);
  const exact = exactNumbers(body, text);
  if (exact !== body) takeData(body, exact);
  return body;
}

function takeData(body: JsonValue | undefined, exact: JsonValue | undefined): void {
  if (Array.isArray(body) && Array.isArray(exact)) body.forEach((each, i) => takeData(each, exact[i]));
  if (!isObject(body) || !isObject(exact)) return;
  // Other formats have the arguments of a call as text.
  const isCall = body.type === 'tool_use';
  for (const name of Object.keys(body)) {
    if (isObject(body[name]) && (SCHEMAS.has(name) || (isCall && name === 'input'))) body[name] = exact[name];
    else takeData(body[name], exact[name]);
  }
}

/** A run of so many digits has one at one of these places: the others are looked at only around those that are digits. */
function mayHoldLarge(text: string): boolean {
  for (let at = DIGITS - 1; at < text.length; at += DIGITS) {
    if (!isDigit(text, at)) continue;
    let from = at;
    let to = at + 1;
    while (isDigit(text, from - 1)) from -= 1;
    while (isDigit(text, to)) to += 1;
    if (to - from >= DIGITS) return true;
  }
  return false;
}

/** False beyond the ends of the text. */
function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 0x30 && code <= 0x39;
}
