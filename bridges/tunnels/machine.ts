import os from 'node:os';

/** What happens to the machine under a tunnel's feet: it sleeps and wakes, and its network comes, goes and changes. */

export type Disturbance = { why: 'wake' } | { why: 'network'; online: boolean };

/** Milliseconds. */
export const LOOK_EVERY_MS = 5_000;
const JUMP_MS = 15_000;

/**
 * Tells from readings of the wall clock, taken at a steady pace, whether the machine slept in between. The desktop's
 * own events come twice, late or never on some systems; this is what they are checked against.
 */
export function jumpDetector(everyMs: number): (now: number) => boolean {
  let last: number | undefined;
  return (now) => {
    const jumped = last !== undefined && now - last > everyMs + JUMP_MS;
    last = now;
    return jumped;
  };
}

/** The addresses this machine has towards others, as one text that changes when they do; empty where there are none. */
export function networkFingerprint(interfaces: NodeJS.Dict<os.NetworkInterfaceInfo[]>): string {
  return Object.entries(interfaces)
    .flatMap(([name, addresses]) => (addresses ?? []).map((address) => ({ name, ...address })))
    .filter(({ internal, address }) => !internal && !address.startsWith('fe80:'))
    .map(({ name, address }) => `${name} ${address}`)
    .sort()
    .join('\n');
}

export type Look = { now(): number; interfaces(): NodeJS.Dict<os.NetworkInterfaceInfo[]> };

/** One look at the machine after another: gives what changed since the last. Pure but for what it is handed. */
export function watcher(look: Look, everyMs: number): () => Disturbance | undefined {
  const jumped = jumpDetector(everyMs);
  let last = networkFingerprint(look.interfaces());
  return () => {
    const woke = jumped(look.now());
    const next = networkFingerprint(look.interfaces());
    const changed = next !== last;
    last = next;
    if (changed) return { why: 'network', online: next !== '' };
    return woke ? { why: 'wake' } : undefined;
  };
}

/** Looks at the machine from time to time. */
export function watchMachine(look: Look, tell: (disturbance: Disturbance) => void): { online(): boolean; stop(): void } {
  const next = watcher(look, LOOK_EVERY_MS);
  next();
  const timer = setInterval(() => {
    const disturbance = next();
    if (disturbance !== undefined) tell(disturbance);
  }, LOOK_EVERY_MS);
  timer.unref();
  return { online: () => networkFingerprint(look.interfaces()) !== '', stop: () => clearInterval(timer) };
}
