import { diffLines } from 'diff';
import type { AssembledPart, Call, Comparison } from '../../contract/index.ts';
import { callDetail } from '../detail.ts';
import type { StoredCall } from '../worker.ts';

/** More changes than this are told as one text in the place of another. */
const MOST_EDITS = 4_000;

/** Two calls' answers side by side. Pure. */
export function compareCalls(original: StoredCall, other: StoredCall): Comparison {
  const [a, b] = [callDetail(original, 0).assembled.reply, callDetail(other, 0).assembled.reply];
  return {
    original: original.call,
    other: other.call,
    text: compareTexts(textOf(a), textOf(b)),
    tools: compareTools(toolsOf(a), toolsOf(b)),
    facts: compareFacts(original.call, other.call),
  };
}

function textOf(parts: readonly AssembledPart[]): string {
  return parts
    .filter(({ kind }) => kind === 'text' || kind === 'refusal')
    .map(({ text }) => text)
    .join('\n\n');
}

function compareTexts(a: string, b: string): Comparison['text'] {
  if (a === b) return { same: true, parts: a === '' ? [] : [{ op: 'same', text: a }] };
  const changes = diffLines(a, b, { maxEditLength: MOST_EDITS });
  if (changes === undefined)
    return {
      same: false,
      parts: [
        { op: 'removed', text: a },
        { op: 'added', text: b },
      ],
    };
  return {
    same: false,
    parts: changes.map(({ added, removed, value }) => ({ op: added ? 'added' : removed ? 'removed' : 'same', text: value })),
  };
}

type Tool = NonNullable<Comparison['tools'][number]['original']>;

function toolsOf(parts: readonly AssembledPart[]): Tool[] {
  return parts.filter(({ kind }) => kind === 'tool_call').map(({ name, text }) => ({ name, input: text }));
}

function compareTools(a: readonly Tool[], b: readonly Tool[]): Comparison['tools'] {
  return Array.from({ length: Math.max(a.length, b.length) }, (_, i) => {
    const [original = null, other = null] = [a[i], b[i]];
    const same = original !== null && other !== null && original.name === other.name && isSameInput(original.input, other.input);
    return { same, original, other };
  });
}

/** JSON that says the same is the same, whatever its blanks and the order of its keys. */
function isSameInput(a: string, b: string): boolean {
  return a === b || sorted(a) === sorted(b);
}

function sorted(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), (_key, value: unknown) =>
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? Object.fromEntries(Object.entries(value).toSorted(([x], [y]) => (x < y ? -1 : 1)))
        : value,
    );
  } catch {
    return text;
  }
}

const FACTS: readonly [string, (call: Call) => string | number | null][] = [
  ['status', (call) => call.status],
  ['upstream', (call) => call.upstream],
  ['model', (call) => call.modelUsed ?? call.modelRequested],
  ['error', (call) => call.error],
  ['input tokens', (call) => call.usage?.input ?? null],
  ['cached tokens', (call) => call.usage?.cached ?? null],
  ['output tokens', (call) => call.usage?.output ?? null],
  ['reasoning tokens', (call) => call.usage?.reasoning ?? null],
  ['first byte', (call) => call.ttfbMs],
  ['duration', (call) => call.durationMs],
  ['reply bytes', (call) => call.replyBytes],
];

function compareFacts(a: Call, b: Call): Comparison['facts'] {
  return FACTS.map(([name, of]) => ({ name, original: of(a), other: of(b), same: of(a) === of(b) }));
}
