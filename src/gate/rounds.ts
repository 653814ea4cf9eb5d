import type { Continued } from "./rpc.ts";

/** Which rounds have been gone on with, as it is kept: each with the decision that did. */
export interface RoundsState {
  readonly used: readonly (readonly [round: number, by: number])[];
  readonly floor: number;
}

// A person who is asked, or must approve, takes their time; and whoever hoards states has no more than this to let loose at once.
const usableMs = 1_200_000;
const usedMax = 1_000;

/**
 * Which rounds of calls have been gone on with (protocol.md §4). The state that a server gives for one round lets its call go
 * on once without being counted again; used twice, or too old to be remembered, it makes a call of its own.
 */
export class Rounds {
  readonly #used = new Map<number, number>();
  /** Of rounds up to this one nothing is remembered. */
  #floor = 0;

  /** Whether a call may still go on from that round. `nowMs` is the gate's time. */
  mayContinue({ seq, atMs }: Continued, nowMs: number): boolean {
    return seq > this.#floor && !this.#used.has(seq) && nowMs - atMs < usableMs;
  }

  /** The decision `by` lets the call go on from that round. */
  use(round: number, by: number): void {
    this.#used.set(round, by);
    if (this.#used.size <= usedMax) return;
    this.#floor = Math.min(...this.#used.keys());
    this.#used.delete(this.#floor);
  }

  /** What the decision `by` let go on never left the gateway, so the round may be gone on with after all. */
  giveBack(by: number): void {
    for (const [round, user] of this.#used) if (user === by) this.#used.delete(round);
  }

  get state(): RoundsState {
    return { used: [...this.#used], floor: this.#floor };
  }

  /** Goes on from what was kept; nothing where a version kept it that knew no rounds. */
  restore({ used, floor }: RoundsState = { used: [], floor: 0 }): void {
    for (const [round, by] of used) this.#used.set(round, by);
    this.#floor = floor;
  }
}
