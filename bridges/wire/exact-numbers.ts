import type { JsonObject, JsonValue } from './turn.ts';

declare global {
  // In every V8 since 11.4, and not in TypeScript's library yet.
  interface JSON {
    rawJSON(text: string): JsonObject;
  }
}

/** Whole numbers of so many digits may be more than a JavaScript number holds. */
const DIGITS = 16;
const LARGE = /\d{16}/;
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

/** A run of so many digits has one at one of these places, and most texts have none there: all of them need not be gone through. */
function mayHoldLarge(text: string): boolean {
  for (let at = DIGITS - 1; at < text.length; at += DIGITS) {
    const code = text.charCodeAt(at);
    if (code >= 0x30 && code <= 0x39) return LARGE.test(text);
  }
  return false;
}
