import type { Migration } from '../migrate.ts';

/** The call that a call sends again. */
export const replays: Migration = {
  id: 22,
  name: 'replays',
  up(db) {
    db.exec(`
      alter table calls add column replay_of integer;
      create index calls_by_replay_of on calls (replay_of) where replay_of is not null;
    `);
  },
};
