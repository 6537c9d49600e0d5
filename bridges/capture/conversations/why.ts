import type { PromptElement, Why, WireFormat } from '../../contract/index.ts';
import { isObject, parseJson } from '../../wire/json.ts';
import type { JsonObject, JsonValue } from '../../wire/turn.ts';

type Element = PromptElement & { text: string };
type Broke = NonNullable<Why['broke']>;

const SECTIONS = ['tools', 'system', 'history'] as const;
const FIELDS: Record<WireFormat, Record<(typeof SECTIONS)[number], readonly string[]>> = {
  messages: { tools: ['tools'], system: ['system'], history: ['messages'] },
  responses: { tools: ['tools'], system: ['instructions'], history: ['input'] },
  chat: { tools: ['tools', 'functions'], system: [], history: ['messages'] },
};
const SNIPPET = 400;
/** Marks where a cache may end; no part of what is cached. */
const UNCACHED = new Set(['cache_control']);
/** Claude Code's first line to its provider: it changes from build to build. */
const BILLING = 'x-anthropic-billing-header:';

/**
 * Compares two prompts in the order in which providers cache them: what stands before the first difference can be read
 * from the cache, what comes after it can't. Pure. Undefined where a body can't be read.
 */
export function comparePrompts(
  wire: WireFormat,
  body: string,
  previous: { wire: WireFormat; body: string } | undefined,
): Omit<Why, 'call' | 'previous' | 'cached'> | undefined {
  const elements = elementsOf(wire, body);
  if (elements === undefined) return undefined;
  const before = previous === undefined ? [] : elementsOf(previous.wire, previous.body);
  if (before === undefined) return undefined;
  const at = elements.findIndex((element, i) => element.text !== before[i]?.text || element.section !== before[i].section);
  const shared = at < 0 ? elements : elements.slice(0, at);
  const after = at < 0 ? [] : elements.slice(at);
  return {
    shared: { elements: shared.length, bytes: shared.reduce((sum, element) => sum + element.bytes, 0) },
    broke: previous === undefined || before.length <= shared.length ? null : brokeAt(before[shared.length], after[0], before, elements),
    added: after.map(placeOf),
  };
}

function placeOf({ section, index, label, bytes }: Element): PromptElement {
  return { section, index, label, bytes };
}

function brokeAt(
  before: Element | undefined,
  after: Element | undefined,
  earlier: readonly Element[],
  now: readonly Element[],
): Broke | null {
  const where = after ?? before;
  if (where === undefined) return null;
  const pair = snippets(before?.text ?? null, after?.text ?? null);
  return { ...placeOf(where), ...pair, reason: reasonOf(before, after, earlier, now) };
}

function reasonOf(before: Element | undefined, after: Element | undefined, earlier: readonly Element[], now: readonly Element[]): string {
  if (before !== undefined && after !== undefined && before.section === after.section) {
    const gone = !now.some((element) => element.text === before.text);
    const fresh = !earlier.some((element) => element.text === after.text);
    if (gone && fresh) return `${before.label} changed`;
    return gone ? `${before.label} was taken out` : fresh ? `${after.label} was put in` : `the order changed at ${after.label}`;
  }
  if (before !== undefined && (after === undefined || SECTIONS.indexOf(before.section) < SECTIONS.indexOf(after.section))) {
    return `${before.label} was taken out`;
  }
  return `${after?.label ?? 'something'} was put in`;
}

/** The neighbourhood of the first difference of two texts. */
function snippets(before: string | null, after: string | null): { before: string | null; after: string | null } {
  let same = 0;
  if (before !== null && after !== null) while (same < before.length && before[same] === after[same]) same += 1;
  const from = Math.max(0, same - 60);
  const cut = (text: string | null): string | null => (text === null ? null : `${from > 0 ? '…' : ''}${text.slice(from, from + SNIPPET)}`);
  return { before: cut(before), after: cut(after) };
}

function elementsOf(wire: WireFormat, text: string): Element[] | undefined {
  const body = parseJson(text);
  if (!isObject(body)) return undefined;
  try {
    return SECTIONS.flatMap((section) => {
      const values = FIELDS[wire][section].flatMap((field) => listed(body[field]));
      return values.flatMap((value, index): Element[] => {
        const shown = JSON.stringify(value, (key, inner: unknown) => (UNCACHED.has(key) ? undefined : inner)) ?? '';
        if (section === 'system' && isObject(value) && typeof value.text === 'string' && value.text.startsWith(BILLING)) return [];
        return [
          { section, index, label: labelOf(section, value, index), bytes: Buffer.byteLength(JSON.stringify(value) ?? ''), text: shown },
        ];
      });
    });
  } catch (error) {
    // What is nested so deep that the stack does not suffice for it.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function listed(value: JsonValue | undefined): JsonValue[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value.map(asBlocks) : [value];
}

/** A string is a single text block; clients change between the two. */
function asBlocks(value: JsonValue): JsonValue {
  if (!isObject(value) || typeof value.content !== 'string' || typeof value.role !== 'string') return value;
  return { ...value, content: [{ type: 'text', text: value.content }] };
}

function labelOf(section: (typeof SECTIONS)[number], value: JsonValue, index: number): string {
  if (!isObject(value)) return section === 'system' ? 'the system text' : `${section} ${index + 1}`;
  if (section === 'tools') return `the tool ${nameOf(value) ?? index + 1}`;
  if (section === 'system') return `system text ${index + 1}`;
  const role = typeof value.role === 'string' ? value.role : typeof value.type === 'string' ? value.type : 'message';
  return `message ${index + 1} (${role})`;
}

function nameOf(tool: JsonObject): string | undefined {
  if (typeof tool.name === 'string') return tool.name;
  const { function: inner } = tool;
  return isObject(inner) && typeof inner.name === 'string' ? inner.name : typeof tool.type === 'string' ? tool.type : undefined;
}
