import type { Cap } from "./window.ts";

const lifeMaxMs = 2_000;
const windowMinMs = 100_000;
const callsMax = 64;
/** A block is granted while this many times what is out is left. */
const leftOver = 8n;

/**
 * For how long calls under these limits may take from a lease: 2 s, and no more than a hundredth of any window
 * (architecture.md §1). 0 where a window is too short for leases.
 */
export function leaseMs(caps: readonly Pick<Cap, "windowMs">[]): number {
  const shortestMs = Math.min(...caps.map(({ windowMs }) => windowMs));
  return shortestMs < windowMinMs ? 0 : Math.min(lifeMaxMs, shortestMs / 100);
}

/** How much a gate takes from one counter, lately: what is past fades, so a steady pace reads as what 2 s take. */
export class Pace {
  #taken = 0;
  #atMs = 0;

  take(amount: bigint, nowMs: number): void {
    this.#taken = this.#at(nowMs) + Number(amount);
    this.#atMs = nowMs;
  }

  /** The block to ask for with a call that takes `amount`: what such calls will take in `lifeMs`; 0 where that is this one. */
  block(amount: bigint, lifeMs: number, nowMs: number): bigint {
    if (amount === 0n) return 0n;
    const calls = Math.floor((this.#at(nowMs) * lifeMs) / lifeMaxMs / Number(amount));
    return calls > 1 ? BigInt(Math.min(calls, callsMax)) * amount : 0n;
  }

  #at(nowMs: number): number {
    return this.#taken * Math.exp(Math.min(0, this.#atMs - nowMs) / lifeMaxMs);
  }
}

/**
 * What a counter grants to a call for which there is room: the block, or as much of it that all that is `out`, granted and
 * not yet told of, stays within an eighth of what is left under every limit. So unused units can refuse others only
 * where room would soon have run out anyway.
 */
export function grantOf(amount: bigint, block: bigint, left: readonly bigint[], out: bigint): bigint {
  const most = left.reduce((least, one) => {
    const share = one / leftOver - out;
    return share < least ? share : least;
  }, block);
  return most > amount ? most - (most % amount) : amount;
}
