import type { Migration } from '../migrate.ts';

/** From here on a recipe may name pieces of the one it stands on, which earlier versions can't read. No table changes. */
export const repeatedEnds: Migration = {
  id: 26,
  name: 'repeated ends',
  up: () => undefined,
};
