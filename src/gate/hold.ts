import type { GrantId } from "../id.ts";
import type { Book, Take } from "../limit/book.ts";
import { leaseMs } from "../limit/lease.ts";
import { type CounterStub, type Notice, type Reserved, usableMs } from "../limit/reservation.ts";
import { believed } from "../limit/reserved.ts";
import type { Charge, Standing } from "../limit/take.ts";
import type { Reading } from "../limit/window.ts";
import { inTime } from "./deadline.ts";
import { type Lease, Leases } from "./lease.ts";

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
  readonly #leases = new Leases((lease) => this.#ended(lease));
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
    return Promise.all(wishes.map((wish) => this.#reserveOne(holder, wish)));
  }

  async #reserveOne(holder: Holder, wish: Wish): Promise<Held> {
    const key = keyOf(holder, wish);
    const part = this.#leases.part(key, wish.amount, this.#deps.now());
    return part ? { ...wish, ...part } : this.#ask(holder, wish, key);
  }

  async #ask(holder: Holder, wish: Wish, key: string): Promise<Held> {
    const { series, amount, charges } = wish;
    const caps = charges.map(({ windowMs, unit, max }) => ({ windowMs, unit, max }));
    const askedMs = this.#deps.now();
    const id = `${askedMs.toString(36)}.${this.#deps.random().toString(36).slice(2)}`;
    const ends = { lifeMs: leaseMs(caps), toldAtOnce: charges.some(isToldAtOnce) };
    const lease: Lease = { id, series, key, askedMs, ...ends, reserved: null, left: 0n, calls: 1 };
    const block = this.#leases.begin(lease, amount);
    const untold = this.#toTell(series);
    try {
      const asked = this.#deps.counter(series).reserve({ ...holder, id, amount, block, caps }, untold);
      const reserved = believed(await inTime(asked, usableMs), caps, amount, block);
      this.#deps.book.confirmed(untold);
      return { ...wish, id, askedMs, reserved: this.#leases.granted(lease, reserved, amount) };
    } catch (error) {
      console.error("a shared counter does not answer", { series, error });
      this.#note(series, ...untold.map((notice) => notice.id));
      return { ...wish, id, askedMs, reserved: this.#leases.granted(lease, null, amount) };
    }
  }

  /** Whether the gate may still use all of it. To be asked in the turn that writes the row. */
  usable(held: readonly Held[]): boolean {
    return held.every(
      ({ id, reserved, charges, askedMs }) =>
        (reserved === null && charges.length === 0) ||
        (reserved?.granted === true && this.#leases.isOpen(id) && this.#deps.now() - askedMs < usableMs),
    );
  }

  /** What the decision's row must say of it; that row must be written in the same turn. */
  use(held: readonly Held[]): Take[] {
    return held.flatMap(({ id, series, amount, askedMs, reserved }) => {
      const nowMs = this.#deps.now();
      if (reserved) this.#leases.used(id, series, amount, nowMs);
      else this.#leases.unused(id, amount);
      const elapsedMs = Math.max(0, nowMs - askedMs);
      return reserved ? [{ series, amount, held: { id, atMs: reserved.atMs, elapsedMs } }] : [];
    });
  }

  /** Lets all of it go: the call does not go on. */
  release(held: readonly Held[]): void {
    for (const { id, amount } of held) this.#leases.unused(id, amount);
  }

  /** What a counter asks: the end of reservations. No call uses them from here on. */
  resolve(ids: readonly string[]): Notice[] {
    for (const id of ids) this.#leases.end(id);
    return ids.map((id) => this.#endOf(id));
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

  /** Others may want what is left of it; else the counter is told with the next request. */
  #ended({ id, series, left, toldAtOnce }: Lease): void {
    this.#note(series, id);
    if (left > 0n || toldAtOnce) this.#deps.behind(this.#tell(series));
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

const isToldAtOnce = ({ unit, windowMs }: Charge): boolean =>
  windowMs < (unit === null ? slidingToldUnderMs : calendarToldUnderMs);

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
