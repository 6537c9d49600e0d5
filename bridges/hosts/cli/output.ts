import { plainText } from '../../engine/redact.ts';

/** Where a command writes: a parameter, so that tests read what a person would see. */
export type Output = {
  out: (text: string) => void;
  err: (text: string) => void;
  /** The terminal is one: colours and questions make sense. */
  interactive: boolean;
  /** Asks a yes-or-no question; only where `interactive`. */
  confirm: (question: string) => Promise<boolean>;
  /** Reads a secret: typed unseen where `interactive`, else everything on stdin. A secret is never an argument. */
  secret: (question: string) => Promise<string>;
};

/** What somebody else wrote, as one line without anything that a terminal would act on. */
export function inLine(text: string): string {
  return plainText(text).replace(/[\n\t]+/g, ' ');
}

/** Rows as aligned columns, the first row being the heading. Each cell is one line (`inLine`). */
export function table(given: readonly (readonly string[])[]): string {
  const rows = given.map((row) => row.map(inLine));
  const widths = (rows[0] ?? []).map((_, column) => rows.reduce((most, row) => Math.max(most, row[column]?.length ?? 0), 0));
  return rows
    .map((row) =>
      row
        .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** A duration as a person reads it. */
export function milliseconds(value: number | null): string {
  if (value === null) return '–';
  return value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`;
}

/** A number of bytes as a person reads it. */
export function bytes(value: number): string {
  if (value < 1024) return `${value} B`;
  return value < 1024 * 1024 ? `${(value / 1024).toFixed(1)} KiB` : `${(value / 1024 / 1024).toFixed(1)} MiB`;
}
