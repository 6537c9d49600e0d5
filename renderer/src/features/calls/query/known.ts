import type { Call } from '../../../../../bridges/contract/index.ts';
import type { KnownValues } from '../../../../../bridges/contract/query.ts';

/** Rows looked at for values that no list of them is kept of. */
const LOOKED_AT = 500;

type Facets = { clients: string[]; callers: string[]; upstreams: string[]; models: string[] };

/** The values that calls have, for the fields whose values can't be told beforehand. */
export function knownValues(facets: Facets | undefined, rows: readonly Call[]): KnownValues {
  const newest = rows.slice(0, LOOKED_AT);
  const distinct = (read: (call: Call) => string | null): string[] =>
    [...new Set(newest.map(read).filter((value) => value !== null))].sort((a, b) => a.localeCompare(b));
  return {
    model: facets?.models ?? distinct((call) => call.modelRequested),
    client: facets?.clients ?? distinct((call) => call.client),
    caller: facets?.callers ?? distinct((call) => call.caller),
    upstream: facets?.upstreams ?? distinct((call) => call.upstream),
    route: distinct((call) => call.route),
    path: distinct((call) => call.path),
    method: distinct((call) => call.method),
    version: distinct((call) => call.clientVersion),
  };
}
