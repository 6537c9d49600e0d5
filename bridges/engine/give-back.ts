import v8 from 'node:v8';
import vm from 'node:vm';

/** Bytes that a nursery must hold before giving them back is worth the time it takes. */
const WORTH_BYTES = 4 * 1024 * 1024;

/**
 * Has V8 return the memory that this thread's heap holds and does not use. A nursery that was needed once, 10 MB and
 * more, is kept until V8's own memory reducer looks, which it does eight seconds after a collection where little is
 * allocated, and an idle engine never collects. So the nursery is collected here, some 5 ms; the rest is V8's.
 */
export function giveBack(): void {
  if (nursery().physical >= WORTH_BYTES) collect({ type: 'minor' });
}

/** Has V8 return all that this thread's heap does not use, at once. It takes some 50 ms, in which nothing else is done. */
export function giveAllBack(): void {
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}

function collect(how: object): void {
  // V8 hands a collection on demand to contexts that are made while the flag is set.
  v8.setFlagsFromString('--expose-gc');
  const gc: unknown = vm.runInNewContext('gc');
  v8.setFlagsFromString('--no-expose-gc');
  if (typeof gc === 'function') Reflect.apply(gc, undefined, [how]);
}

/** What this thread's nursery takes of memory, and what of that is in use. Bytes. */
export function nursery(): { physical: number; used: number } {
  const space = v8.getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space');
  return { physical: space?.physical_space_size ?? 0, used: space?.space_used_size ?? 0 };
}

const LOOK_MS = 5_000;
/** The part of the time that a resting thread is busy at most. A stream of fifteen events a second is more. */
const AT_REST = 0.001;

/** After the start it is looked more often, for a second of which a twentieth at most was busy. */
const FIRST_LOOK_MS = 1_000;
const CALM = 0.05;

/** Gives memory back each time this thread comes to rest: the first time all, since starting needed what nothing needs again. */
export function keepLean(): { stop: () => void } {
  let last = performance.eventLoopUtilization();
  const busy = (): number => {
    const { utilization } = performance.eventLoopUtilization(last);
    last = performance.eventLoopUtilization();
    return utilization;
  };
  const lookAgain = (): void => {
    if (busy() < AT_REST) giveBack();
  };
  let timer = setInterval(() => {
    if (busy() >= CALM) return;
    clearInterval(timer);
    giveAllBack();
    timer = setInterval(lookAgain, LOOK_MS).unref();
  }, FIRST_LOOK_MS).unref();
  return { stop: () => clearInterval(timer) };
}
