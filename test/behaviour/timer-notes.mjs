import { renameSync, writeFileSync } from 'node:fs';
import timers from 'node:timers';

// Loaded before the engine, in its process: notes which timers fire. The first SIGUSR2 begins anew, the second writes
// to TIMER_NOTES, as JSON, how often each fired since, and how many were ever set.
const fired = new Map();
let noting = false;
let made = 0;

for (const name of ['setTimeout', 'setInterval']) {
  const original = timers[name];
  const noted = (work, milliseconds, ...args) => {
    // Each interval is one of its own; time-outs of the same work are one that is set again and again.
    made += 1;
    const which = name === 'setInterval' ? `interval ${made}` : `time-out for ${work?.name ?? ''}`;
    const key = `${which}, ${milliseconds} ms`;
    const counted = (...given) => {
      fired.set(key, (fired.get(key) ?? 0) + 1);
      return work(...given);
    };
    return original(counted, milliseconds, ...args);
  };
  timers[name] = noted;
  globalThis[name] = noted;
}

/** Whole or not at all: it is read as soon as it is there. */
function write(file, text) {
  writeFileSync(`${file}.part`, text);
  renameSync(`${file}.part`, file);
}

process.on('SIGUSR2', () => {
  if (noting) write(process.env.TIMER_NOTES, JSON.stringify({ made, fired: Object.fromEntries(fired) }));
  fired.clear();
  noting = !noting;
});
