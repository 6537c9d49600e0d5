import { RequestError } from './codec.ts';
import { asArray, asBoolean, asNumber, asObject, asString } from './json.ts';
import type { JsonObject, JsonValue } from './turn.ts';

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

/** A reader of a field the format can't do without. */
function required<T>(
  read: (value: Field, path: string) => T | undefined,
  expected: string,
): (value: Field, path: string, purpose?: string) => T {
  return (value, path, purpose = '') => {
    const result = read(value, path);
    if (result === undefined) throw new RequestError(path, `\`${path}\` is missing: give ${expected}${purpose}.`);
    return result;
  };
}

export const optionalString = reader(asString, 'a string');
export const optionalNumber = reader(asNumber, 'a number');
export const optionalBoolean = reader(asBoolean, 'true or false');
export const optionalObject = reader(asObject, 'an object');
export const optionalArray = reader(asArray, 'an array');
export const requiredString = required(optionalString, 'a string');
export const requiredObject = required(optionalObject, 'an object');
export const requiredArray = required(optionalArray, 'an array');

/** The model a request names. */
export function requiredModel(value: Field): string {
  if (value === '') throw new RequestError('model', '`model` is empty: name the model to ask.');
  return requiredString(value, 'model');
}

/** True where an object has no fields worth keeping. */
export function isEmpty(object: JsonObject): boolean {
  return Object.keys(object).length === 0;
}
