import type { Migration } from '../migrate.ts';
import { calls } from './0001-calls.ts';
import { exchanges } from './0002-exchanges.ts';
import { blocks } from './0003-blocks.ts';
import { meaning } from './0010-meaning.ts';
import { replays } from './0022-replays.ts';
import { fewerIndexes } from './0024-fewer-indexes.ts';
import { repeatedEnds } from './0026-repeated-ends.ts';
import { kindsAndTools } from './0027-kinds-and-tools.ts';

/** All there are, in the order of their numbers. Numbers may have gaps; one that was released is never edited. */
export const MIGRATIONS: readonly Migration[] = [calls, exchanges, blocks, meaning, replays, fewerIndexes, repeatedEnds, kindsAndTools];
