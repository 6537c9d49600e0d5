/** A column of the calls table. Widths in pixels; `grow` shares out what is left over. */
type ColumnDefinition = {
  id: string;
  label: string;
  width: number;
  grow?: number;
  right?: true;
  title?: string;
  /** Shown until somebody chooses. */
  usual?: true;
  /** In a narrow list the columns with the lowest rank give way first. */
  rank: number;
};

/** The columns of the calls table, in order. */
export const COLUMNS = [
  { id: 'number', label: 'Number', width: 112, right: true, rank: 1, title: 'The number of the call: id:… finds it' },
  { id: 'time', label: 'Time', width: 92, usual: true, rank: 90 },
  { id: 'client', label: 'Client', width: 92, grow: 0.5, usual: true, rank: 70 },
  { id: 'version', label: 'Version', width: 64, rank: 5, title: 'Version of the client' },
  { id: 'caller', label: 'Caller', width: 96, grow: 0.6, usual: true, rank: 35 },
  { id: 'method', label: 'Method', width: 52, rank: 4 },
  { id: 'path', label: 'Path', width: 130, grow: 1, rank: 15 },
  { id: 'model', label: 'Model', width: 144, grow: 3, usual: true, rank: 100 },
  { id: 'upstream', label: 'Upstream', width: 78, grow: 0.4, usual: true, rank: 50 },
  { id: 'route', label: 'Route', width: 96, grow: 0.4, rank: 14, title: 'The rule that chose the upstream' },
  { id: 'wire', label: 'Wire', width: 140, usual: true, rank: 40 },
  { id: 'status', label: 'Status', width: 125, usual: true, rank: 99 },
  { id: 'first', label: '1st byte', width: 64, right: true, usual: true, rank: 20, title: 'Time to the first byte of the reply' },
  { id: 'duration', label: 'Duration', width: 64, right: true, usual: true, rank: 60 },
  { id: 'tokens', label: 'Tokens', width: 92, right: true, usual: true, rank: 45, title: 'Tokens in / out' },
  { id: 'cached', label: 'Cached', width: 58, right: true, rank: 12, title: 'Part of the prompt that came from a cache' },
  { id: 'reasoning', label: 'Reasoning', width: 68, right: true, rank: 11, title: 'Tokens spent on reasoning' },
  { id: 'tools', label: 'Tools', width: 52, right: true, rank: 10, title: 'Tools that the reply called' },
  { id: 'request', label: 'Request', width: 64, right: true, rank: 10, title: 'Bytes of the request' },
  { id: 'size', label: 'Reply', width: 64, right: true, usual: true, rank: 18, title: 'Bytes of the reply' },
  { id: 'lost', label: 'Lost', width: 40, right: true, rank: 9, title: 'Things that could not cross between two wire formats' },
  { id: 'error', label: 'Error', width: 160, grow: 2, rank: 8 },
] as const satisfies readonly ColumnDefinition[];

export type Column = (typeof COLUMNS)[number];
export type ColumnId = Column['id'];

export const USUAL_COLUMNS: readonly ColumnId[] = COLUMNS.filter((column) => 'usual' in column).map(({ id }) => id);

const GAP = 12;
const PADDING = 28;

/** The chosen columns that a list of this width (pixels) has room for, in their order; the two of most use always. */
export function columnsThatFit(chosen: ReadonlySet<ColumnId>, width: number): Column[] {
  const byUse = COLUMNS.filter(({ id }) => chosen.has(id)).toSorted((a, b) => b.rank - a.rank);
  let left = width - PADDING + GAP;
  const kept = new Set<Column>();
  for (const column of byUse) {
    left -= column.width + GAP;
    if (left < 0 && kept.size >= 2) break;
    kept.add(column);
  }
  return COLUMNS.filter((column) => kept.has(column));
}

/** A column, and where it stands in a row: pixels from its left edge, and its width. */
export type PlacedColumn = Column & { left: number; room: number };

/** Places the columns in a row of this width (pixels); what is left over is shared out among those that grow, else goes to the last. */
export function placed(columns: readonly Column[], width: number): PlacedColumn[] {
  const growOf = (column: Column): number => ('grow' in column ? column.grow : 0);
  const grows = columns.reduce((sum, column) => sum + growOf(column), 0);
  const needed = columns.reduce((sum, column) => sum + column.width + GAP, PADDING - GAP);
  const spare = Math.max(0, width - needed);
  let left = PADDING / 2;
  return columns.map((column, at) => {
    const share = grows > 0 ? growOf(column) / grows : at === columns.length - 1 ? 1 : 0;
    const here = { ...column, left: Math.round(left), room: Math.round(column.width + spare * share) };
    left += column.width + spare * share + GAP;
    return here;
  });
}
