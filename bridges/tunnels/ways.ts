import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { setTimeout as pass } from 'node:timers/promises';

/** The address of this machine from which it reaches a host now; undefined where that can't be told. */
export type WayTo = (host: string) => Promise<string | undefined>;

const LOOKUP_MS = 2_000;
/** Of no meaning, as nothing is sent. */
const ANY_PORT = 9;

/** Asks the system's own routes, by a UDP socket that is connected and sends nothing. */
export const systemWay: WayTo = (host) =>
  Promise.race([sourceTowards(host).catch(() => undefined), pass(LOOKUP_MS, undefined, { ref: false })]);

async function sourceTowards(host: string): Promise<string> {
  const { address, family } = await lookup(host);
  const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
  try {
    const connected = once(socket, 'connect');
    socket.connect(ANY_PORT, address);
    await connected;
    return socket.address().address;
  } finally {
    socket.close();
  }
}

export type Ways = {
  /**
   * Looks which way leads to a tunnel's host; true where it is another than when last looked for this tunnel, or not known
   * to be the same. Each tunnel has its own: several may lead to one host, and each is to hear of a change.
   */
  moved(tunnel: string, host: string): Promise<boolean>;
  /** Whatever way is found next is a new one. */
  forget(tunnel: string): void;
};

/** Remembers by which way each tunnel's host was last reached. */
export function createWays(wayTo: WayTo): Ways {
  const known = new Map<string, string | undefined>();
  return {
    async moved(tunnel, host) {
      const way = await wayTo(host);
      const before = known.get(tunnel);
      known.set(tunnel, way);
      return way === undefined || way !== before;
    },
    forget: (tunnel) => void known.delete(tunnel),
  };
}
