/** CPU milliseconds a call, by the thread that writes. The system counts a thread's time in ticks of some milliseconds. */
export class WorkerTime {
  readonly #window: number;
  readonly #times: number[] = [];
  #micros = 0;
  #calls = 0;

  /** `window`: over so many calls one time is taken, so that ticks do not matter. */
  constructor(window: number) {
    this.#window = window;
  }

  /** Runs what writes `calls` calls. */
  of(calls: number, work: () => void): void {
    const before = threadMicros();
    work();
    const micros = threadMicros() - before;
    this.#micros += micros;
    this.#calls += calls;
    if (this.#calls < this.#window) return;
    this.#times.push(this.#micros / 1e3 / this.#calls);
    this.#micros = 0;
    this.#calls = 0;
  }

  get times(): readonly number[] {
    return this.#times;
  }
}

/** A thread's own time stands where the last tick left it, until the whole process is asked for its. */
function threadMicros(): number {
  process.cpuUsage();
  const { user, system } = process.threadCpuUsage();
  return user + system;
}
