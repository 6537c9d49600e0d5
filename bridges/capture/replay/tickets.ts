import { hash, randomBytes } from 'node:crypto';
import type { UpstreamId } from '../../upstreams/upstreams.ts';

/** What the companion must know of a call that is sent again. */
export type Replaying = {
  /** The call that is sent again. */
  of: number;
  /** Where it goes, whatever the rules say. */
  upstream?: UpstreamId;
  /** Told of the row that the call becomes. */
  began(id: number): void;
};

type Ticket = { name: string; use: 'app'; replay: Replaying };

/**
 * Keys for one call each, made by the engine for itself: in memory alone, so that nothing is left behind by a crash.
 * What such a key stands for can't be asked for by any header a client sends.
 */
export type Tickets = {
  issue(replay: Replaying): { key: string; end(): void };
  identify(key: string): Ticket | undefined;
};

const NAME = 'Replay';

export function createTickets(): Tickets {
  // By hash: finding one takes no time that tells of a key.
  const tickets = new Map<string, Ticket>();
  return {
    issue(replay) {
      const key = `db_${randomBytes(32).toString('base64url')}`;
      const digest = hash('sha256', key);
      tickets.set(digest, { name: NAME, use: 'app', replay });
      return { key, end: () => void tickets.delete(digest) };
    },
    identify: (key) => (tickets.size === 0 ? undefined : tickets.get(hash('sha256', key))),
  };
}
