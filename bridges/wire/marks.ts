import type { Part } from './turn.ts';

/**
 * What codecs write into the `extra` of an item or a part for themselves. A mark is no field of any format: its own
 * codec renders it back in its place, and the others pass over it.
 */
export const MARKS = {
  /** Responses: a system message that was the `instructions` field. */
  instructions: 'instructions',
  /** Messages: a system message at the very start of `messages`, which would else look like the `system` field. */
  inline: 'inline',
  /** Messages: a text that Claude Code puts first among its system texts; it changes per build and tells a model nothing. */
  billing: 'billingHeader',
  /** Messages: the unknown fields of a whole message, kept on its first item where that is no message. */
  message: 'message',
  /** Responses: what a namespace says of itself, on each of its tools. */
  namespace: 'namespace',
  /** A tool that nothing but the history tells of: the output of a tool search (Responses), or a `tool_addition` (Messages). */
  searched: 'searched',
  /** Chat: the name of the field that a reasoning text came in. */
  field: 'field',
} as const;

/** Fields that say nothing to another format: whether an item of the history is complete, and bytes that cross as they are. */
const SILENT = new Set<string>(['status', 'file_data']);

const ALL = new Set<string>(Object.values(MARKS));

/** True where another codec has nothing to lose with this key of an `extra`. */
export function isSilent(key: string): boolean {
  return ALL.has(key) || SILENT.has(key);
}

/** True for the text that Claude Code bills by. No other provider's model should read it. */
export function isBillingHeader(part: Part): boolean {
  return part.type === 'text' && part.extra?.[MARKS.billing] === true;
}
