import { asArray, asObject, asString } from '../json.ts';
import type { JsonObject, JsonValue } from '../turn.ts';
import { claudeRules } from './claude-models.ts';

/** The beta in which a request may say what becomes of thinking that no longer fits (platform.claude.com, "Prefix checks on thinking blocks"). */
const CONTROLS = 'thinking-binding-controls-2026-08-01';

/**
 * Has thinking left out that a changed history made invalid, where the request would be refused for it: a client of another
 * format does not know that its history may only grow. Returns the betas that the request takes then.
 */
export function toleratesChange(body: JsonObject): string[] {
  if (!claudeRules(asString(body.model) ?? '').bindsThinking || !asArray(body.messages)?.some(holdsThinking)) return [];
  const thinking = asObject(body.thinking) ?? { type: 'adaptive' };
  if (thinking.type !== 'adaptive') return [];
  body.thinking = { ...thinking, block_binding: { prefix_mismatch_behavior: 'drop_block' } };
  return [CONTROLS];
}

function holdsThinking(message: JsonValue): boolean {
  return asArray(asObject(message)?.content)?.some((block) => THINKING.has(asString(asObject(block)?.type) ?? '')) === true;
}

const THINKING = new Set(['thinking', 'redacted_thinking']);
