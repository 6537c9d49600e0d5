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
  /** Looks which way leads to a host; true where it is another than when last looked, or not known to be the same. */
  moved(host: string): Promise<boolean>;
  /** Whatever way is found next is a new one. */
  forget(host: string): void;
};

/** Remembers by which way each host was last reached. */
export function createWays(wayTo: WayTo): Ways {
  const known = new Map<string, string | undefined>();
  return {
    async moved(host) {
      const way = await wayTo(host);
      const before = known.get(host);
      known.set(host, way);
      return way === undefined || way !== before;
    },
    forget: (host) => void known.delete(host),
  };
}
