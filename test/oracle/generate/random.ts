/** A small replayable generator (sfc32): the same seed and stream give the same choices everywhere. */
export class Random {
  #a: number;
  #b: number;
  #c = 0x9e3779b9;
  #counter = 1;

  constructor(seed: number, stream: number) {
    this.#a = seed | 0;
    this.#b = stream | 0;
    for (let round = 0; round < 12; round++) this.#next();
  }

  #next(): number {
    const out = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + out;
    this.#c |= 0;
    return out >>> 0;
  }

  below(bound: number): number {
    return this.#next() % bound;
  }

  /** True this often; `share` is 0 to 1. */
  chance(share: number): boolean {
    return this.#next() < share * 2 ** 32;
  }

  pick<T>(from: readonly T[]): T {
    const found = from[this.below(from.length)];
    if (found === undefined && from.length === 0) throw new Error("nothing to pick from");
    return found as T;
  }

  /** `count` picks, repeats left out. */
  some<T>(from: readonly T[], count: number): T[] {
    return [...new Set(Array.from({ length: count }, () => this.pick(from)))];
  }
}
