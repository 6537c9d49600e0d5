import { readFileSync } from 'node:fs';

/** The far end of a connection on loopback. */
export type Peer = { address: string; port: number };

/** A connection both ends of which are closed: nobody holds it any more. */
const TIME_WAIT = '06';

/**
 * The user id whose process holds the far end of a connection to our `port`, as Linux tells it (man proc_pid_net).
 * Undefined where that can't be known: on other systems, or for a process in another network namespace.
 */
export function ownerOf(peer: Peer, port: number, tables: readonly string[] = connectionTables()): number | undefined {
  const far = `${hexOf(peer.address)}:${portHex(peer.port)}`;
  const near = `:${portHex(port)}`;
  for (const table of tables) {
    for (const line of table.split('\n').slice(1)) {
      const [, local = '', remote = '', state, , , , owner] = line.trim().split(/\s+/);
      // An address of IPv4 stands at the end of its form in IPv6. Who has closed its own half still reads what comes.
      if (local.endsWith(far) && remote.endsWith(near) && state !== TIME_WAIT) return Number(owner);
    }
  }
  return undefined;
}

/**
 * True where a connection is another user's. Whoever is root may do anything here anyway, and a relay of the system's
 * own may run as root.
 */
export function isStranger(peer: Peer, port: number, self = process.getuid?.(), sudoer = process.env['SUDO_UID']): boolean {
  const owner = ownerOf(peer, port);
  // Who became root to start us opens the link in a browser of their own: most browsers refuse to run as root.
  const asked = self === 0 && sudoer !== undefined && owner === Number(sudoer);
  return owner !== undefined && owner !== 0 && owner !== self && !asked;
}

function connectionTables(): string[] {
  return ['/proc/net/tcp', '/proc/net/tcp6'].map((file) => {
    try {
      return readFileSync(file, 'latin1');
    } catch {
      return '';
    }
  });
}

/** `127.0.0.1` as `0100007F`: the kernel prints its bytes in the machine's own order, and ours are little-endian. */
function hexOf(address: string): string {
  const bytes = address
    .replace(/^::ffff:/, '')
    .split('.')
    .map(Number);
  return Buffer.from(bytes.reverse()).toString('hex').toUpperCase();
}

function portHex(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, '0');
}
