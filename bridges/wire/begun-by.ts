import { asArray, asObject, asString } from './json.ts';
import type { JsonValue } from './turn.ts';

/** Whether a person began a request, or a program that goes on with what a tool said. */
export type Beginner = 'user' | 'agent';

/**
 * `user` only where the last thing said is a person's, with no tool's result in it: it is what a premium request is counted by.
 * To be told from what the client sent: other formats have results apart from the words that came with them. Pure.
 */
export function begunBy(body: JsonValue): Beginner {
  const request = asObject(body);
  if (typeof request?.input === 'string') return 'user';
  // Some clients end their history with a note of their own, which nobody said.
  const said = (asArray(request?.messages) ?? asArray(request?.input) ?? []).filter(
    (item) => !NOTES.has(asString(asObject(item)?.role) ?? ''),
  );
  const last = asObject(said.at(-1));
  if (last === undefined || last.role !== 'user') return 'agent';
  const parts = asArray(last.content) ?? [];
  return parts.some((part) => asObject(part)?.type === 'tool_result') ? 'agent' : 'user';
}

const NOTES = new Set(['system', 'developer']);
