import type { Migration } from '../migrate.ts';

/** The model that answered is mostly the one that was asked for: it has an index of its own only where it is another. */
export const fewerIndexes: Migration = {
  id: 24,
  name: 'fewer indexes',
  up(db) {
    db.exec(`
      drop index calls_by_model_used;
      create index calls_by_other_model on calls (model_used) where model_used is not model_requested;
    `);
  },
};
