import type { ChildRunner } from './child.ts';

const PATIENCE_MS = 5_000;

/**
 * Puts a thread of ours under Linux' idle scheduling policy (sched(7)): it runs where no other thread wants to, and one
 * that wakes takes its place at once. A low priority alone lets it keep the core to the end of its slice, some
 * milliseconds. Where `chrt` is missing (util-linux) or refused, the low priority has to do.
 */
export function stepBack(thread: number, run: ChildRunner): void {
  void run('chrt', ['--idle', '--pid', '0', String(thread)], { timeoutMs: PATIENCE_MS });
}
