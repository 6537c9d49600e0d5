import type { UsageDimension } from '../../../../bridges/contract/index.ts';

export const SPANS = [
  { value: '24h', label: '24 hours', bucket: 'hour', buckets: 24 },
  { value: '7d', label: '7 days', bucket: 'day', buckets: 7 },
  { value: '30d', label: '30 days', bucket: 'day', buckets: 30 },
  { value: '90d', label: '90 days', bucket: 'day', buckets: 90 },
] as const;
export type Span = (typeof SPANS)[number];

export const DIMENSIONS = [
  { value: 'client', label: 'Client' },
  { value: 'caller', label: 'Caller' },
  { value: 'model', label: 'Model' },
  { value: 'bridge', label: 'Bridge' },
  { value: 'account', label: 'Account' },
  { value: 'kind', label: 'Kind' },
] as const satisfies readonly { value: UsageDimension; label: string }[];
export type Dimension = (typeof DIMENSIONS)[number]['value'];

/** What stands in the URL of usage, where it is not the usual. */
export type UsageSearch = { span?: Span['value']; by?: Dimension };

/** Reads the URL; what is not known is left out. */
export function searchOfUsage(search: Record<string, unknown>): UsageSearch {
  const span = SPANS.find(({ value }) => value === search['span'])?.value;
  const by = DIMENSIONS.find(({ value }) => value === search['by'])?.value;
  return { ...(span && span !== '30d' && { span }), ...(by && by !== 'client' && { by }) };
}
