import { isSecretHeader, redactText, redactedValue } from '../engine/redact.ts';
import { pushNumber, Reader } from './numbers.ts';

/** Header pairs as they are stored: JSON text of an array of [name, value]. */
export type Head = readonly (readonly [string, string])[];

/** The first value of a header, by its name in lower case. */
export function valueOf(head: Head, name: string): string | undefined {
  return head.find(([one]) => one.toLowerCase() === name)?.[1];
}

/** The same few names and values come with every call: what was found out about them is remembered. */
const NAMES = new Map<string, { json: string; isSecret: boolean }>();
const VALUES = new Map<string, string>();
const MOST_REMEMBERED = 500;
const LONGEST_REMEMBERED = 100;

/** Headers (name, value, name, value) as JSON text of an array of pairs, with secret values replaced. */
export function redactedHead(rawHeaders: readonly string[]): string {
  let json = '[';
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const { json: name, isSecret } = nameOf(rawHeaders[i] ?? '');
    const value = rawHeaders[i + 1] ?? '';
    json += `${i === 0 ? '[' : ',['}${name},${isSecret ? JSON.stringify(redactedValue(value)) : valueJson(value)}]`;
  }
  return `${json}]`;
}

function nameOf(name: string): { json: string; isSecret: boolean } {
  let found = NAMES.get(name);
  if (found === undefined) {
    found = { json: JSON.stringify(name), isSecret: isSecretHeader(name) };
    if (NAMES.size >= MOST_REMEMBERED) NAMES.clear();
    NAMES.set(name, found);
  }
  return found;
}

function valueJson(value: string): string {
  const known = VALUES.get(value);
  if (known !== undefined) return known;
  const clean = redactText(value);
  const json = JSON.stringify(clean);
  // No secret is remembered.
  if (clean !== value || value.length > LONGEST_REMEMBERED) return json;
  if (VALUES.size >= MOST_REMEMBERED) VALUES.clear();
  VALUES.set(value, json);
  return json;
}

/**
 * Headers on top of a template with the same names in the same order: the template's id, and the values that differ.
 * One client's calls differ in little, and most of a small call would be its headers.
 *
 *   head := template id, count, count x (index, length, value)
 */
export function encodeHead(template: number, from: Head, head: Head): Buffer {
  const parts: Buffer[] = [];
  const numbers: number[] = [];
  const differing = head.flatMap(([, value], i) => (value === from[i]?.[1] ? [] : [{ i, value: Buffer.from(value) }]));
  pushNumber(numbers, template);
  pushNumber(numbers, differing.length);
  parts.push(Buffer.from(numbers));
  for (const { i, value } of differing) {
    const start: number[] = [];
    pushNumber(start, i);
    pushNumber(start, value.length);
    parts.push(Buffer.from(start), value);
  }
  return Buffer.concat(parts);
}

export type DecodedHead = { template: number; own: ReadonlyMap<number, string> };

/** Throws RangeError where the bytes are damaged. */
export function decodeHead(bytes: Buffer): DecodedHead {
  const reader = new Reader(bytes);
  const template = reader.number();
  const own = new Map<number, string>();
  for (let left = reader.number(); left > 0; left -= 1) own.set(reader.number(), reader.bytes(reader.number()).toString('utf8'));
  return { template, own };
}

export function applyHead(from: Head, { own }: DecodedHead): [string, string][] {
  return from.map(([name, value], i) => [name, own.get(i) ?? value]);
}
