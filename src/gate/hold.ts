import type { GrantId } from "../id.ts";
import type { Book, Take } from "../limit/book.ts";
import { leaseMs, Pace } from "../limit/lease.ts";
import { type CounterStub, type Notice, type Reserved, usableMs } from "../limit/reservation.ts";
import { believed } from "../limit/reserved.ts";
import type { Charge, Standing } from "../limit/take.ts";
import type { Reading } from "../limit/window.ts";
import { inTime } from "./deadline.ts";

/** What a shared counter said to one call's charges on it; null where it could not be asked. */
export interface Held extends Wish {
  readonly id: string;
  readonly askedMs: number;
  readonly reserved: Reserved | null;
}

/** What one call wants of one shared counter. */
interface Wish {
  readonly series: string;
  readonly amount: bigint;
  /** Those that can refuse, one a reading. */
  readonly charges: readonly Charge[];
}

/** A reservation without an end: one call's, or a block that calls under the same limits share. */
interface Lease {
  readonly id: string;
  readonly series: string;
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

export interface HoldDeps {
  readonly counter: (series: string) => CounterStub;
  readonly book: Book;
  /** The gate's own time, for how long things took. */
  readonly now: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Goes on behind the answer. */
  readonly behind: (work: Promise<unknown>) => void;
}

/** For whom, and in what calendar, a gate reserves. */
export interface Holder {
  readonly gate: GrantId;
  readonly zone: string;
  readonly epoch: number;
}

// Within `askAfterMs` a counter knows every end without being told. Windows for which that is too late are told at once.
const slidingToldUnderMs = 10_000;
const calendarToldUnderMs = 600_000;

/**
 * A gate's dealings with shared counters. Room is reserved before the gate's one turn; in that turn the gate either uses all
 * that it was granted, in the decision's own row, or lets all of it go. A gate that calls often reserves for the calls that
 * come next as well: a lease (record 7). What it does not tell, counters ask.
 */
export class Holds {
  readonly #deps: HoldDeps;
  readonly #open = new Map<string, Lease>();
  /** The lease that calls under one set of limits share now, from the moment at which it is asked for. */
  readonly #shared = new Map<string, Lease>();
  readonly #paces = new Map<string, Pace>();
  /** Reservations that have ended, by the series whose counter has yet to hear of it. */
  readonly #untold = new Map<string, string[]>();

  constructor(deps: HoldDeps) {
    this.#deps = deps;
  }

  /** Reserves what the charges need, all series at once. */
  async reserve(holder: Holder, charges: readonly Charge[]): Promise<Held[]> {
    const bySeries = Map.groupBy(charges, ({ series }) => series);
    const wishes = [...bySeries].map(([series, all]): Wish => {
      // Once to a series, however many limits name it.
      const amount = all[0]?.amount ?? 0n;
      return { series, amount, charges: all.filter(({ shadow }) => !shadow) };
    });
    return Promise.all(wishes.map((wish) => this.#fromLease(holder, wish) ?? this.#ask(holder, wish)));
  }

  /** Takes it from a lease where there is one; null: the counter must be asked. */
  #fromLease(holder: Holder, wish: Wish): Held | null {
    const lease = this.#shared.get(keyOf(holder, wish));
    const { amount } = wish;
    if (!lease?.reserved || lease.left < amount || this.#deps.now() - lease.askedMs >= lease.lifeMs)
      return null;
    const before = without(lease.reserved.after, lease.left);
    lease.left -= amount;
    lease.calls++;
    const after = without(lease.reserved.after, lease.left);
    return { ...wish, id: lease.id, askedMs: lease.askedMs, reserved: { ...lease.reserved, before, after } };
  }

  async #ask(holder: Holder, wish: Wish): Promise<Held> {
    const { series, amount, charges } = wish;
    const caps = charges.map(({ windowMs, unit, max }) => ({ windowMs, unit, max }));
    const lease = this.#begin(holder, wish, leaseMs(caps));
    const { id, askedMs } = lease;
    const block = this.#blockFor(lease, amount);
    const untold = this.#toTell(series);
    try {
      const asked = this.#deps.counter(series).reserve({ ...holder, id, amount, block, caps }, untold);
      const reserved = believed(await inTime(asked, usableMs), caps, amount, block);
      this.#deps.book.confirmed(untold);
      return { ...wish, id, askedMs, reserved: this.#granted(lease, reserved, amount) };
    } catch (error) {
      console.error("a shared counter does not answer", { series, error });
      this.#note(series, ...untold.map((notice) => notice.id));
      this.#unshare(lease);
      return { ...wish, id, askedMs, reserved: null };
    }
  }

  #begin(holder: Holder, wish: Wish, lifeMs: number): Lease {
    const askedMs = this.#deps.now();
    const lease: Lease = {
      id: `${askedMs.toString(36)}.${this.#deps.random().toString(36).slice(2)}`,
      series: wish.series,
      key: keyOf(holder, wish),
      askedMs,
      lifeMs,
      toldAtOnce: wish.charges.some(toldAtOnce),
      reserved: null,
      left: 0n,
      calls: 1,
    };
    this.#open.set(lease.id, lease);
    return lease;
  }

  /** How much to ask for with the one call, now that the last lease has no more for it; one such request at a time. */
  #blockFor(lease: Lease, amount: bigint): bigint {
    const last = this.#shared.get(lease.key);
    if (last && !last.reserved) return 0n;
    if (last) {
      this.#unshare(last);
      this.#endIdle(last);
    }
    const block = this.#paceOf(lease.series).block(amount, lease.lifeMs, lease.askedMs);
    if (block > 0n) this.#shared.set(lease.key, lease);
    return block;
  }

  #granted(lease: Lease, reserved: Reserved, amount: bigint): Reserved {
    if (!reserved.granted) this.#open.delete(lease.id);
    if (reserved.amount <= amount || !this.#open.has(lease.id)) {
      this.#unshare(lease);
      return reserved;
    }
    lease.reserved = reserved;
    lease.left = reserved.amount - amount;
    return { ...reserved, after: without(reserved.after, lease.left) };
  }

  /** Whether the gate may still use all of it. To be asked in the turn that writes the row. */
  usable(held: readonly Held[]): boolean {
    return held.every(
      ({ id, reserved, charges, askedMs }) =>
        (reserved === null && charges.length === 0) ||
        (reserved?.granted === true && this.#open.has(id) && this.#deps.now() - askedMs < usableMs),
    );
  }

  /** What the decision's row must say of it; that row must be written in the same turn. */
  use(held: readonly Held[]): Take[] {
    return held.flatMap(({ id, series, amount, askedMs, reserved }) => {
      this.#decided(id, reserved ? 0n : amount);
      if (!reserved) return [];
      const nowMs = this.#deps.now();
      this.#paceOf(series).take(amount, nowMs);
      const elapsedMs = Math.max(0, nowMs - askedMs);
      return [{ series, amount, held: { id, atMs: reserved.atMs, elapsedMs } }];
    });
  }

  /** Lets all of it go: the call does not go on. */
  release(held: readonly Held[]): void {
    for (const { id, amount } of held) this.#decided(id, amount);
  }

  #decided(id: string, unused: bigint): void {
    const lease = this.#open.get(id);
    if (!lease) return;
    lease.calls--;
    lease.left += unused;
    if (lease.left === 0n) this.#unshare(lease);
    this.#endIdle(lease);
  }

  /** Ends a reservation that no call has a part of, or can get one. Others may want what is left of it. */
  #endIdle(lease: Lease): void {
    const { id, key, series } = lease;
    if (lease.calls > 0 || this.#shared.get(key) === lease || !this.#open.delete(id)) return;
    this.#note(series, id);
    if (lease.left > 0n || lease.toldAtOnce) this.#deps.behind(this.#tell(series));
  }

  #unshare(lease: Lease): void {
    if (this.#shared.get(lease.key) === lease) this.#shared.delete(lease.key);
  }

  /** What a counter asks: the end of reservations. No call uses them from here on. */
  resolve(ids: readonly string[]): Notice[] {
    return ids.map((id) => {
      const lease = this.#open.get(id);
      this.#open.delete(id);
      if (lease) this.#unshare(lease);
      return this.#endOf(id);
    });
  }

  /** Gives back what calls took that never left; true when every counter has confirmed. */
  async giveBack(): Promise<boolean> {
    const bySeries = Map.groupBy(this.#deps.book.owed, ({ series }) => series);
    const told = [...bySeries].map(async ([series, owed]) =>
      this.#send(
        series,
        owed.map(({ notice }) => notice),
      ),
    );
    return (await Promise.all(told)).every(Boolean);
  }

  #endOf(id: string): Notice {
    return this.#deps.book.endOf(id, Number.parseInt(id, 36), this.#deps.now());
  }

  #note(series: string, ...ids: string[]): void {
    if (ids.length > 0) this.#untold.set(series, [...(this.#untold.get(series) ?? []), ...ids]);
  }

  #toTell(series: string): Notice[] {
    const ids = this.#untold.get(series) ?? [];
    this.#untold.delete(series);
    return ids.map((id) => this.#endOf(id));
  }

  async #tell(series: string): Promise<void> {
    // The turn that ended it has yet to write its row.
    await null;
    const notices = this.#toTell(series);
    if (notices.length > 0) await this.#send(series, notices);
  }

  #paceOf(series: string): Pace {
    const known = this.#paces.get(series);
    if (known) return known;
    const pace = new Pace();
    this.#paces.set(series, pace);
    return pace;
  }

  async #send(series: string, notices: readonly Notice[]): Promise<boolean> {
    try {
      await inTime(this.#deps.counter(series).tell(notices), usableMs);
      this.#deps.book.confirmed(notices);
      return true;
    } catch (error) {
      console.error("a shared counter does not hear what became of reservations", { series, error });
      return false;
    }
  }
}

/** Room may be shared by calls that must fit under the same limits, until anything is edited. */
const keyOf = ({ epoch }: Holder, { series, charges }: Wish): string =>
  [series, epoch, ...charges.flatMap(({ windowMs, unit, max }) => [windowMs, unit, max])].join(" ");

const toldAtOnce = ({ unit, windowMs }: Charge): boolean =>
  windowMs < (unit === null ? slidingToldUnderMs : calendarToldUnderMs);

/** What is left of a lease is this gate's own, and not taken yet. */
const without = (readings: readonly Reading[], left: bigint): Reading[] =>
  readings.map((reading) => ({ ...reading, taken: reading.taken - left }));

/** How the shared limits stood before the call, or stand after it, in the gate's time. */
export function standingsOf(held: readonly Held[], when: "before" | "after", nowMs: number): Standing[] {
  return held.flatMap(({ charges, reserved }) => {
    if (!reserved) return [];
    const sinceMs = nowMs - reserved.atMs;
    return charges.flatMap((charge, i) => {
      const reading = reserved[when][i];
      return reading ? [{ charge, ...later(reading, sinceMs) }] : [];
    });
  });
}

const later = ({ taken, roomAtMs, returnsAtMs }: Reading, byMs: number): Reading => ({
  taken,
  roomAtMs: roomAtMs === null ? null : roomAtMs + byMs,
  returnsAtMs: returnsAtMs + byMs,
});
