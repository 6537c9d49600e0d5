/**
 * When bytes leave. A write to a socket wakes the process at its other end, which can cost as much as the write itself.
 * Where many calls are under way, requests and whole replies therefore wait until everything that has come was read, and
 * leave in one burst: the first write wakes the other side, the others find it awake. A call that is alone waits for
 * nothing, and neither does a stream, which somebody reads along.
 */

/** Calls under way that make a crowd. */
export const CROWD = 8;

let underWay = 0;
let waiting: (() => void)[] = [];

/** Counts a call, until `callOver`. */
export function callBegan(): void {
  underWay += 1;
}

export function callOver(): void {
  underWay -= 1;
}

export function isCrowded(): boolean {
  return underWay >= CROWD;
}

/** Calls `depart` once all that has come from any connection has been read: in the event loop's next check phase. */
export function departTogether(depart: () => void): void {
  if (waiting.length === 0) setImmediate(departAll);
  waiting.push(depart);
}

function departAll(): void {
  const all = waiting;
  waiting = [];
  for (const depart of all) depart();
}
