import type { ConversationNode } from '../../../../bridges/contract/index.ts';

/** A node on the grid: lines of calls stand beside each other, one step of a line below the other. */
export type Placed = { node: ConversationNode; column: number; row: number; parent: Placed | null; children: Placed[] };

export type Layout = { placed: Placed[]; columns: number; rows: number };

/**
 * Places the calls of a conversation on a grid. A call stands one row below the one it follows: in the same column where
 * it goes on with its line, else in the nearest column to the right that is free for the whole of its line. `nodes` in the
 * order of their calls; side requests are not placed.
 */
export function layoutOf(nodes: readonly ConversationNode[]): Layout {
  const byCall = new Map<number, Placed>();
  for (const node of nodes) {
    if (node.kind === 'side') continue;
    const parent = node.parent === null ? null : (byCall.get(node.parent) ?? null);
    const placed: Placed = { node, column: 0, row: parent === null ? 0 : parent.row + 1, parent, children: [] };
    parent?.children.push(placed);
    byCall.set(node.call, placed);
  }
  const placed = [...byCall.values()];
  const lines = linesOf(placed);
  // Rows that are taken, for each column.
  const taken: [number, number][][] = [];
  let first = 0;
  for (const line of lines) {
    const head = line[0];
    const last = line.at(-1);
    if (!head || !last) continue;
    // A call that follows none, after the first, begins below all that stands above it.
    if (head.parent === null && head !== placed[0]) shift(line, first);
    let column = head.parent === null ? 0 : head.parent.column + 1;
    while (taken[column]?.some(([start, end]) => start <= last.row && head.row <= end)) column += 1;
    (taken[column] ??= []).push([head.row, last.row]);
    for (const one of line) one.column = column;
    first = Math.max(first, last.row + 1);
  }
  return {
    placed,
    columns: Math.max(0, ...placed.map(({ column }) => column + 1)),
    rows: Math.max(0, ...placed.map(({ row }) => row + 1)),
  };
}

/** The child that goes on with the line of its parent. A compaction does too where nothing else does. */
export function nextOf(placed: Placed): Placed | undefined {
  const { children, node } = placed;
  return (
    children.find((child) => child.node.line === node.line && child.node.kind !== 'retry') ??
    children.find((child) => child.node.kind === 'compaction') ??
    children.find((child) => child.node.kind === 'retry')
  );
}

/** The grid cut into lines, each before those that leave it. */
function linesOf(placed: readonly Placed[]): Placed[][] {
  const lines: Placed[][] = [];
  let heads = placed.filter(({ parent }) => parent === null);
  for (let head = heads.shift(); head !== undefined; head = heads.shift()) {
    const line: Placed[] = [];
    const leaving: Placed[] = [];
    for (let one: Placed | undefined = head; one !== undefined;) {
      line.push(one);
      const next = nextOf(one);
      for (const child of one.children) if (child !== next) leaving.push(child);
      one = next;
    }
    lines.push(line);
    // From the bottom up: a line that leaves late is placed first, and the one that leaves early goes around it.
    heads = [...leaving.reverse(), ...heads];
  }
  return lines;
}

function shift(line: readonly Placed[], by: number): void {
  for (const one of line) moveDown(one, by);
}

function moveDown(placed: Placed, by: number): void {
  placed.row += by;
  const next = nextOf(placed);
  for (const child of placed.children) if (child !== next) for (const one of below(child)) one.row += by;
}

function below(placed: Placed): Placed[] {
  const found = [placed];
  for (const one of found) for (const child of one.children) found.push(child);
  return found;
}

export type Direction = 'up' | 'down' | 'left' | 'right';

/** Where an arrow key leads: along the line, out to a branch and back; null where there is nothing. */
export function step(layout: Layout, from: Placed, direction: Direction): Placed | null {
  switch (direction) {
    case 'up':
      return from.parent;
    case 'down':
      return nextOf(from) ?? from.children[0] ?? null;
    case 'right': {
      const branch = from.children.find((child) => child.column > from.column);
      return branch ?? nearest(layout, from, (column) => column > from.column);
    }
    case 'left':
      return nearest(layout, from, (column) => column < from.column);
  }
}

function nearest(layout: Layout, from: Placed, fits: (column: number) => boolean): Placed | null {
  let best: Placed | null = null;
  const away = (one: Placed): number => Math.abs(one.row - from.row) * 1000 + Math.abs(one.column - from.column);
  for (const one of layout.placed) {
    // What is out of sight is not beside it.
    if (fits(one.column) && Math.abs(one.row - from.row) <= 3 && (best === null || away(one) < away(best))) best = one;
  }
  return best;
}
