import type { Migration } from '../migrate.ts';
import { CONVERSATION_TABLES } from '../conversations/schema.ts';
import { USAGE_TABLES } from '../usage/schema.ts';

/** Conversations, and usage over time. Calls stored before it are in neither: they were never read. */
export const meaning: Migration = {
  id: 10,
  name: 'meaning',
  up(db) {
    db.exec(CONVERSATION_TABLES);
    db.exec(USAGE_TABLES);
  },
};
