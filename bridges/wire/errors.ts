import { asArray, asNumber, asObject, asString, isObject } from './json.ts';
import type { ErrorKind, JsonObject, JsonValue, TurnError } from './turn.ts';

export type Headers = Readonly<Record<string, string>>;

/** The object that describes an error: `{error:{...}}`, `{error:"..."}`, `{detail:...}`, `{errors:[...]}`, the body itself, or one of these in a list. */
export function errorFields(body: JsonValue): JsonObject {
  if (Array.isArray(body)) return errorFields(asObject(body[0]) ?? null);
  if (!isObject(body)) return {};
  const told = body.error ?? body.detail ?? body.errors;
  const inner = Array.isArray(told) ? told[0] : told;
  const fields = asObject(inner);
  if (fields !== undefined) return { ...fields, code: fields.code ?? fields.error_code };
  return typeof inner === 'string' ? { ...body, message: inner } : body;
}

/** Longer bodies that are no JSON (a proxy's error page) help nobody to read. */
const LONGEST_TEXT = 500;

/** What an error says of itself, or else that it said nothing. */
export function errorMessage(fields: JsonObject, body: JsonValue, status: number | undefined): string {
  const message = asString(fields.message) ?? asString(fields.Message) ?? whatIsWrong(fields);
  if (message !== undefined && message.trim() !== '') return message;
  const text = typeof body === 'string' ? body.trim() : '';
  if (text !== '' && !text.startsWith('<')) return text.slice(0, LONGEST_TEXT);
  return status === undefined
    ? 'The upstream reported an error without saying what it was.'
    : `The upstream answered ${status} without saying why.`;
}

/** FastAPI, which many servers are built on, says what is wrong with a request and where. */
function whatIsWrong({ msg, loc }: JsonObject): string | undefined {
  const what = asString(msg);
  const place = (asArray(loc) ?? []).flatMap((each) => (typeof each === 'number' || typeof each === 'string' ? [each] : []));
  if (place[0] === 'body') place.shift();
  return what === undefined || place.length === 0 ? what : `${place.join('.')}: ${what}`;
}

/** The HTTP status that an error inside a stream tells of itself, as a number or, from LiteLLM, as a text. */
export function toldStatus(value: JsonValue | undefined): number | undefined {
  const status = typeof value === 'string' ? Number(value) : asNumber(value);
  return status !== undefined && status >= 400 && status < 600 ? status : undefined;
}

const KIND_BY_STATUS = new Map<number, ErrorKind>([
  [401, 'sign_in_needed'],
  [402, 'quota_exceeded'],
  [403, 'not_entitled'],
  [404, 'not_found'],
  [405, 'not_supported'],
  [408, 'timeout'],
  [413, 'body_too_large'],
  [424, 'upstream_failed'],
  [429, 'rate_limited'],
  [466, 'not_entitled'],
  [499, 'upstream_failed'],
  [501, 'not_supported'],
  [503, 'overloaded'],
  [504, 'timeout'],
  [529, 'overloaded'],
]);

/** The kind of error that has this status of its own; undefined for those that say no more than their class does. */
export function kindOfStatus(status: number | undefined): ErrorKind | undefined {
  return status === undefined ? undefined : KIND_BY_STATUS.get(status);
}

/** The kind of error where nothing but the class of its status is known. */
export function kindOfClass(status: number | undefined): ErrorKind {
  return status !== undefined && status >= 400 && status < 500 ? 'invalid_request' : 'upstream_failed';
}

/** True where a feature was refused, be it by the upstream's status or by its code; otherwise what is not supported is an endpoint. */
export function isFeatureRefused({ kind, status, code }: TurnError): boolean {
  return kind === 'not_supported' && (status === 400 || code === 'subscription_sharing_unsupported_capability');
}

/** How servers say that a conversation is longer than the model can read: clients shorten it where they learn of it. */
export const TOO_LONG =
  /context (window|length)|exceed\w* (the )?(\w+ )?context (limit|size)|(prompt|input) is too long|reduce the length of the (messages|prompt)|input token count.*exceeds|maximum prompt length|exceeded model token limit|prompt exceeds max length/i;

/** A header by its lower-case name, however it was written. */
export function header(headers: Headers, name: string): string | undefined {
  return headers[name] ?? Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1];
}

/** A header that holds a number. */
export function headerNumber(headers: Headers, name: string): number | undefined {
  const text = header(headers, name)?.trim();
  const value = text === undefined || text === '' ? Number.NaN : Number(text);
  return Number.isFinite(value) ? value : undefined;
}

/** Seconds to wait, from `retry-after-ms` or `retry-after`. */
export function retryAfterSeconds(headers: Headers): number | undefined {
  const milliseconds = headerNumber(headers, 'retry-after-ms');
  if (milliseconds !== undefined) return milliseconds / 1000;
  return headerNumber(headers, 'retry-after') ?? secondsUntilDate(headers);
}

/** A date is measured from the reply's own date: codecs have no clock, and the two clocks may differ. */
function secondsUntilDate(headers: Headers): number | undefined {
  const wait = (Date.parse(header(headers, 'retry-after') ?? '') - Date.parse(header(headers, 'date') ?? '')) / 1000;
  return Number.isFinite(wait) ? Math.max(0, wait) : undefined;
}

/** "try again in 1.5s", "in 200ms", "in 2 minutes": the delay in seconds. */
export function secondsInMessage(message: string): number | undefined {
  const found = /try again in (\d+(?:\.\d+)?)\s*(ms|s|m)/i.exec(message);
  if (found === null) return undefined;
  const unit = found[2]?.toLowerCase();
  return Number(found[1]) * (unit === 'ms' ? 0.001 : unit === 'm' ? 60 : 1);
}

/**
 * The `retry-after` header of an error: the date at which a used-up plan is filled again, or the upstream's own wait in
 * whole seconds; none where waiting can't help.
 */
export function retryAfterHeader({ kind, retryAfter, resetsAt }: TurnError, isFinal: boolean): string | undefined {
  if (kind === 'quota_exceeded' && resetsAt !== undefined) return new Date(resetsAt * 1000).toUTCString();
  if (retryAfter === undefined || (isFinal && kind !== 'quota_exceeded')) return undefined;
  return String(Math.max(0, Math.ceil(retryAfter)));
}
