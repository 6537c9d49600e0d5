import { isObject } from '../../wire/json.ts';
import type { JsonObject, JsonValue } from '../../wire/turn.ts';

/** Characters after which a sample takes nothing more in: a schema of a few lines can ask for more than memory holds. */
const ENOUGH = 100_000;
/** Characters of a made-up string. */
const MAX_STRING = 1_000;
const MAX_DEPTH = 6;

/** Names of what a tool would run. */
export const COMMAND = /^(?:command|cmd|script|bash_command)$/;

/**
 * The simplest value a JSON Schema allows: only what is required, and words that do no harm where a tool would act on
 * them (a command that prints one word). `index` tells the calls of one reply apart.
 */
export function sample(schema: JsonObject, index: number): JsonValue {
  return new Sample(index).valueOf(schema, '', 0);
}

class Sample {
  readonly #index: number;
  #characters = 0;

  constructor(index: number) {
    this.#index = index;
  }

  valueOf(schema: JsonObject, name: string, depth: number): JsonValue {
    const [given] = Array.isArray(schema['enum']) ? schema['enum'] : [];
    const fixed = schema['const'] === undefined ? given : schema['const'];
    if (fixed !== undefined) return this.#counted(fixed);
    for (const key of ['anyOf', 'oneOf', 'allOf']) {
      const options = schema[key];
      if (Array.isArray(options) && isObject(options[0])) return this.valueOf(options[0], name, depth + 1);
    }
    const type = Array.isArray(schema['type']) ? schema['type'][0] : schema['type'];
    switch (type) {
      case 'string':
        return this.#counted(this.#string(schema, name));
      case 'integer':
      case 'number':
        return this.#counted(typeof schema['minimum'] === 'number' ? schema['minimum'] : 1);
      case 'boolean':
        return this.#counted(false);
      case 'null':
        return this.#counted(null);
      case 'array':
        if (name === 'command' || name === 'cmd') return this.#counted(['echo', `practice-${this.#index + 1}`]);
        return this.#array(schema, name, depth);
      default:
        return this.#object(schema, depth);
    }
  }

  #string(schema: JsonObject, name: string): string {
    if (COMMAND.test(name)) return `echo practice-${this.#index + 1}`;
    if (/path|file|directory|cwd/i.test(name)) return 'practice.txt';
    if (/url|uri/i.test(name)) return 'http://127.0.0.1/practice';
    const shortest = typeof schema['minLength'] === 'number' ? schema['minLength'] : 0;
    return 'practice'.padEnd(Math.min(shortest, MAX_STRING), '.');
  }

  #array(schema: JsonObject, name: string, depth: number): JsonValue[] {
    const items = isObject(schema['items']) ? schema['items'] : {};
    const count = depth > MAX_DEPTH ? 0 : Math.min(typeof schema['minItems'] === 'number' ? schema['minItems'] : 1, 4);
    const out: JsonValue[] = [];
    while (out.length < count && this.#characters < ENOUGH) out.push(this.valueOf(items, name, depth + 1));
    this.#characters += 2;
    return out;
  }

  #object(schema: JsonObject, depth: number): JsonObject {
    const properties = isObject(schema['properties']) ? schema['properties'] : {};
    const required = Array.isArray(schema['required']) ? schema['required'] : [];
    const out: JsonObject = {};
    for (const name of required) {
      if (this.#characters >= ENOUGH) break;
      if (typeof name !== 'string' || Object.hasOwn(out, name)) continue;
      const property = properties[name];
      this.#characters += name.length + 3;
      out[name] = depth > MAX_DEPTH || !isObject(property) ? this.#counted('practice') : this.valueOf(property, name, depth + 1);
    }
    this.#characters += 2;
    return out;
  }

  #counted(value: JsonValue): JsonValue {
    this.#characters += JSON.stringify(value).length;
    return value;
  }
}
