import { rounded } from './stats.ts';

/** One row of a table: a name for each figure. Null where a figure does not apply. */
export type Row = Readonly<Record<string, string | number | null>>;

/** A figure with the bound it should keep. */
export type Goal = { goal: string; bound: number; side: 'at most' | 'at least'; measured: number };

/** What a scenario found. */
export type Report = { rows: Row[]; goals: Goal[]; notes?: string[] };

/** Rows as a Markdown table; columns in the order in which they first appear. */
export function table(rows: readonly Row[]): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cells = [columns, columns.map(() => '---'), ...rows.map((row) => columns.map((column) => String(row[column] ?? '')))];
  return cells.map((line) => `| ${line.join(' | ')} |`).join('\n');
}

/** The table of all goals: what was wanted, what was measured, and whether it was held. */
export function goalTable(goals: readonly Goal[]): string {
  return table(
    goals.map((one) => ({
      goal: `${one.goal} ${one.side} ${one.bound}`,
      measured: rounded(one.measured, 3),
      held: isHeld(one) ? 'yes' : 'NO',
    })),
  );
}

/** True where the figure keeps its bound. A figure that could not be had keeps none. */
export function isHeld(goal: Goal): boolean {
  return goal.side === 'at most' ? goal.measured <= goal.bound : goal.measured >= goal.bound;
}
