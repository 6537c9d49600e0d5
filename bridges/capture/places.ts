import type { MeaningPlaces } from './meaning.ts';

/** For a store without a user: no adapters, no prices, no records of clients. */
export const NO_PLACES: MeaningPlaces = {
  adapters: '',
  contexts: '',
  prices: '',
  homes: { claude: undefined, codex: undefined, copilot: undefined },
};
