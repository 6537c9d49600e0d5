import type { Migration } from '../migrate.ts';

/** Small messages and replies are compressed together. What was stored before stays where it is. */
export const blocks: Migration = {
  id: 3,
  name: 'blocks',
  up: (db) => void db.exec(SCHEMA),
};

const SCHEMA = `
  -- Several messages, or several replies, compressed together. Numbers are never used twice.
  create table blocks (
    id integer primary key autoincrement,
    data blob not null
  ) strict;

  -- A segment stands in a block, or in its own data where block is null.
  alter table segments add column block integer;
  alter table segments add column at integer;
`;
