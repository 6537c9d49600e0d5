import { createHash } from 'node:crypto';
import type { Said } from './ask.ts';

/** Conversations that are remembered; older ones are retold to a new one. */
const MOST = 1_000;

/**
 * Which conversation at Microsoft belongs to which local thread (SPEC 7.4). A thread is known by everything said in it,
 * so a conversation is found again only where it ended exactly like that, and by one call alone: a client that went
 * back, or asks twice, begins a new one. In memory: after a restart, threads are retold.
 */
export type Threads = {
  /** Takes the conversation that ended like this. */
  take(account: string, said: readonly Said[]): string | undefined;
  /** This is how the conversation ends now. */
  keep(account: string, said: readonly Said[], conversation: string): void;
};

export function createThreads(most = MOST): Threads {
  const ends = new Map<string, string>();
  return {
    take(account, said) {
      const key = keyOf(account, said);
      const conversation = ends.get(key);
      ends.delete(key);
      return conversation;
    },
    keep(account, said, conversation) {
      ends.set(keyOf(account, said), conversation);
      const [oldest] = ends.keys();
      if (ends.size > most && oldest !== undefined) ends.delete(oldest);
    },
  };
}

/** Clients trim and join texts in ways of their own: white space does not count. */
function keyOf(account: string, said: readonly Said[]): string {
  const plain = said.map(({ role, text }) => [role, text.replace(/\s+/g, ' ').trim()]);
  return createHash('sha256')
    .update(JSON.stringify([account, plain]))
    .digest('base64');
}
