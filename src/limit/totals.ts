/** What was taken of a counter, for many questions about its past; amounts come in the order of their times. */
export class Totals {
  readonly #atMs: number[] = [];
  /** What was taken up to and with each. */
  readonly #sums: bigint[] = [];

  add(atMs: number, amount: bigint): void {
    this.#atMs.push(atMs);
    this.#sums.push(this.#total + amount);
  }

  /** What was taken at `sinceMs` or later. */
  since(sinceMs: number): bigint {
    const first = this.#firstAt(sinceMs);
    return this.#total - (this.#sums[first - 1] ?? 0n);
  }

  get #total(): bigint {
    return this.#sums.at(-1) ?? 0n;
  }

  /** The index of the first at `sinceMs` or later. */
  #firstAt(sinceMs: number): number {
    let [low, high] = [0, this.#atMs.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#atMs[middle] ?? sinceMs) < sinceMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
