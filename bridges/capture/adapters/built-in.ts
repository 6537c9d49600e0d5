import type { Adapter } from './adapter.ts';
import { claude } from './claude.ts';
import { codex } from './codex.ts';
import { copilot } from './copilot.ts';
import { openai } from './openai.ts';
import { practice } from './practice.ts';
import { Adapters, type Warn } from './registry.ts';

const BUILT_IN: readonly Adapter[] = [claude, codex, copilot, practice, openai];

/** The adapters every run begins with. */
export function builtInAdapters(warn: Warn): Adapters {
  const adapters = new Adapters(warn);
  for (const adapter of BUILT_IN) adapters.register(adapter);
  return adapters;
}
