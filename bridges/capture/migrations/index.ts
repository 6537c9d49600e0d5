import type { Migration } from '../migrate.ts';
import { calls } from './0001-calls.ts';
import { exchanges } from './0002-exchanges.ts';
import { meaning } from './0010-meaning.ts';

/** All there are, in the order of their numbers. Numbers may have gaps; one that was released is never edited. */
export const MIGRATIONS: readonly Migration[] = [calls, exchanges, meaning];
