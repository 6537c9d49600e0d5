import { runningPids } from './processes.ts';
import { cpuSeconds, machineCpuSeconds, ownCpuSeconds } from './system.ts';

/** More foreign load than this, in cores, and a window is measured again. */
const FOREIGN_CORES = 0.2;
const MAX_REPEATS = 2;

/**
 * Keeps other programs' load out of the figures: a window during which the machine did more than our own processes
 * account for is thrown away and measured again, at most twice, as long as the time for that lasts.
 */
export class Quiet {
  /** Windows that were measured, those that were thrown away, and those kept although disturbed. */
  readonly counts = { windows: 0, repeated: 0, disturbed: 0 };
  #sparedMs: number;

  /** `sparedMs`: how long all repetitions together may take. */
  constructor(sparedMs: number) {
    this.#sparedMs = sparedMs;
  }

  /** Runs one window, again where it was disturbed; resolves with the last result, and whether that was disturbed too. */
  async window<T>(measure: () => Promise<T>): Promise<{ result: T; disturbed: boolean }> {
    this.counts.windows += 1;
    for (let repeats = 0; ; repeats += 1) {
      const began = performance.now();
      const before = foreignSeconds();
      const result = await measure();
      const ms = performance.now() - began;
      const foreign = ((foreignSeconds() - before) / ms) * 1e3;
      // Short windows are finer than the machine's own clock of CPU time (10 ms), hence the constant.
      const disturbed = foreign > FOREIGN_CORES + 15 / ms;
      if (!disturbed) return { result, disturbed };
      if (repeats === MAX_REPEATS || this.#sparedMs < ms) {
        this.counts.disturbed += 1;
        return { result, disturbed };
      }
      this.counts.repeated += 1;
      this.#sparedMs -= ms;
    }
  }
}

function foreignSeconds(): number {
  return runningPids().reduce((rest, pid) => rest - cpuSeconds(pid), machineCpuSeconds() - ownCpuSeconds());
}
