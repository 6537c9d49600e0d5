import { asArray, asName, asString, isObject } from '../json.ts';
import type { JsonObject, JsonValue } from '../turn.ts';

/** Formats of strings that an answer can be held to. */
const FORMATS: ReadonlySet<string> = new Set(['date-time', 'time', 'date', 'duration', 'email', 'hostname', 'uri', 'ipv4', 'ipv6', 'uuid']);

/**
 * A JSON schema as the Messages format takes one for its answer: of what it can't hold a model to, which it would refuse, the
 * model is told in the schema's descriptions. Objects have no other properties than those that are named. `isWhole`: nothing
 * had to be told so. Rules of the vendor's own SDK (lib/transform-json-schema in @anthropic-ai/sdk 1.11.0), but that a type may be one
 * of several, that older schemas have their parts in `definitions`, and that one without a type stays so.
 */
export function answerSchema(schema: JsonObject): { schema: JsonObject; isWhole: boolean } {
  let isWhole = true;
  const crossed = <Value extends JsonValue | undefined>(value: Value): Value | JsonObject => (isObject(value) ? schemaOf(value) : value);
  const each = (values: JsonObject): JsonObject =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, crossed(value)]));

  const schemaOf = (schema: JsonObject): JsonObject => inOrderOf(schema, held(schema));
  const held = ({ $schema: _dialect, $defs, definitions, ...rest }: JsonObject): JsonObject => {
    const out: JsonObject = {};
    if (isObject($defs)) out.$defs = each($defs);
    if (isObject(definitions)) out.definitions = each(definitions);
    if (rest.$ref !== undefined) return { ...out, $ref: rest.$ref };
    const take = (name: string): JsonValue | undefined => {
      const { [name]: value } = rest;
      delete rest[name];
      return value;
    };
    const keep = (name: string, fits: (value: JsonValue) => boolean = () => true): void => {
      const { [name]: value } = rest;
      if (value !== undefined && fits(value)) out[name] = take(name) ?? null;
    };
    keep('enum', (values) => Array.isArray(values) && values.length > 0 && values.every(isPlain));
    keep('const', isPlain);
    const isNamed = out.enum !== undefined || out.const !== undefined;
    const type = take('type') ?? (isObject(rest.properties) ? 'object' : undefined);
    const [several] = [rest.anyOf, rest.oneOf].filter((variants) => Array.isArray(variants));
    if (Array.isArray(several)) out.anyOf = several.map(crossed);
    else if (Array.isArray(rest.allOf)) out.allOf = rest.allOf.map(crossed);
    else if (!isNamed && type !== undefined) out.type = type;
    for (const name of ['anyOf', 'oneOf', 'allOf']) delete rest[name];
    keep('description');
    keep('title');
    const is = (name: string): boolean => !isNamed && (asArray(type) ?? [type]).includes(name);
    if (is('object')) {
      out.properties = each(objectOf(take('properties')));
      // Where others are allowed, as in a map, none can come.
      if (rest.additionalProperties === false || rest.additionalProperties === undefined) delete rest.additionalProperties;
      out.additionalProperties = false;
      keep('required');
    }
    if (is('array')) {
      const items = take('items');
      if (items !== undefined) out.items = crossed(items);
      keep('minItems', (least) => least === 0 || least === 1);
    }
    if (is('string')) keep('format', (format) => FORMATS.has(asString(format) ?? ''));
    const told = Object.entries(rest).map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
    if (told.length === 0) return out;
    isWhole = false;
    const description = asName(out.description);
    return { ...out, description: `${description === undefined ? '' : `${description}\n\n`}{${told.join(', ')}}` };
  };

  return { schema: schemaOf(schema), isWhole };
}

/** The same with its fields in the order of another's: what needs no change goes on as it came. */
function inOrderOf(other: JsonObject, value: JsonObject): JsonObject {
  const known = Object.keys(other).filter((name) => value[name] !== undefined);
  return { ...Object.fromEntries(known.map((name) => [name, value[name]])), ...value };
}

function isPlain(value: JsonValue): boolean {
  return value === null || typeof value !== 'object';
}

function objectOf(value: JsonValue | undefined): JsonObject {
  return isObject(value) ? value : {};
}
