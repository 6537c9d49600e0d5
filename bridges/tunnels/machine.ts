import os from 'node:os';
import { instantOf, type Reading } from './elapsed.ts';

/** What happens to the machine under a tunnel's feet: it sleeps and wakes, and its network comes, goes and changes. */

export type Disturbance =
  | { why: 'wake' }
  /** This process stood still for long; whether the machine slept is not known. */
  | { why: 'late' }
  | { why: 'network'; online: boolean };

/** Milliseconds. */
export const LOOK_EVERY_MS = 5_000;
const JUMP_MS = 15_000;

/**
 * Tells from readings of both clocks, taken at a steady pace, whether the machine slept in between. The desktop's own
 * events come twice, late or never on some systems; this is what they are checked against. A busy machine that merely
 * let this process wait is told from one that slept: on Linux the monotonic clock stands still in sleep. On macOS and
 * Windows it runs on, so that a pause there can be either.
 */
export function pauseDetector(clock: Reading, everyMs: number): () => 'wake' | 'late' | undefined {
  let last = instantOf(clock);
  return () => {
    const next = instantOf(clock);
    const waited = next.monotonic - last.monotonic;
    const slept = next.now - last.now - waited;
    last = next;
    if (slept > JUMP_MS) return 'wake';
    return waited > everyMs + JUMP_MS ? 'late' : undefined;
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

export type Look = { clock: Reading; interfaces(): NodeJS.Dict<os.NetworkInterfaceInfo[]> };

/** Undefined where the system does not say (it may have no file to spare). */
function fingerprintNow(look: Look): string | undefined {
  try {
    return networkFingerprint(look.interfaces());
  } catch {
    return undefined;
  }
}

/**
 * One look at the machine after another: gives what happened since the last, in the order in which it did. Pure but for
 * what it is handed.
 */
export function watcher(look: Look, everyMs: number): () => Disturbance[] {
  const paused = pauseDetector(look.clock, everyMs);
  let last = fingerprintNow(look);
  return () => {
    const why = paused();
    const told: Disturbance[] = why === undefined ? [] : [{ why }];
    const next = fingerprintNow(look) ?? last;
    if (next !== undefined && next !== last) told.push({ why: 'network', online: next !== '' });
    last = next;
    return told;
  };
}

/** Looks at the machine from time to time. */
export function watchMachine(look: Look, tell: (disturbance: Disturbance) => void): { online(): boolean; stop(): void } {
  const next = watcher(look, LOOK_EVERY_MS);
  const timer = setInterval(() => {
    next().forEach(tell);
  }, LOOK_EVERY_MS);
  timer.unref();
  return { online: () => fingerprintNow(look) !== '', stop: () => clearInterval(timer) };
}
