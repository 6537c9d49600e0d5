import { ADAPTER_API, type Adapter } from './adapter.ts';

/** Calls to the practice model: nobody's conversation but ours. */
export const practice: Adapter = {
  api: ADAPTER_API,
  name: 'practice',
  priority: 0,
  client: { name: 'drawbridge', label: 'Drawbridge' },
  match: (exchange) => exchange.upstream === 'practice' && exchange.client === 'drawbridge',
  project: () => ({ source: 'hash', kind: 'turn' }),
};
