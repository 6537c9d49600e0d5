import type { Database } from 'better-sqlite3';
import type { Call } from '../contract/index.ts';
import type { Side } from './record.ts';
import type { Seal } from './seal.ts';

/** What a follower hears of a call, each time something of it is written. */
export type StoredCallChange = {
  /** The row as it is written now. */
  call: Call;
  /** True the first time this call is written. */
  begins: boolean;
  /** True when nothing more will come of it. */
  ends: boolean;
  /** True where it comes from an export: whoever is signed in here did not pay for it. */
  imported?: boolean;
  /**
   * The sides that came with this change (a long call's request comes with its beginning, its reply with its end):
   * headers as a JSON array of pairs, redacted; the body as it went over the wire, null where it is not kept.
   */
  sides: readonly { side: Side; headers: string; body: Buffer | null }[];
};

/**
 * Something that keeps tables of its own beside the calls: the search index, usage roll-ups, conversations. Its methods
 * run in the worker, inside the transaction that writes or removes the call: what they throw takes the call with it, so
 * they throw only where the database itself fails.
 */
export type Follower = {
  stored(change: StoredCallChange): void;
  /** These calls are about to go. Sums over time may stay; whatever would tell what a call said must go too. */
  removed(ids: readonly number[]): void;
  /** The transaction ends: sums that were held back are to be written now. */
  flush?(): void;
  /** The bodies it still refers to. */
  holds?(): Iterable<Buffer>;
  /** The transaction was rolled back: what was learnt in it is wrong. */
  forget?(): void;
};

/** Made once for each opening of the database, after its migrations. What tells what was said goes through the seal. */
export type FollowerMaker = (db: Database, seal: Seal) => Follower;

export const FOLLOWERS: readonly FollowerMaker[] = [];
