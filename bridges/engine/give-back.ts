import v8 from 'node:v8';
import vm from 'node:vm';

/** Bytes that a nursery must hold before giving them back is worth the time it takes. */
const WORTH_BYTES = 2 * 1024 * 1024;

/**
 * Has V8 return the memory that this thread's heap holds and does not use. A nursery that was needed once, 10 MB and
 * more, is kept until V8's own memory reducer looks, which it does eight seconds after a collection where little is
 * allocated, and an idle engine never collects. So the nursery is collected here, some 5 ms; the rest is V8's.
 */
export function giveBack(): void {
  if (nursery().physical < WORTH_BYTES) return;
  collect ??= collector();
  collect?.({ type: 'minor' });
}

type Collect = (how: { type: 'minor' | 'major' }) => void;

// Asked for when this is loaded, not each time: flags are the whole process's, and the engine's other threads run by then.
let collect = collector();

/** V8's collection on demand, which it hands to contexts that are made while a flag is set. */
export function collector(): Collect | undefined {
  v8.setFlagsFromString('--expose-gc');
  // Another thread may have taken the flag back just now.
  const found: unknown = vm.runInNewContext('globalThis.gc');
  v8.setFlagsFromString('--no-expose-gc');
  return typeof found === 'function' ? (how) => void Reflect.apply(found, undefined, [how]) : undefined;
}

/** What this thread's nursery takes of memory, and what of that is in use. Bytes. */
export function nursery(): { physical: number; used: number } {
  const space = v8.getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space');
  return { physical: space?.physical_space_size ?? 0, used: space?.space_used_size ?? 0 };
}

const LOOK_MS = 2_000;
/** The part of the time that a resting thread is busy at most. A stream of fifteen events a second is more. */
const AT_REST = 0.001;
/** Calls from which on being fast counts for more than what is kept of their code, some 25 MB. Fewer optimise little. */
const MANY_CALLS = 500;

/** What keepLean does with memory, and with code. */
export type Lean = { giveBack: () => void; keepOptimised: () => void };

/**
 * Gives memory back each time this thread comes to rest. Until calls have come, memory is all that matters: what starting
 * took goes back at the first rest. From then on V8 keeps what it optimised. `calls`: how many have begun since the start.
 */
export function keepLean(calls: () => number): { stop: () => void } {
  let last = performance.eventLoopUtilization();
  const look = looker({ giveBack, keepOptimised });
  const timer = setInterval(() => {
    const { utilization } = performance.eventLoopUtilization(last);
    last = performance.eventLoopUtilization();
    look(utilization, calls());
  }, LOOK_MS).unref();
  return { stop: () => clearInterval(timer) };
}

/** Takes which part of the time since it was last told the thread was busy (0 to 1), and how many calls there have been. */
export function looker(lean: Lean): (busy: number, calls: number) => void {
  let keeps = false;
  return (busy, calls) => {
    if (busy < AT_REST) lean.giveBack();
    if (keeps || calls < MANY_CALLS) return;
    keeps = true;
    lean.keepOptimised();
  };
}

/**
 * The collections that V8 makes at rest drop every object shape that no living object has. At rest no call lives, so that
 * all code optimised for calls went with them, and the next ones had to wait until it was made again. With this flag these
 * collections leave the shapes that optimised code knows, as others do. The whole process takes it, and it can be set late.
 */
function keepOptimised(): void {
  v8.setFlagsFromString('--no-memory-reducer-favors-memory');
}
