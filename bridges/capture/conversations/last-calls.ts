/**
 * The last calls, in the order in which they came: as many as told at least, twice as many at most. Kept in two
 * generations, of which the older one goes as a whole: a map from whose front is taken while its end grows must be
 * walked over all that was taken, to find its first.
 */
export class LastCalls<One extends { call: number; tip: string }> {
  readonly #atLeast: number;
  #young = new Generation<One>();
  #old = new Generation<One>();

  constructor(atLeast: number) {
    this.#atLeast = atLeast;
  }

  /** Adds the newest. */
  add(one: One): void {
    if (this.#young.calls.size >= this.#atLeast) {
      this.#old = this.#young;
      this.#young = new Generation();
    }
    this.#young.add(one);
  }

  get(call: number): One | undefined {
    return this.#young.calls.get(call) ?? this.#old.calls.get(call);
  }

  /** Those with the same history, the newest first. */
  *withTip(tip: string): Generator<One> {
    for (const { byTip } of [this.#young, this.#old]) yield* byTip.get(tip)?.toReversed() ?? [];
  }

  /** The first that is remembered: all calls from it on are. Undefined where there is none. */
  get oldest(): number | undefined {
    return this.#old.first ?? this.#young.first;
  }

  clear(): void {
    this.#young = new Generation();
    this.#old = new Generation();
  }
}

class Generation<One extends { call: number; tip: string }> {
  readonly calls = new Map<number, One>();
  readonly byTip = new Map<string, One[]>();
  first: number | undefined;

  add(one: One): void {
    this.first ??= one.call;
    this.calls.set(one.call, one);
    const alike = this.byTip.get(one.tip);
    if (alike === undefined) this.byTip.set(one.tip, [one]);
    else alike.push(one);
  }
}
