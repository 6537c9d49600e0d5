/** The columns of the calls table, in order. `id` names the class in `calls.css`. */
export const COLUMNS = [
  { id: 'time', label: 'Time' },
  { id: 'client', label: 'Client' },
  { id: 'caller', label: 'Caller' },
  { id: 'model', label: 'Model' },
  { id: 'upstream', label: 'Upstream' },
  { id: 'wire', label: 'Wire' },
  { id: 'status', label: 'Status' },
  { id: 'first', label: '1st byte', right: true, title: 'Time to the first byte of the reply' },
  { id: 'duration', label: 'Duration', right: true },
  { id: 'tokens', label: 'Tokens', right: true, title: 'Tokens in / out' },
  { id: 'size', label: 'Size', right: true, title: 'Bytes of the reply' },
] as const satisfies readonly { id: string; label: string; right?: true; title?: string }[];
