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
    const before = process.threadCpuUsage();
    work();
    const { user, system } = process.threadCpuUsage(before);
    this.#micros += user + system;
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
