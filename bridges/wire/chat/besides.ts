import { asArray, asNumber, asObject, asString, isObject, parseJson } from '../json.ts';
import type { JsonObject, JsonValue, OpaqueReasoning } from '../turn.ts';

/**
 * What some servers put beside a message and its calls, and refuse the calls' results without: OpenRouter's
 * `reasoning_details`, and the `extra_content` of a call at Google, by the call's id. Both may hold signatures.
 */
export type Besides = { details: JsonObject[]; calls: Record<string, JsonValue> };

export function nothingBesides(): Besides {
  return { details: [], calls: Object.create(null) };
}

/** Adds what a chunk brings: pieces of one detail come one after the other, with its number. */
export function addDetails({ details }: Besides, more: readonly JsonValue[]): void {
  for (const piece of more) {
    if (!isObject(piece)) continue;
    const last = details.findLast(({ type, index }) => type === piece.type && asNumber(index) !== undefined && index === piece.index);
    if (last === undefined) details.push({ ...piece });
    else
      for (const [name, value] of Object.entries(piece)) {
        const before = last[name];
        last[name] = PIECES.has(name) && typeof before === 'string' && typeof value === 'string' ? before + value : (value ?? before);
      }
  }
}

const PIECES: ReadonlySet<string> = new Set(['text', 'summary', 'data']);

/** As reasoning that goes back there and nowhere else; undefined where a text says all of it. */
export function sealable({ details, calls }: Besides): OpaqueReasoning | undefined {
  const isSigned = details.some(({ data, signature }) => asString(data) !== undefined || asString(signature) !== undefined);
  if (!isSigned && Object.keys(calls).length === 0) return undefined;
  return { family: 'chat', data: JSON.stringify({ details, calls }), besides: true };
}

/** What `sealable` made. */
export function readBesides({ data }: OpaqueReasoning): Besides {
  const read = asObject(parseJson(data));
  const out = nothingBesides();
  for (const detail of asArray(read?.details) ?? []) if (isObject(detail)) out.details.push(detail);
  for (const [id, value] of Object.entries(asObject(read?.calls) ?? {})) if (value !== undefined) out.calls[id] = value;
  return out;
}
