import { Pace } from "../limit/lease.ts";
import type { Reserved } from "../limit/reservation.ts";
import type { Reading } from "../limit/window.ts";

/** A reservation without an end: one call's, or a block that calls under the same limits share. */
export interface Lease {
  readonly id: string;
  readonly series: string;
  /** Names the limits that its calls must fit under. */
  readonly key: string;
  readonly askedMs: number;
  /** How long after asking calls may take from it. */
  readonly lifeMs: number;
  /** Whether its end is told at once, or with the next request to the counter. */
  readonly toldAtOnce: boolean;
  /** Set once it is known that there is more than the first call wanted. */
  reserved: Reserved | null;
  /** What no call has. */
  left: bigint;
  /** How many calls have a part of it and are not decided. */
  calls: number;
}

/** What a gate has reserved and not ended, and how much it takes. Lost with the gate's memory: counters ask what was used. */
export class Leases {
  readonly #ended: (lease: Lease) => void;
  readonly #open = new Map<string, Lease>();
  /** The one that calls under the same limits share now, from the moment at which it is asked for. */
  readonly #shared = new Map<string, Lease>();
  readonly #paces = new Map<string, Pace>();

  /** `ended` hears of each reservation that no call has a part of any more, nor can get one. */
  constructor(ended: (lease: Lease) => void) {
    this.#ended = ended;
  }

  /** Keeps a reservation that is being asked for, for one call that wants `amount`; answers with the block to ask for. */
  begin(lease: Lease, amount: bigint): bigint {
    this.#open.set(lease.id, lease);
    const last = this.#shared.get(lease.key);
    // One request for a block at a time.
    if (last && !last.reserved) return 0n;
    if (last) this.#close(last);
    const block = this.#paceOf(lease.series).block(amount, lease.lifeMs, lease.askedMs);
    if (block > 0n) this.#shared.set(lease.key, lease);
    return block;
  }

  /** Takes in what the counter granted, null where that is not known; says how things stand for the call that asked. */
  granted(lease: Lease, reserved: Reserved | null, amount: bigint): Reserved | null {
    if (reserved?.granted === false) this.#open.delete(lease.id);
    if (reserved && reserved.amount > amount && this.isOpen(lease.id)) {
      lease.reserved = reserved;
      lease.left = reserved.amount - amount;
      return { ...reserved, after: without(reserved.after, lease.left) };
    }
    this.#unshare(lease);
    return reserved;
  }

  /** A part for a call, from a lease that has it; null: the counter must be asked. */
  part(key: string, amount: bigint, nowMs: number): Pick<Lease, "id" | "askedMs" | "reserved"> | null {
    const lease = this.#shared.get(key);
    if (!lease?.reserved || lease.left < amount || nowMs - lease.askedMs >= lease.lifeMs) return null;
    const { id, askedMs, reserved } = lease;
    const before = without(reserved.after, lease.left);
    lease.left -= amount;
    lease.calls++;
    return { id, askedMs, reserved: { ...reserved, before, after: without(reserved.after, lease.left) } };
  }

  isOpen(id: string): boolean {
    return this.#open.has(id);
  }

  /** A call has used its part. */
  used(id: string, series: string, amount: bigint, nowMs: number): void {
    this.#paceOf(series).take(amount, nowMs);
    this.#decided(id, 0n);
  }

  /** A call lets its part go. */
  unused(id: string, amount: bigint): void {
    this.#decided(id, amount);
  }

  /** No call can use it from here on. */
  end(id: string): void {
    const lease = this.#open.get(id);
    this.#open.delete(id);
    if (lease) this.#unshare(lease);
  }

  #decided(id: string, unused: bigint): void {
    const lease = this.#open.get(id);
    if (!lease) return;
    lease.calls--;
    lease.left += unused;
    if (lease.left === 0n || this.#shared.get(lease.key) !== lease) this.#close(lease);
  }

  #close(lease: Lease): void {
    this.#unshare(lease);
    if (lease.calls === 0 && this.#open.delete(lease.id)) this.#ended(lease);
  }

  #unshare(lease: Lease): void {
    if (this.#shared.get(lease.key) === lease) this.#shared.delete(lease.key);
  }

  #paceOf(series: string): Pace {
    const pace = this.#paces.get(series) ?? new Pace();
    this.#paces.set(series, pace);
    return pace;
  }
}

/** What is left of a lease is this gate's own, and not taken yet. */
const without = (readings: readonly Reading[], left: bigint): Reading[] =>
  readings.map((reading) => ({ ...reading, taken: reading.taken - left }));
