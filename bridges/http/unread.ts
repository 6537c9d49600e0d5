import type { ServedReply } from './served.ts';

/**
 * Cuts the connection of a client that takes nothing of the rest of a reply for `idleMs` milliseconds; one that reads
 * slowly, but reads, is left alone. Of use once the reply has ended: until then its upstream may be what is silent.
 */
export function cutUnread(res: ServedReply, idleMs: number): void {
  // Most replies are with the system as soon as they end.
  if (res.writableLength === 0 || res.destroyed) return;
  res.setTimeout(idleMs);
  // Before Node's own listener, which sets the time that an idle connection is kept or begins the next reply.
  res.prependOnceListener('finish', () => res.setTimeout(0));
}
