import { RequestError } from '../codec.ts';
import { asArray, asBoolean, asNumber, asObject, asString } from '../json.ts';
import type { JsonObject, JsonValue } from '../turn.ts';

type Field = JsonValue | undefined;

/** A reader of an optional field: null counts as absent, another type is the client's mistake. */
function reader<T>(read: (value: Field) => T | undefined, expected: string): (value: Field, path: string) => T | undefined {
  return (value, path) => {
    if (value === undefined || value === null) return undefined;
    const result = read(value);
    if (result === undefined) throw new RequestError(path, `\`${path}\` must be ${expected}.`);
    return result;
  };
}

export const optionalString = reader(asString, 'a string');
export const optionalNumber = reader(asNumber, 'a number');
export const optionalBoolean = reader(asBoolean, 'true or false');
export const optionalObject = reader(asObject, 'an object');
export const optionalArray = reader(asArray, 'an array');

/** A field the format can't do without. */
export function requiredString(value: Field, path: string): string {
  const text = optionalString(value, path);
  if (text === undefined) throw new RequestError(path, `\`${path}\` is missing: give a string.`);
  return text;
}

/** The value as an object; anything else is the client's mistake. */
export function requiredObject(value: Field, path: string): JsonObject {
  const object = asObject(value);
  if (object === undefined) throw new RequestError(path, `\`${path}\` must be an object.`);
  return object;
}

/** True where an object has no fields left worth keeping. */
export function isEmpty(object: JsonObject): boolean {
  return Object.keys(object).length === 0;
}
