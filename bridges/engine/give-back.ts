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
  // V8 hands a collection on demand to contexts that are made while the flag is set.
  v8.setFlagsFromString('--expose-gc');
  const collect: unknown = vm.runInNewContext('gc');
  v8.setFlagsFromString('--no-expose-gc');
  if (typeof collect === 'function') Reflect.apply(collect, undefined, [{ type: 'minor' }]);
}

/** What this thread's nursery takes of memory, and what of that is in use. Bytes. */
export function nursery(): { physical: number; used: number } {
  const space = v8.getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space');
  return { physical: space?.physical_space_size ?? 0, used: space?.space_used_size ?? 0 };
}

const LOOK_MS = 2_000;
/** The part of the time that a resting thread is busy at most. A stream of fifteen events a second is more. */
const AT_REST = 0.001;

/** Gives memory back each time this thread comes to rest. */
export function keepLean(): { stop: () => void } {
  let last = performance.eventLoopUtilization();
  const timer = setInterval(() => {
    const { utilization } = performance.eventLoopUtilization(last);
    last = performance.eventLoopUtilization();
    if (utilization < AT_REST) giveBack();
  }, LOOK_MS).unref();
  return { stop: () => clearInterval(timer) };
}
