import type { NodeKind } from '../../contract/index.ts';
import type { Via } from './link.ts';

export type TreeNode = {
  call: number;
  parent: number | null;
  via: Via;
  /** How many atoms its history has. */
  steps: number;
  summary: boolean;
  /** Unix milliseconds. */
  startedMs: number;
};

export type Place = { kind: NodeKind; line: string };

/**
 * What each call is to its parent, and on which line of the conversation it stands. `nodes` in the order of their ids;
 * a parent that is not among them is taken for none. Pure.
 */
export function placesOf(nodes: readonly TreeNode[]): Map<number, Place> {
  const places = new Map<number, Place>();
  const byCall = new Map(nodes.map((node) => [node.call, node]));
  const goneOn = new Set<number>();
  let branches = 1;
  let subtasks = 0;
  for (const node of nodes) {
    const parent = node.parent === null ? undefined : byCall.get(node.parent);
    const line = (parent === undefined ? undefined : places.get(parent.call)?.line) ?? 'main';
    const kind = kindOf(node, parent, parent !== undefined && goneOn.has(parent.call));
    if (parent !== undefined && kind === 'turn') goneOn.add(parent.call);
    places.set(node.call, { kind, line: lineOf(kind, line, node) });
  }
  return places;

  function lineOf(kind: NodeKind, line: string, node: TreeNode): string {
    switch (kind) {
      case 'branch':
        return `branch_${++branches}`;
      case 'compaction':
        return `compact_${new Date(node.startedMs).toISOString().slice(11, 19).replaceAll(':', '')}`;
      case 'subtask':
        return `subtask_${++subtasks}`;
      case 'side':
        return 'side';
      default:
        return line;
    }
  }
}

function kindOf(node: TreeNode, parent: TreeNode | undefined, goneOn: boolean): NodeKind {
  if (node.via === 'side') return 'side';
  if (node.summary) return 'summary';
  if (parent === undefined) return 'turn';
  switch (node.via) {
    case 'prefix':
      return goneOn ? 'branch' : 'turn';
    case 'retry':
      return 'retry';
    case 'thread':
      return parent.summary || node.steps <= parent.steps ? 'compaction' : 'branch';
    case 'summary':
      return 'compaction';
    case 'task':
      return 'subtask';
    case 'none':
      return 'turn';
  }
}
