import type { ContextParts, ConversationNode, NodeKind } from '../../../../bridges/contract/index.ts';
import { bytes, compact } from '../../lib/format.ts';
import { costText } from '../../components/cost.tsx';

/** What a call is to the one before it: the word, what it means, and its colour as text, fill and stroke. */
export const KINDS: Readonly<Record<NodeKind, { word: string; means: string; fill: string; background: string }>> = {
  turn: { word: 'turn', means: 'Goes on from the call before.', fill: 'fill-accent', background: 'bg-accent' },
  branch: {
    word: 'branch',
    means: 'Goes on from where another call already did.',
    fill: 'fill-wire-chat',
    background: 'bg-wire-chat',
  },
  retry: { word: 'retry', means: 'Sends the same again.', fill: 'fill-warn', background: 'bg-warn' },
  compaction: {
    word: 'compaction',
    means: 'Goes on with a rewritten, shorter history.',
    fill: 'fill-practice',
    background: 'bg-practice',
  },
  summary: { word: 'summary', means: 'Asks for a summary of the history.', fill: 'fill-practice', background: 'bg-practice' },
  subtask: { word: 'sub-task', means: 'Was started by the call before.', fill: 'fill-wire-messages', background: 'bg-wire-messages' },
  side: { word: 'side request', means: 'Is about the conversation, but no part of it.', fill: 'fill-faint', background: 'bg-faint' },
};

/** What a request is made of, in the order in which providers cache it. */
export const PARTS = [
  { key: 'tools', label: 'Tools', fill: 'fill-wire-messages', background: 'bg-wire-messages' },
  { key: 'system', label: 'System', fill: 'fill-practice', background: 'bg-practice' },
  { key: 'history', label: 'History', fill: 'fill-accent', background: 'bg-accent' },
  { key: 'results', label: 'Tool results', fill: 'fill-wire-chat', background: 'bg-wire-chat' },
] as const satisfies readonly { key: keyof ContextParts; label: string; fill: string; background: string }[];

/** Bytes of a whole request. */
export function sizeOf(context: ContextParts): number {
  return context.system + context.tools + context.history + context.results;
}

/** `Tools 12 kB (40 %), System 3 kB (10 %), …`; the words of the bar. */
export function contextWords(context: ContextParts | null): string {
  if (context === null) return 'The request could not be read.';
  const all = Math.max(1, sizeOf(context));
  return PARTS.map(({ key, label }) => `${label} ${bytes(context[key])} (${Math.round((100 * context[key]) / all)} %)`).join(', ');
}

/** True for a call that was refused, failed or cut. */
export function hasFailed(node: ConversationNode): boolean {
  return node.state === 'cut' || (node.status ?? 0) >= 400;
}

/** `12.4k in, 812 out`; what was not stated is left out, and where nothing was, says so. */
export function tokenWords({ inputGross, output }: ConversationNode['tokens']): string {
  if (inputGross === null && output === null) return 'tokens not stated';
  return [inputGross === null ? [] : `${compact(inputGross)} in`, output === null ? [] : `${compact(output)} out`].flat().join(', ');
}

/** All about a node in one sentence, for who hears the tree. */
export function nodeWords(node: ConversationNode): string {
  const state = node.state === 'open' ? 'running' : node.state === 'cut' ? 'cut' : `status ${node.status ?? 'not stated'}`;
  return [
    `Call ${node.call}`,
    KINDS[node.kind].word,
    node.title ?? 'nothing readable',
    node.model ?? 'model not stated',
    state,
    tokenWords(node.tokens),
    `cost ${costText(node.cost)}`,
  ].join(', ');
}
